# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images beyond the bake: copies in other regions, accounts that may use them, and the report."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from moto.ec2.models.amis import Ami
from moto.ec2.responses import EC2Response
from moto.ec2.utils import convert_tag_spec
from moto_region import Fault, Region

from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import copies as image_copies
from ansible_collections.apiary.swarm.plugins.modules import image_attributes, image_copy, image_info, image_retire

Run = t.Callable[..., dict[str, t.Any]]
MakeImage = t.Callable[..., str]
FRIEND, STRANGER = "210987654321", "321098765432"


@pytest.fixture(autouse=True)
def copies(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, t.Any]]:
    """Let copies carry the tags that were asked for, which moto forgets; return what else was asked for."""
    asked: list[dict[str, t.Any]] = []
    plain = EC2Response.copy_image

    def copy_image(self: EC2Response) -> t.Any:
        answer = plain(self)
        image: Ami = self.ec2_backend.amis[answer.result["ImageId"]]
        tags = convert_tag_spec(self._get_param("TagSpecifications", []))
        image.add_tags(tags["image"])
        image.ebs_snapshot.add_tags(tags["snapshot"])
        asked.append({key: self._get_param(key) for key in ("Encrypted", "KmsKeyId", "Name", "ClientToken")})
        return answer

    monkeypatch.setattr(EC2Response, "copy_image", copy_image)
    monkeypatch.setattr(image_copies, "POLL", 0.01)
    return asked


def describe(region: Region, where: str) -> list[dict[str, t.Any]]:
    found: list[dict[str, t.Any]] = region.client("ec2", where).describe_images(Owners=["self"])["Images"]
    return found


