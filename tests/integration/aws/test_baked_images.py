# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that look after baked images: what they change, and that they change it once."""

from __future__ import annotations

import typing as t
from datetime import datetime

import pytest
from moto.ec2.responses import EC2Response
from moto_region import Region

from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import users as image_users
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.baking import bake_hash, parts_to_tag
from ansible_collections.apiary.swarm.plugins.modules import bake_info, bake_lock, image_attributes, image_retire

Run = t.Callable[..., dict[str, t.Any]]
PARTS = {"roles": "aaaa", "variables": "bbbb", "version": "1.0.0"}
PARAMETER = "/swarm-images/demo/ami"


@pytest.fixture(autouse=True)
def deprecations(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Let moto take deprecation dates, which it does not know; return those it was given."""
    given: list[datetime] = []

    def enable_image_deprecation(self: EC2Response) -> str:
        given.append(self._get_param("DeprecateAt"))
        return "<EnableImageDeprecationResponse><return>true</return></EnableImageDeprecationResponse>"

    monkeypatch.setattr(EC2Response, "enable_image_deprecation", enable_image_deprecation, raising=False)
    return given


def parameter(region: Region, name: str = PARAMETER) -> str:
    """Return the value of an SSM parameter, empty if there is none."""
    found = region.client("ssm").get_parameters(Names=[name])["Parameters"]
    return str(found[0]["Value"]) if found else ""


def snapshots(region: Region, image: str) -> list[str]:
    found = region.client("ec2").describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"]
    return [mapping["Ebs"]["SnapshotId"] for mapping in found if "Ebs" in mapping]


# -- image_attributes --------------------------------------------------------------------------------------------------
def test_attributes_are_announced_made_and_left_alone(
    region: Region, run_module: Run, make_image: t.Callable[..., str]
) -> None:
    image = make_image("one")
    wanted = {"image_id": image, "tags": {"swarm:validated": "true"}, "publish_to": PARAMETER}
    checked = run_module(image_attributes, check=True, diff=True, **wanted)
    assert checked["changed"]
    assert region.writes() == []
    done = run_module(image_attributes, diff=True, **wanted)
    assert done["diff"] == checked["diff"]
    assert parameter(region) == image
    tagged = region.client("ec2").describe_tags(Filters=[{"Name": "key", "Values": ["swarm:validated"]}])["Tags"]
    assert {tag["ResourceId"] for tag in tagged} == {image, *snapshots(region, image)}
    region.forget()
    assert not run_module(image_attributes, **wanted)["changed"]
    assert region.writes() == []


def test_the_deprecation_date_counts_from_the_image(
    region: Region, run_module: Run, make_image: t.Callable[..., str], deprecations: list[datetime]
) -> None:
    done = run_module(image_attributes, image_id=make_image("one"), deprecate_after_days=180)
    assert done["changed"]
    assert f"{deprecations[0]:%Y-%m-%dT%H:%M:%SZ}" == done["deprecated"]
    assert done["deprecated"].endswith(":00Z")


def test_imdsv2_is_required(region: Region, run_module: Run, make_image: t.Callable[..., str]) -> None:
    assert run_module(image_attributes, image_id=make_image("one"), imds_v2=True)["changed"]
    assert "ModifyImageAttribute" in region.actions()


def test_an_image_that_is_not_there(region: Region, run_module: Run) -> None:
    failed = run_module(image_attributes, image_id="ami-0123456789abcdef0", publish_to=PARAMETER)
    assert failed["msg"] == "The image ami-0123456789abcdef0 does not exist in eu-west-1."
    assert parameter(region) == ""


# -- bake_info ---------------------------------------------------------------------------------------------------------
def test_whether_to_bake(region: Region, run_module: Run, base: str, make_image: t.Callable[..., str]) -> None:
    first = run_module(bake_info, base_image=base, parts=PARTS)
    assert (first["bake"], first["reason"]) == (True, "There is no validated image yet.")
    parts = {"base": base, **PARTS}
    assert first["bake_hash"] == bake_hash(parts)
    image = make_image("one", validated="true", **{"bake-hash": bake_hash(parts), "bake-parts": parts_to_tag(parts)})
    second = run_module(bake_info, base_image=base, parts=PARTS)
    assert (second["bake"], second["image_id"]) == (False, image)
    third = run_module(bake_info, base_image=base, parts={**PARTS, "roles": "cccc"})
    assert third["reason"] == f"Since {image} was baked, the roles' files changed."
    assert run_module(bake_info, base_image=base, parts=PARTS, force=True)["bake"]
    assert region.writes() == []


def test_the_base_image_may_be_a_parameter(region: Region, run_module: Run, base: str) -> None:
    region.client("ssm").put_parameter(Name="/base", Value=base, Type="String")
    assert run_module(bake_info, base_image="/base", parts=PARTS)["base"]["image_id"] == base


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("", "There is no base image to bake from: write an AMI ID"),
        ("/none", "The SSM parameter /none does not exist."),
        ("ami-0123456789abcdef0", "The base image ami-0123456789abcdef0 does not exist in eu-west-1"),
        ("debian", "'debian' is not an AMI ID"),
    ],
)
def test_no_base_image(region: Region, run_module: Run, reference: str, reason: str) -> None:
    failed = run_module(bake_info, base_image=reference, parts=PARTS)
    assert reason in failed["msg"]


def test_no_subnet_to_bake_in(region: Region, run_module: Run, base: str) -> None:
    failed = run_module(bake_info, base_image=base, parts=PARTS, subnet_id="subnet-0123456789abcdef0")
    assert failed["msg"].startswith("There is no subnet subnet-0123456789abcdef0 in eu-west-1")


# -- image_retire ------------------------------------------------------------------------------------------------------
@pytest.fixture
def fleet(region: Region, make_image: t.Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five images, oldest first; moto gives all the same creation date, so names decide."""
    images = sorted(make_image(f"image-{number}", validated="true") for number in range(5))
    region.forget()
    return images


def left(region: Region) -> set[str]:
    return {image["ImageId"] for image in region.client("ec2").describe_images(Owners=["self"])["Images"]}


def test_old_images_go_with_their_snapshots(region: Region, run_module: Run, fleet: list[str]) -> None:
    held = {image: snapshots(region, image) for image in fleet}
    region.forget()
    checked = run_module(image_retire, check=True, cluster="demo", keep=2)
    assert region.writes() == []
    done = run_module(image_retire, cluster="demo", keep=2)
    assert done["retired"] == checked["retired"]
    gone = {item["image_id"] for item in done["retired"]}
    assert len(gone) == 3
    assert left(region) == set(fleet) - gone
    known = {
        snapshot["SnapshotId"] for snapshot in region.client("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]
    }
    assert not known & {snapshot for image in gone for snapshot in held[image]}
    assert not run_module(image_retire, cluster="demo", keep=2)["changed"]


def test_what_is_used_stays(region: Region, run_module: Run, fleet: list[str]) -> None:
    ec2 = region.client("ec2")
    ec2.run_instances(ImageId=fleet[0], MinCount=1, MaxCount=1)
    ec2.create_launch_template(LaunchTemplateName="swarm", LaunchTemplateData={"ImageId": fleet[1]})
    region.client("ssm").put_parameter(Name="/swarm-images/other/ami", Value=fleet[2], Type="String")
    done = run_module(image_retire, cluster="demo", keep=0)
    assert {item["image_id"] for item in done["retired"]} == set(fleet[3:])
    reasons = {item["image_id"]: item["reason"] for item in done["kept"]}
    assert reasons[fleet[0]].startswith("used by instance i-")
    assert reasons[fleet[1]] == "used by launch template swarm version 1"
    assert reasons[fleet[2]] == "used by SSM parameter /swarm-images/other/ami"


def test_a4_users_are_found_without_reading_a_token(region: Region, run_module: Run, fleet: list[str]) -> None:
    """By name under the images' own path; under the earlier one until the cluster has published there."""
    ssm = region.client("ssm")
    for number, cluster in enumerate(f"c{number:02}" for number in range(11)):
        ssm.put_parameter(Name=f"/swarm-images/{cluster}/ami", Value=fleet[number % 2], Type="String")
    ssm.put_parameter(Name="/swarm/c01/ami", Value=fleet[2], Type="String")
    ssm.put_parameter(Name="/swarm/old/ami", Value=fleet[3], Type="String")
    ssm.put_parameter(Name="/swarm/old/token/manager", Value="SWMTKN-1", Type="SecureString")
    region.forget()
    done = run_module(image_retire, cluster="demo", keep=0)
    assert {item["image_id"] for item in done["retired"]} == {fleet[2], *fleet[4:]}
    reasons = {item["image_id"]: item["reason"] for item in done["kept"]}
    assert reasons[fleet[0]].count("SSM parameter /swarm-images/") == 6
    assert reasons[fleet[3]] == "used by SSM parameter /swarm/old/ami"
    assert "GetParametersByPath" not in region.actions()
    assert not [call for call in region.calls if call.action.startswith("GetParam") and "token" in call.body]


def test_a_version_that_a_group_starts_counts(region: Region, fleet: list[str]) -> None:
    ec2 = region.client("ec2")
    template = ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData={"ImageId": fleet[0]})
    identity = template["LaunchTemplate"]["LaunchTemplateId"]
    ec2.create_launch_template_version(LaunchTemplateId=identity, LaunchTemplateData={"ImageId": fleet[1]})
    ec2.create_launch_template_version(LaunchTemplateId=identity, LaunchTemplateData={"ImageId": fleet[2]})
    autoscaling = region.client("autoscaling")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="g",
        MinSize=0,
        MaxSize=0,
        AvailabilityZones=["eu-west-1a"],
        LaunchTemplate={"LaunchTemplateId": identity, "Version": "2"},
    )
    assert image_users.by_launch_templates(ec2, autoscaling).keys() == set(fleet[:3])


