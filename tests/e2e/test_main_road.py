# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job, end to end: what "make demo" does and shows."""

from __future__ import annotations

import re

import pytest
from road import CLUSTER, REGION, Road

STEPS = {
    1: "Start the local region",
    2: "Bake the node image",
    3: "Form the cluster",
    4: "push them to ECR",
    5: "Deploy: log groups",
    6: "200 requests",
    7: "log lines from CloudWatch",
    8: "Deploy again: nothing to change",
    9: "One more worker",
    10: "version 2 under requests",
    11: "broken version 3",
}


@pytest.mark.parametrize("number", STEPS, ids=lambda number: STEPS[number].replace(" ", "-"))
def test_step(road: Road, number: int) -> None:
    assert len(road.report) >= number, f"the demo did not get to step {number}:\n{road.output}"
    step = road.report[number - 1]
    assert STEPS[number] in step["title"] and step["lines"] and not step["problem"], step


def test_demo_ends_with_its_table_and_what_to_do_next(road: Road) -> None:
    assert road.status == 0, road.output
    assert f"{sum(step['seconds'] for step in road.report):.1f} s\n" in road.output
    assert "What next?" in road.output
    # How to reach a manager, and where its inventory lies.
    assert "demo.swarm_ec2.yml apiary.swarm.status -e cluster=" in road.output and 'leader -b -a "' in road.output


def test_a3_the_demo_comes_in_as_a_user_does(road: Road) -> None:
    """Nothing is set: not in the inventory, and no rule lets an address in. Each connection is a key and a tunnel."""
    assert "ansible_" not in (road.folder / "demo.swarm_ec2.yml").read_text()
    calls, dummy = road.calls()
    assert [
        one for one in calls if one["action"] in ("ImportKeyPair", "CreateKeyPair") and "bake" not in str(one)
    ] == []
    for action in ("SendSSHPublicKey", "OpenTunnel"):
        made = [one for one in calls if one["action"] == action]
        roles = {f"{CLUSTER}-{REGION}-{name}" for name in ("deploy", "operate")}
        assert made and {one["error"] for one in made} == {""} and {one["role"] for one in made} <= roles, made


def test_demo_shows_no_secret(road: Road) -> None:
    shown = road.output + (road.folder / "demo.log").read_text()
    assert not re.search(r"SWMTKN-1-\w{10}", shown)
    assert not re.search(r"SWMKEY-1-\w{10}", shown)
    assert "PRIVATE KEY" not in shown
