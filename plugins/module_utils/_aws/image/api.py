# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machine images: the base to bake from, the baked ones, and what uses them. One function per API call."""

from __future__ import annotations

import typing as t
from datetime import datetime

from ..._errors import Refused
from ..errors import api_call
from .baking import Image

TAG_BAKED = "swarm:bake"
TAG_HASH = "swarm:bake-hash"
TAG_PARTS = "swarm:bake-parts"
TAG_CLUSTER = "swarm:cluster"
TAG_COPY_OF = "swarm:copy-of"


@api_call("read the image {image_id}", permission="ec2:DescribeImages", missing=None)
def get_image(client: t.Any, image_id: str) -> Image | None:
    """Return the image *image_id*, or ``None`` if there is none that the account may see."""
    found = client.describe_images(ImageIds=[image_id])["Images"]
    return from_api(found[0]) if found else None


def get_available_image(client: t.Any, image_id: str) -> Image:
    """Return the image *image_id*.

    :raises Refused: if there is none, or it is not available.
    """
    image = get_image(client, image_id)
    if image is None or image.state != "available":
        state = f"is {image.state}" if image else "does not exist"
        raise Refused(f"The image {image_id} {state} in {client.meta.region_name}.")
    return image


@api_call("list the baked images", permission="ec2:DescribeImages")
def list_baked(client: t.Any) -> list[Image]:
    """Return the account's own baked images in the region, newest first, whatever their state."""
    pages = client.get_paginator("describe_images").paginate(
        Owners=["self"], Filters=[{"Name": f"tag:{TAG_BAKED}", "Values": ["true"]}]
    )
    found = [from_api(item) for page in pages for item in page["Images"]]
    return sorted(found, key=lambda image: (image.created, image.image_id), reverse=True)


@api_call("require IMDSv2 of the image {image_id}", permission="ec2:ModifyImageAttribute")
def require_imds_v2(client: t.Any, image_id: str) -> None:
    """Make instances of *image_id* answer IMDSv2 only, unless their launch says otherwise."""
    client.modify_image_attribute(ImageId=image_id, ImdsSupport={"Value": "v2.0"})


@api_call("set the deprecation date of the image {image_id}", permission="ec2:EnableImageDeprecation")
def deprecate(client: t.Any, image_id: str, at: datetime) -> None:
    """Set the time (aware, whole minutes count) after which *image_id* is no longer offered in lists."""
    client.enable_image_deprecation(ImageId=image_id, DeprecateAt=at)


@api_call("tag {resources}", permission="ec2:CreateTags")
def tag(client: t.Any, resources: t.Sequence[str], tags: t.Mapping[str, str]) -> None:
    """Set *tags* on *resources*, leaving their other tags alone."""
    client.create_tags(Resources=list(resources), Tags=[{"Key": k, "Value": v} for k, v in tags.items()])


@api_call("deregister the image {image_id}", permission="ec2:DeregisterImage")
def deregister(client: t.Any, image_id: str) -> None:
    """Deregister *image_id*; its snapshots stay."""
    client.deregister_image(ImageId=image_id)


@api_call("delete the snapshot {snapshot_id}", permission="ec2:DeleteSnapshot", missing=False)
def delete_snapshot(client: t.Any, snapshot_id: str) -> bool:
    """Delete the snapshot *snapshot_id* and tell whether it was there."""
    client.delete_snapshot(SnapshotId=snapshot_id)
    return True


@api_call("list the snapshots of {image_id}", permission="ec2:DescribeSnapshots")
def snapshot_keys(client: t.Any, image_id: str, snapshot_ids: t.Sequence[str]) -> list[str]:
    """Return the ARNs of the KMS keys of the snapshots of *image_id*; they encrypt what is made of them, too."""
    found = client.describe_snapshots(SnapshotIds=list(snapshot_ids))["Snapshots"] if snapshot_ids else []
    return sorted({snapshot["KmsKeyId"] for snapshot in found if snapshot.get("KmsKeyId")})


@api_call("list the snapshots of {image_id}", permission="ec2:DescribeSnapshots")
def snapshot_tags(client: t.Any, image_id: str, snapshot_ids: t.Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the tags of the snapshots of *image_id*, by snapshot id."""
    found = client.describe_snapshots(SnapshotIds=list(snapshot_ids))["Snapshots"] if snapshot_ids else []
    return {snapshot["SnapshotId"]: _tags(snapshot) for snapshot in found}


def _tags(found: t.Mapping[str, t.Any]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in found.get("Tags") or ()}


def _root_size(found: t.Mapping[str, t.Any]) -> int:
    mappings = {item.get("DeviceName"): item.get("Ebs") or {} for item in found.get("BlockDeviceMappings", ())}
    return int(mappings.get(found.get("RootDeviceName"), {}).get("VolumeSize") or 0)


def from_api(found: t.Mapping[str, t.Any]) -> Image:
    """Return the image that an entry of DescribeImages describes."""
    disks = [mapping["Ebs"] for mapping in found.get("BlockDeviceMappings", ()) if "Ebs" in mapping]
    return Image(
        image_id=found["ImageId"],
        name=found.get("Name", ""),
        state=found.get("State", ""),
        state_reason=(found.get("StateReason") or {}).get("Message", ""),
        created=found.get("CreationDate", ""),
        deprecated=found.get("DeprecationTime", ""),
        imds_support=found.get("ImdsSupport", ""),
        architecture=found.get("Architecture", ""),
        root_device_name=found.get("RootDeviceName", ""),
        root_size=_root_size(found),
        encrypted=bool(disks) and all(disk.get("Encrypted") for disk in disks),
        snapshot_ids=tuple(disk["SnapshotId"] for disk in disks if disk.get("SnapshotId")),
        tags=_tags(found),
    )