def test_images_of_other_clusters_are_left_alone(region: Region, run_module: Run, fleet: list[str]) -> None:
    assert not run_module(image_retire, cluster="other", keep=0)["changed"]
    assert left(region) == set(fleet)


def test_a_negative_number_is_refused(region: Region, run_module: Run) -> None:
    assert run_module(image_retire, cluster="demo", keep=-1)["msg"] == "keep -1 cannot be: write 0 or more."


# -- bake_lock ---------------------------------------------------------------------------------------------------------
def test_the_lock(region: Region, run_module: Run) -> None:
    mine = {"cluster": "demo", "owner": "me@here", "token": "1"}
    assert run_module(bake_lock, check=True, **mine)["changed"]
    assert region.writes() == []
    assert run_module(bake_lock, **mine)["changed"]
    assert not run_module(bake_lock, **mine)["changed"]
    other = run_module(bake_lock, cluster="demo", owner="you", token="2")
    assert other["failed"]
    assert other["msg"].startswith("Another bake of demo has been running for 0 minutes, by me@here: wait for it")
    assert not run_module(bake_lock, cluster="demo", token="2", state="absent")["changed"]
    assert run_module(bake_lock, cluster="demo", token="1", state="absent")["changed"]
    assert not run_module(bake_lock, cluster="demo", token="1", state="absent")["changed"]
