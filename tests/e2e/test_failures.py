# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong half-way or outside: it is named, and nothing is left lying about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from road import CLUSTER, REGION, Road

LEFT_OF_A_BAKE = (
    "import boto3, json; ec2 = boto3.client('ec2');"
    "ours = [{'Name': 'tag:swarm:bake', 'Values': ['true']}];"
    "machines = [i for r in ec2.describe_instances(Filters=ours)['Reservations'] for i in r['Instances']"
    "            if i['State']['Name'] not in ('terminated', 'shutting-down')];"
    "images = ec2.describe_images(Owners=['self'], Filters=ours)['Images'];"
    "keys = [k['KeyName'] for k in ec2.describe_key_pairs()['KeyPairs']];"
    "groups = [g['GroupName'] for g in ec2.describe_security_groups()['SecurityGroups']];"
    "print(json.dumps({"
    "'machines': [i['InstanceId'] for i in machines], 'images': sorted(i['ImageId'] for i in images),"
    "'keys': [k for k in keys if 'bake' in k], 'groups': [g for g in groups if 'bake' in g]}))"
)


def test_a_failed_bake_leaves_nothing_and_says_what_failed(road: Road) -> None:
    before = road.region.python(LEFT_OF_A_BAKE)
    done = road.playbook("bake", variables={"bake_force": True, "engine_version": "99.0.0"})
    output = done.stdout + done.stderr
    assert done.returncode != 0, output
    assert f"The bake for {CLUSTER} failed and left nothing behind." in output
    assert "Install the engine by apt" in output
    assert "99.0.0" in output
    assert road.region.python(LEFT_OF_A_BAKE) == before
    assert before["machines"] == before["keys"] == before["groups"] == []


def test_no_credentials(road: Road) -> None:
    without = [f"-u{name}" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
    command = ["ansible-playbook", "apiary.swarm.cluster", "-e", f"cluster={CLUSTER}", "-e", f"region={REGION}"]
    done = road.region.run(["env", *without, *command])
    output = done.stdout + done.stderr
    assert done.returncode != 0, output
    assert "credentials" in output
    assert "Traceback" not in output


def test_a_manager_that_does_not_answer_is_named(road: Road, tmp_path: Path) -> None:
    # 10.20.0.9 is inside the VPC, and nobody has it.
    inventory = tmp_path / "hosts"
    inventory.write_text(f"[managers]\n10.20.0.9\n[{CLUSTER}]\n10.20.0.9\n", encoding="utf-8")
    given: dict[str, Any] = {"cluster": CLUSTER, "region": REGION, "stack": "shop", "files": "examples/shop/stack.yml"}
    given["deploy_env"] = {"REGISTRY": "registry", "VERSION": "1"}
    command = ["ansible-playbook", "apiary.swarm.deploy", "-i", str(inventory), "-e", json.dumps(given)]
    done = road.region.run(command)
    output = done.stdout + done.stderr
    assert done.returncode != 0, output
    assert f"No manager of {CLUSTER} answers. 10.20.0.9: " in output
    assert "Traceback" not in output