def tags_of(image: dict[str, t.Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in image["Tags"]}


# -- image_copy --------------------------------------------------------------------------------------------------------
def test_copies_are_announced_made_and_found_again(
    region: Region, run_module: Run, make_image: MakeImage, copies: list[dict[str, t.Any]]
) -> None:
    """One for each other region, encrypted, with the image's tags; a second run makes none."""
    image = make_image("one", validated="true")
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    wanted = {
        "image_id": image,
        "to_regions": ["us-east-1", "eu-west-1", "eu-central-1", "us-east-1"],
        "kms_key_ids": {"us-east-1": key},
    }
    checked = run_module(image_copy, check=True, **wanted)
    assert checked["changed"]
    assert checked["copies"] == [
        {"region": where, "image_id": "", "made": True} for where in ("us-east-1", "eu-central-1")
    ]
    assert "CopyImage" not in region.actions()
    done = run_module(image_copy, **wanted)
    for found in done["copies"]:
        (copy,) = describe(region, found["region"])
        assert copy["ImageId"] == found["image_id"]
        expected = {"swarm:bake": "true", "swarm:cluster": "demo", "swarm:validated": "true"}
        assert tags_of(copy) == {**expected, "swarm:copy-of": f"eu-west-1:{image}"}
        snapshot = copy["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        held = region.client("ec2", found["region"]).describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
        assert tags_of(held)["swarm:cluster"] == "demo"
    assert [one["Encrypted"] for one in copies] == [True, True]
    assert {one["KmsKeyId"] for one in copies} == {key, None}
    assert len({one["ClientToken"] for one in copies}) == 2
    region.forget()
    again = run_module(image_copy, **wanted)
    assert not again["changed"]
    assert [one["image_id"] for one in again["copies"]] == [one["image_id"] for one in done["copies"]]
    assert "CopyImage" not in region.actions()


def test_a_copy_that_failed_is_removed_and_made_again(
    region: Region, run_module: Run, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told with AWS's reason; the next run does not stumble over it."""
    image = make_image("one")
    monkeypatch.setattr(Ami, "state_reason", {"Code": "Client.Failure", "Message": "no key"}, raising=False)
    plain = EC2Response.copy_image

    def fail(self: EC2Response) -> t.Any:
        answer = plain(self)
        self.ec2_backend.amis[answer.result["ImageId"]].state = "failed"
        return answer

    with monkeypatch.context() as broken:
        broken.setattr(EC2Response, "copy_image", fail)
        failed = run_module(image_copy, image_id=image, to_regions=["us-east-1"])
    assert failed["failed"]
    assert failed["msg"].endswith(" in us-east-1 failed: no key.")
    done = run_module(image_copy, image_id=image, to_regions=["us-east-1"])
    (copy,) = describe(region, "us-east-1")
    assert done["changed"] and done["copies"][0]["image_id"] == copy["ImageId"] != failed["copies"][0]["image_id"]


def test_a_copy_that_takes_too_long(
    region: Region, run_module: Run, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is up, and the copy that is being made is not forgotten."""
    plain = EC2Response.copy_image

    def pend(self: EC2Response) -> t.Any:
        answer = plain(self)
        self.ec2_backend.amis[answer.result["ImageId"]].state = "pending"
        return answer

    monkeypatch.setattr(EC2Response, "copy_image", pend)
    wanted = {"image_id": make_image("one"), "to_regions": ["us-east-1"], "wait_timeout": 0}
    first = run_module(image_copy, **wanted)
    assert "in us-east-1 is not available after 0 seconds" in first["msg"]
    assert run_module(image_copy, **wanted)["copies"][0]["image_id"] == first["copies"][0]["image_id"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to_regions": ["us-esat-1"]}, "There is no region us-esat-1 (did you mean us-east-1?)."),
        ({"kms_key_ids": {"us-east-1": "alias/x"}}, "kms_key_ids: 'alias/x' for us-east-1 is not the ARN of a key"),
        (
            {"kms_key_ids": {"us-east-1": "arn:aws:kms:eu-west-1:123456789012:key/1"}},
            "kms_key_ids: the key for us-east-1 is in eu-west-1; take one of us-east-1.",
        ),
        ({"image_id": "ami-0123456789abcdef0"}, "The image ami-0123456789abcdef0 does not exist in eu-west-1."),
    ],
)
def test_bad_input(
    region: Region, run_module: Run, make_image: MakeImage, options: dict[str, t.Any], message: str
) -> None:
    given = {"image_id": make_image("one"), "to_regions": ["us-east-1"], **options}
    failed = run_module(image_copy, **given)
    assert message in failed["msg"] and "\n" not in failed["msg"]
    assert region.writes() == [] and "CopyImage" not in region.actions()


def test_copying_denied(region: Region, run_module: Run, make_image: MakeImage) -> None:
    """The missing permission and its region are named."""
    region.faults.append(Fault("CopyImage", "UnauthorizedOperation", status=403))
    failed = run_module(image_copy, image_id=make_image("one"), to_regions=["us-east-1"])
    assert "in us-east-1: permission ec2:CopyImage is missing." in failed["msg"]


# -- sharing -----------------------------------------------------------------------------------------------------------
def shared(region: Region, image: str) -> list[set[str]]:
    """Return the accounts that may use the image, and those that may use its snapshots."""
    ec2 = region.client("ec2")
    (found,) = ec2.describe_images(ImageIds=[image])["Images"]
    launch = ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")["LaunchPermissions"]
    volumes = [
        ec2.describe_snapshot_attribute(SnapshotId=mapping["Ebs"]["SnapshotId"], Attribute="createVolumePermission")[
            "CreateVolumePermissions"
        ]
        for mapping in found["BlockDeviceMappings"]
        if "Ebs" in mapping
    ]
    return [{entry["UserId"] for entry in entries if "UserId" in entry} for entries in (launch, *volumes)]


def test_an_image_is_shared_with_its_snapshots(region: Region, run_module: Run, make_image: MakeImage) -> None:
    """Check, do, again, change, empty, again."""
    image = make_image("one")
    wanted = {"image_id": image, "shared_with": [STRANGER, FRIEND]}
    checked = run_module(image_attributes, check=True, diff=True, **wanted)
    assert region.writes() == []
    done = run_module(image_attributes, diff=True, **wanted)
    assert done["changed"] and done["diff"] == checked["diff"]
    assert shared(region, image) == [{FRIEND, STRANGER}] * 2
    region.forget()
    assert not run_module(image_attributes, **wanted)["changed"]
    assert not run_module(image_attributes, image_id=image)["changed"]
    assert region.writes() == []
    assert run_module(image_attributes, image_id=image, shared_with=[FRIEND])["changed"]
    assert shared(region, image) == [{FRIEND}] * 2
    assert run_module(image_attributes, image_id=image, shared_with=[])["changed"]
    assert shared(region, image) == [set(), set()]
    assert not run_module(image_attributes, image_id=image, shared_with=[])["changed"]


@pytest.mark.parametrize("account", ["all", "12345", "arn:aws:iam::210987654321:root"])
def test_sharing_with_what_is_no_account(region: Region, run_module: Run, make_image: MakeImage, account: str) -> None:
    """Nobody makes an image public by this."""
    failed = run_module(image_attributes, image_id=make_image("one"), shared_with=[account])
    assert failed["msg"] == f"shared_with: {account!r} is not an account: write its 12 digits, in quotes."
    assert region.writes() == []


# -- image_info --------------------------------------------------------------------------------------------------------
@pytest.fixture
def artifacts(tmp_path: Path) -> t.Callable[..., str]:
    """Return a function that writes the list of packages of an image, and returns the folder."""

    def write(image: str, **more: t.Any) -> str:
        packages = [
            {"name": "docker.io", "version": "26.1.5-1", "source_package": "docker.io", "source_version": "26.1.5-1"},
            {"name": "libssl3", "version": "3.5.1-1", "source_package": "openssl", "source_version": "3.5.1-1"},
        ]
        listed = {"distribution": "Debian 13", "release": "trixie", "kernel": "6.12", "packages": packages, **more}
        (tmp_path / f"{image}.json").write_text(json.dumps(listed), "utf-8")
        return str(tmp_path)

    return write


@pytest.fixture
def tracker(tmp_path: Path) -> str:
    """A file with what Debian's tracker knows of openssl."""
    path = tmp_path / "tracker" / "data.json"
    path.parent.mkdir()
    states = {
        "CVE-2026-1": {"status": "open", "urgency": "high"},
        "CVE-2026-2": {"status": "resolved", "fixed_version": "3.5.1-2", "urgency": "low"},
    }
    path.write_text(json.dumps({"openssl": {key: {"releases": {"trixie": value}} for key, value in states.items()}}))
    return str(path)


def test_the_report(
    region: Region, run_module: Run, make_image: MakeImage, artifacts: t.Callable[..., str], tracker: str
) -> None:
    """Packages, engine, age, flaws, users; and what is not known of an image without a list."""
    image, other = make_image("one", validated="true"), make_image("two")
    region.client("ssm").put_parameter(Name="/swarm-images/demo/ami", Value=image, Type="String")
    region.client("ec2").run_instances(ImageId=image, MinCount=1, MaxCount=1)
    region.forget()
    found = run_module(image_info, cluster="demo", artifacts=artifacts(image), tracker=tracker)
    reports = {report["image_id"]: report for report in found["images"]}
    assert set(reports) == {image, other}
    report = reports[image]
    assert (report["engine_version"], report["package_count"], report["validated"]) == ("26.1.5-1", 2, True)
    assert isinstance(report["age_days"], int)
    assert (report["unfixed_packages"], report["outdated_packages"]) == (["openssl"], ["openssl"])
    assert [(flaw["issue"], flaw["fixed_version"]) for flaw in report["flaws"]] == [
        ("CVE-2026-1", ""),
        ("CVE-2026-2", "3.5.1-2"),
    ]
    assert report["used_by"][0].startswith("instance i-")
    assert report["used_by"][1] == "SSM parameter /swarm-images/demo/ami"
    assert reports[other]["packages"] is reports[other]["flaws"] is None
    assert reports[other]["used_by"] == []
    assert region.writes() == []


def test_which_images_are_reported(region: Region, run_module: Run, make_image: MakeImage) -> None:
    """Of one cluster, by ID, or all."""
    image, other = make_image("one"), make_image("two", cluster="other")

    def found(**options: t.Any) -> set[str]:
        return {report["image_id"] for report in run_module(image_info, **options)["images"]}

    assert found() == {image, other}
    assert found(cluster="demo") == {image}
    assert found(image_ids=[other]) == {other}
    failed = run_module(image_info, cluster="demo", image_ids=[other])
    assert failed["msg"] == f"There is no baked image {other} of demo in eu-west-1."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "data.json: No such file or directory."),
        ("<html>", "data.json: it is not JSON"),
        ('{"openssl": 1}', "the data are not those of Debian's security tracker"),
    ],
)
def test_data_of_the_tracker_that_are_none(
    region: Region,
    run_module: Run,
    make_image: MakeImage,
    artifacts: t.Callable[..., str],
    tracker: str,
    text: str | None,
    message: str,
) -> None:
    """One sentence with the file's name."""
    Path(tracker).unlink()
    if text is not None:
        Path(tracker).write_text(text)
    failed = run_module(image_info, artifacts=artifacts(make_image("one")), tracker=tracker)
    assert message in failed["msg"] and tracker in failed["msg"] and "Traceback" not in failed["msg"]


def test_a_list_that_no_bake_wrote(
    region: Region, run_module: Run, make_image: MakeImage, artifacts: t.Callable[..., str]
) -> None:
    folder = artifacts(make_image("one"), packages="bash")
    assert run_module(image_info, artifacts=folder)["msg"].endswith(
        ".json: it is not a list of packages that a bake wrote."
    )


# -- copies grow old too -----------------------------------------------------------------------------------------------
def test_copies_retire_like_their_images(region: Region, run_module: Run, make_image: MakeImage) -> None:
    """By the same module, in their own region; what is used there stays."""
    images = [make_image(f"image-{number}", validated="true") for number in range(3)]
    made = [run_module(image_copy, image_id=one, to_regions=["us-east-1"])["copies"][0]["image_id"] for one in images]
    region.client("ssm", "us-east-1").put_parameter(Name="/swarm-images/demo/ami", Value=made[0], Type="String")
    done = run_module(image_retire, region="us-east-1", cluster="demo", keep=0)
    assert {item["image_id"] for item in done["retired"]} == set(made[1:])
    assert {item["ImageId"] for item in describe(region, "us-east-1")} == {made[0]}
    assert len(describe(region, "eu-west-1")) == 3
