# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks as far as they need AWS alone: whether to bake, the report on images, and a deploy without its images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from moto_region import Region
from permissions import missing

ROOT = Path(__file__).resolve().parents[3]
Play = t.Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def play(region: Region) -> Play:
    """Return a function that runs one of the collection's playbooks for the cluster demo."""

    def run(playbook: str, *options: str, **variables: t.Any) -> subprocess.CompletedProcess[str]:
        given = {"cluster": "demo", "region": "eu-west-1", "ansible_python_interpreter": sys.executable, **variables}
        return subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                f"apiary.swarm.{playbook}",
                *("-i", "localhost,", "-c", "local", "-e", json.dumps(given), *options),
            ],
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.cache/ac:{ROOT}/.cache/collections"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def test_bake_in_check_mode_says_whether_and_why(
    region: Region, play: Play, base: str, make_image: t.Callable[..., str]
) -> None:
    """First because there is no image; after a bake not; then because of the one part that has changed."""
    region.client("ssm").put_parameter(Name="/base", Value=base, Type="String")
    region.forget()
    first = play("bake", "--check", bake_base_image="/base")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "To bake: There is no validated image yet." in first.stdout
    assert region.writes() == []
    parts = lookup_parts()
    tags = {"validated": "true", "bake-parts": f"base={base} roles={parts['roles']} variables=other version=other"}
    image = make_image("one", **tags)
    changed = play("bake", "--check", bake_base_image="/base")
    expected = f"To bake: Since {image} was baked, the variables and the collection's version changed."
    assert expected in changed.stdout, changed.stdout + changed.stderr
    assert region.writes() == []


def lookup_parts() -> dict[str, str]:
    """Return what the lookup bake_parts says of the roles' files."""
    from ansible_collections.apiary.swarm.plugins.lookup import bake_parts

    roles = ("agent", "ecr", "edge", "engine", "node")
    folders = [*(f"roles/{role}" for role in roles), *bake_parts.LIBRARIES]
    return {"roles": bake_parts.files_hash(bake_parts.COLLECTION, folders)}


def test_sharing_needs_a_key_of_ones_own(region: Region, play: Play, base: str) -> None:
    """Refused before a machine is started, in one sentence."""
    region.forget()
    done = play("bake", bake_base_image=base, bake_share_with=["210987654321"])
    assert done.returncode != 0
    assert "bake_share_with needs bake_kms_key_id" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert region.writes() == []


def test_an_image_that_is_there_is_copied_shared_and_published(
    region: Region, play: Play, base: str, make_image: t.Callable[..., str]
) -> None:
    """Nothing to bake, and a region and an account more than last time."""
    hashed = play("bake", "--check", "-vv", bake_base_image=base, bake_kms_key_id=KEY)
    wanted = json.loads("{" + hashed.stdout.split('"tags": {', 1)[1].split("}", 1)[0] + "}")
    image = make_image("one", validated="true", **{key.removeprefix("swarm:"): value for key, value in wanted.items()})
    more = {
        "bake_base_image": base,
        "bake_kms_key_id": KEY,
        "bake_copy_to": ["us-east-1"],
        "bake_share_with": ["210987654321"],
        "bake_deprecate_after_days": 0,
    }
    checked = play("bake", "--check", **more)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert region.writes() == [] and "CopyImage" not in region.actions()
    done = play("bake", **more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert missing(region.calls, "bake", "bake-copies") == []
    (copy,) = region.client("ec2", "us-east-1").describe_images(Owners=["self"])["Images"]
    for where, identity in (("eu-west-1", image), ("us-east-1", copy["ImageId"])):
        ssm = region.client("ssm", where)
        assert ssm.get_parameter(Name="/swarm-images/demo/ami")["Parameter"]["Value"] == identity
        attribute = region.client("ec2", where).describe_image_attribute(ImageId=identity, Attribute="launchPermission")
        assert [entry["UserId"] for entry in attribute["LaunchPermissions"]] == ["210987654321"]


NOBODY = {"ansible_host": "127.0.0.1", "ansible_port": 9}
"""Where no machine of a bake answers."""


def test_a20_the_stopped_builder_of_a_killed_bake_is_not_taken_over(region: Region, play: Play, base: str) -> None:
    """It goes as soon as the lock is taken. Nobody answers for the new builder, so this bake fails, and tidies up."""
    ec2 = region.client("ec2")
    tags = {"Name": "swarm-bake-demo-builder", "swarm:bake": "true", "swarm:cluster": "demo"}
    subnet = ec2.describe_subnets()["Subnets"][0]
    (old,) = ec2.run_instances(
        ImageId=base,
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet["SubnetId"],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}],
    )["Instances"]
    ec2.stop_instances(InstanceIds=[old["InstanceId"]])
    ec2.create_security_group(GroupName="swarm-bake-demo", Description="left", VpcId=subnet["VpcId"])
    region.forget()
    done = play("bake", bake_base_image=base, bake_boot_timeout=1, bake_subnet_id=subnet["SubnetId"], **NOBODY)
    assert "The bake for demo failed and left nothing behind." in done.stdout, done.stdout + done.stderr
    actions = region.actions()
    assert actions.index("PutParameter") < actions.index("TerminateInstances") < actions.index("RunInstances")
    assert "StartInstances" not in actions
    found = [item for one in ec2.describe_instances()["Reservations"] for item in one["Instances"]]
    assert len(found) == 2 and {item["State"]["Name"] for item in found} == {"terminated"}
    # moto forgets the groups that RunInstances named, so that amazon.aws sets them again; AWS does not.
    made = [call for call in region.calls[: len(actions)] if call.action != "ModifyInstanceAttribute"]
    assert missing(made, "bake") == []
    assert "swarm-bake-demo" not in str(ec2.describe_security_groups()["SecurityGroups"])


KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def test_the_report_on_images(region: Region, play: Play, make_image: t.Callable[..., str], tmp_path: Path) -> None:
    """The playbook images: a table, and the flaws."""
    image = make_image("one", validated="true")
    packages = [{"name": "docker-ce", "version": "5:29.1"}, {"name": "openssl", "version": "3.5.1-1"}]
    listed = {"distribution": "Debian 13", "release": "trixie", "packages": packages}
    (tmp_path / f"{image}.json").write_text(json.dumps(listed), "utf-8")
    tracker = tmp_path / "tracker.json"
    tracker.write_text(json.dumps({"openssl": {"CVE-2026-1": {"releases": {"trixie": {"status": "open"}}}}}), "utf-8")
    done = play("images", images_artifacts=str(tmp_path), images_tracker=str(tracker))
    assert done.returncode == 0, done.stdout + done.stderr
    assert image in done.stdout and "5:29.1" in done.stdout and "Debian 13" in done.stdout
    assert missing(region.calls, "operate") == []
    assert "Without a fix yet: openssl" in done.stdout and "CVE-2026-1" in done.stdout
    assert region.writes() == []


def test_u19_no_inventory_is_no_warning(region: Region, tmp_path: Path) -> None:
    """With the settings that the examples come with."""
    given = json.dumps({"cluster": "demo", "region": "eu-west-1", "images_artifacts": str(tmp_path)})
    paths = f"{ROOT}/.cache/ac:{ROOT}/.cache/collections"
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "apiary.swarm.images", "-e", given],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": paths, "ANSIBLE_CONFIG": f"{ROOT}/examples/ansible.cfg"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout
