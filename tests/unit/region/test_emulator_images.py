# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AMIs and their snapshots."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from region.emulator import view

DEBIAN = "ami-0deb1a00000000013"


def run(account: Any, **options: Any) -> str:
    """Run one instance of the base image and return its id."""
    ec2 = account.client("ec2")
    answer = ec2.run_instances(ImageId=DEBIAN, InstanceType="t3.small", MinCount=1, MaxCount=1, **options)
    instance_id = str(answer["Instances"][0]["InstanceId"])
    view.set_instance_state(instance_id, "running")
    return instance_id


def image(account: Any, image_id: str) -> dict[str, Any]:
    """The image as EC2 describes it."""
    found: dict[str, Any] = account.client("ec2").describe_images(ImageIds=[image_id])["Images"][0]
    return found


def test_image_is_pending_until_saved(held_account: Any) -> None:
    ec2 = held_account.client("ec2")
    instance_id = run(held_account)
    image_id = ec2.create_image(InstanceId=instance_id, Name="swarm-node")["ImageId"]
    assert image(held_account, image_id)["State"] == "pending"
    (seen,) = [one for one in view.images() if one.id == image_id]
    assert (seen.instance_id, seen.source_image_id, seen.reboot_instance) == (instance_id, DEBIAN, True)
    with pytest.raises(ClientError, match=r"InvalidAMIID.Unavailable"):
        ec2.run_instances(ImageId=image_id, InstanceType="t3.small", MinCount=1, MaxCount=1)
    snapshot_id = image(held_account, image_id)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    assert ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]["State"] == "pending"
    view.set_image_state(image_id, "available")
    assert image(held_account, image_id)["State"] == "available"
    assert ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]["State"] == "completed"


def test_image_that_cannot_be_saved_has_failed(held_account: Any) -> None:
    image_id = held_account.client("ec2").create_image(InstanceId=run(held_account), Name="swarm-node")["ImageId"]
    view.set_image_state(image_id, "failed", "no space left")
    described = image(held_account, image_id)
    assert described["State"] == "failed"
    assert described["StateReason"]["Message"] == "no space left"


def test_encryption_and_tags_are_carried(account: Any) -> None:
    ec2 = account.client("ec2")
    root = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 12, "Encrypted": True, "VolumeType": "gp3"}}
    instance_id = run(account, BlockDeviceMappings=[root])
    tags = [{"Key": "swarm:bake", "Value": "true"}]
    image_id = ec2.create_image(
        InstanceId=instance_id,
        Name="swarm-node",
        TagSpecifications=[{"ResourceType": "image", "Tags": tags}, {"ResourceType": "snapshot", "Tags": tags}],
    )["ImageId"]
    described = image(account, image_id)
    (device,) = described["BlockDeviceMappings"]
    assert device["DeviceName"] == described["RootDeviceName"] == "/dev/xvda"
    assert device["Ebs"]["Encrypted"] is True
    assert device["Ebs"]["VolumeSize"] == 12
    assert described["Tags"] == tags
    (snapshot,) = ec2.describe_snapshots(Filters=[{"Name": "tag:swarm:bake", "Values": ["true"]}])["Snapshots"]
    assert snapshot["Encrypted"] is True
    assert snapshot["SnapshotId"] == device["Ebs"]["SnapshotId"]


def test_a_name_is_used_once(account: Any) -> None:
    ec2 = account.client("ec2")
    instance_id = run(account)
    ec2.create_image(InstanceId=instance_id, Name="swarm-node")
    with pytest.raises(ClientError, match=r"InvalidAMIName.Duplicate"):
        ec2.create_image(InstanceId=instance_id, Name="swarm-node")


def test_imds_support_is_stored_and_inherited(account: Any) -> None:
    ec2 = account.client("ec2")
    registered = ec2.register_image(
        Name="plain", RootDeviceName="/dev/xvda", Architecture="x86_64", VirtualizationType="hvm", EnaSupport=True
    )["ImageId"]
    assert "ImdsSupport" not in image(account, registered)
    assert image(account, registered)["EnaSupport"] is True
    ec2.modify_image_attribute(ImageId=registered, ImdsSupport={"Value": "v2.0"})
    assert image(account, registered)["ImdsSupport"] == "v2.0"
    described = ec2.describe_image_attribute(ImageId=registered, Attribute="imdsSupport")
    assert described["ImdsSupport"]["Value"] == "v2.0"
    child = ec2.create_image(InstanceId=run(account), Name="child")["ImageId"]
    assert image(account, child)["ImdsSupport"] == "v2.0"


def test_deprecation(account: Any) -> None:
    ec2 = account.client("ec2")
    image_id = ec2.create_image(InstanceId=run(account), Name="swarm-node")["ImageId"]
    ec2.enable_image_deprecation(ImageId=image_id, DeprecateAt="2027-05-01T10:20:30Z")
    assert image(account, image_id)["DeprecationTime"] == "2027-05-01T10:20:00.000Z"
    ec2.disable_image_deprecation(ImageId=image_id)
    assert "DeprecationTime" not in image(account, image_id)


def test_retired_image_frees_its_snapshots(account: Any) -> None:
    ec2 = account.client("ec2")
    image_id = ec2.create_image(InstanceId=run(account), Name="swarm-node")["ImageId"]
    snapshot_id = image(account, image_id)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    with pytest.raises(ClientError, match=r"InvalidSnapshot.InUse"):
        ec2.delete_snapshot(SnapshotId=snapshot_id)
    ec2.deregister_image(ImageId=image_id)
    ec2.delete_snapshot(SnapshotId=snapshot_id)
    assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_copy_to_another_region_encrypts(account: Any) -> None:
    source = account.client("ec2").create_image(InstanceId=run(account), Name="swarm-node")["ImageId"]
    account.wait(1)
    west = account.client("ec2", region="us-west-2")
    copied = west.copy_image(Name="swarm-node", SourceImageId=source, SourceRegion="us-east-1", Encrypted=True)[
        "ImageId"
    ]
    (described,) = west.describe_images(ImageIds=[copied])["Images"]
    assert described["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
    assert described["State"] == "available"


def test_launch_permission(account: Any) -> None:
    ec2 = account.client("ec2")
    image_id = ec2.create_image(InstanceId=run(account), Name="swarm-node")["ImageId"]
    ec2.modify_image_attribute(ImageId=image_id, LaunchPermission={"Add": [{"UserId": "210987654321"}]})
    described = ec2.describe_image_attribute(ImageId=image_id, Attribute="launchPermission")
    assert described["LaunchPermissions"] == [{"UserId": "210987654321"}]
