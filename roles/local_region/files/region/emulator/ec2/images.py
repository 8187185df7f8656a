# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AMIs: made from an instance's real volumes, pending until the file system is saved, with all their attributes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import convert_tag_spec, random_ami_id

from region.emulator.errors import AwsError
from region.emulator.patching import Patches
from region.emulator.state import runtime

ROOT_VOLUME_GIB = 8


def all_images() -> Iterator[Any]:
    """Yield every AMI of every region that has been used."""
    for dummy, dummy, backend in ec2_backends.iter_backends():
        yield from backend.amis.values()  # type: ignore[attr-defined]


def find(image_id: str) -> Any:
    """Return the AMI.

    :raises KeyError: there is none.
    """
    for image in all_images():
        if image.id == image_id:
            return image
    raise KeyError(image_id)


def set_state(image: Any, state: str, reason: str = "") -> None:
    """Put the AMI and its snapshots in *state* (C(pending), C(available), C(failed))."""
    image.state = state
    image.state_reason = {"Code": "Server.InternalError", "Message": reason} if reason else None
    status = {"available": "completed", "failed": "error"}.get(state, "pending")
    for snapshot in image.snapshots:
        snapshot.status = status


def settle() -> None:
    """Make all pending AMIs available; used where nobody saves file systems."""
    for image in all_images():
        if image.state == "pending":
            set_state(image, "available")


def new_image(
    backend: Any, name: str, devices: list[dict[str, Any]], *, image_id: str | None = None, **attributes: Any
) -> Any:
    """Add an AMI whose volumes are *devices* (as in block device mappings, each with a SnapshotId)."""
    root = attributes.get("root_device_name") or (devices[0]["DeviceName"] if devices else "/dev/xvda")
    image = Ami(
        backend,
        image_id or random_ami_id(),
        name=name,
        description=attributes.pop("description", None),
        owner_id=attributes.pop("owner_id", None),
        public=attributes.pop("public", False),
        architecture=attributes.pop("architecture", "x86_64"),
        virtualization_type=attributes.pop("virtualization_type", "hvm"),
        root_device_type="ebs",
        root_device_name=root,
        boot_mode=attributes.pop("boot_mode", None) or "uefi-preferred",
        hypervisor="xen",
    )
    backend.snapshots.pop(image.ebs_snapshot.id, None)  # moto's stand-in: this image knows its own snapshots
    image.devices = devices
    image.image_location = f"{image.owner_id}/{name}"
    image.platform_details = "Linux/UNIX"
    image.usage_operation = "RunInstances"
    image.deprecation_time = image.imds_support = image.state_reason = image.source_image_id = None
    image.ena_support = True
    image.sriov_net_support = "simple"
    image.creation_date_seconds = runtime.now()
    for key, value in attributes.items():
        setattr(image, key, value)
    backend.amis[image.id] = image
    return image


def new_snapshot(backend: Any, volume: Any, description: str, image_id: str | None = None) -> Any:
    """Take a snapshot; it is encrypted, with the same key, when the volume is."""
    snapshot = backend.create_snapshot(volume.id, description, None, image_id)
    snapshot.kms_key_id = volume.kms_key_id if volume.encrypted else None
    return snapshot


def _check_name(backend: Any, name: str) -> None:
    for image in backend.amis.values():
        if image.name == name and image.owner_id == backend.account_id:
            raise AwsError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {image.id}")
    if not 3 <= len(name) <= 128:
        raise AwsError("InvalidAMIName.Malformed", "AMI names must be between 3 and 128 characters long")


def _tags(specifications: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    tags = convert_tag_spec(specifications)
    for kind in tags:
        if kind not in ("image", "snapshot"):
            raise AwsError(
                "InvalidParameterValue", f"'{kind}' is not a valid taggable resource type for this operation."
            )
    return tags


patches = Patches()


@patches.wrap(AmisResponse, "create_image")
def create_image(original: Any, self: Any) -> ActionResult:
    """AWS snapshots each volume of the instance; moto makes one unencrypted snapshot of 15 GiB, available at once.

    AWS also carries encryption, tags image and snapshots, refuses a second image of one name and starts as pending.
    """
    backend = self.ec2_backend
    instance = backend.get_instance(self._get_param("InstanceId"))
    name = self._get_param("Name")
    tags = _tags(self._get_param("TagSpecifications", []))
    _check_name(backend, name)
    self.error_on_dryrun()
    if instance.state not in ("running", "stopped"):
        raise AwsError("IncorrectInstanceState", f"Instance '{instance.id}' is not 'running' or 'stopped'")
    source = backend.amis.get(instance.image_id)
    image = new_image(
        backend,
        name,
        [],
        description=self._get_param("Description", ""),
        root_device_name=instance.root_device_name,
        architecture=instance.architecture,
        boot_mode=getattr(source, "boot_mode", None),
        imds_support=getattr(source, "imds_support", None),
        instance_id=instance.id,
        source_image_id=instance.image_id,
        reboot_instance=not self._get_param("NoReboot", False),
    )
    overrides = {one["DeviceName"]: one for one in self._get_param("BlockDeviceMappings", [])}
    for device, attached in instance.get_block_device_mapping:
        if "NoDevice" in overrides.get(device, {}):
            continue
        volume = backend.get_volume(attached.volume_id)
        snapshot = new_snapshot(backend, volume, f"Created by CreateImage({instance.id}) for {image.id}", image.id)
        snapshot.add_tags(tags.get("snapshot", {}))
        ebs = _ebs(snapshot, volume.size, volume.volume_type, attached.delete_on_termination)
        image.devices.append({"DeviceName": device, "Ebs": {**ebs, **overrides.get(device, {}).get("Ebs", {})}})
    image.add_tags(tags.get("image", {}))
    set_state(image, "pending")
    return ActionResult({"ImageId": image.id})


@patches.wrap(AmisResponse, "register_image")
def register_image(original: Any, self: Any) -> ActionResult:
    """AWS keeps all attributes that are given; moto keeps the name and the description."""
    backend = self.ec2_backend
    name = self._get_param("Name")
    tags = _tags(self._get_param("TagSpecifications", []))
    _check_name(backend, name)
    devices = copy.deepcopy(self._get_param("BlockDeviceMappings", []))
    for one in devices:
        snapshot_id = one.get("Ebs", {}).get("SnapshotId")
        if snapshot_id:
            snapshot = backend.get_snapshot(snapshot_id)
            one["Ebs"] = {**_ebs(snapshot, snapshot.volume_size, "gp2", True), **one["Ebs"]}
    self.error_on_dryrun()
    image = new_image(
        backend,
        name,
        devices,
        description=self._get_param("Description", ""),
        root_device_name=self._get_param("RootDeviceName"),
        architecture=self._get_param("Architecture", "i386"),
        virtualization_type=self._get_param("VirtualizationType", "paravirtual"),
        boot_mode=self._get_param("BootMode"),
        imds_support=self._get_param("ImdsSupport"),
        tpm_support=self._get_param("TpmSupport"),
        ena_support=bool(self._get_param("EnaSupport", False)),
        sriov_net_support=self._get_param("SriovNetSupport"),
    )
    image.add_tags(tags.get("image", {}))
    return ActionResult({"ImageId": image.id})


@patches.wrap(AmisResponse, "copy_image")
def copy_image(original: Any, self: Any) -> ActionResult:
    """AWS copies the snapshots, encrypting them when asked; moto shares none of the source's attributes."""
    backend = self.ec2_backend
    account = backend.account_id
    source = ec2_backends[account][self._get_param("SourceRegion")].amis.get(self._get_param("SourceImageId"))
    if source is None:
        raise AwsError("InvalidAMIID.NotFound", f"The image id '[{self._get_param('SourceImageId')}]' does not exist")
    tags = _tags(self._get_param("TagSpecifications", []))
    name = self._get_param("Name") or source.name
    _check_name(backend, name)
    self.error_on_dryrun()
    devices = copy.deepcopy(source.block_device_mappings)
    image = new_image(
        backend,
        name,
        devices,
        description=self._get_param("Description") or f"[Copied {source.id} from {source.ec2_backend.region_name}]",
        root_device_name=source.root_device_name,
        architecture=source.architecture,
        boot_mode=source.boot_mode,
        imds_support=source.imds_support,
        source_image_id=source.id,
    )
    zone = backend.describe_availability_zones()[0].name
    for one in devices:
        encrypted = bool(self._get_param("Encrypted", False)) or bool(one["Ebs"].get("Encrypted"))
        key = self._get_param("KmsKeyId") if encrypted else None
        volume = backend.create_volume(one["Ebs"].get("VolumeSize", ROOT_VOLUME_GIB), zone, None, encrypted, key)
        snapshot = new_snapshot(backend, volume, f"Copied for DestinationAmi {image.id}", image.id)
        backend.delete_volume(volume.id)
        snapshot.add_tags(tags.get("snapshot", {}))
        one["Ebs"] = {**one["Ebs"], **_ebs(snapshot, volume.size, one["Ebs"].get("VolumeType"), True)}
    image.add_tags({**(_copied_tags(source) if self._get_param("CopyImageTags") else {}), **tags.get("image", {})})
    set_state(image, "pending")
    return ActionResult({"ImageId": image.id})


@patches.wrap(AmisResponse, "modify_image_attribute")
def modify_image_attribute(original: Any, self: Any) -> Any:
    """AWS stores imdsSupport and the description; moto answers as if it did. v2.0 cannot be taken back."""
    image = self.ec2_backend.describe_images(ami_ids=[self._get_param("ImageId")])[0]
    imds = self._get_param("ImdsSupport.Value") or (
        self._get_param("Value") if self._get_param("Attribute") == "imdsSupport" else None
    )
    description = self._get_param("Description.Value")
    if imds is None and description is None:
        return original(self)
    self.error_on_dryrun()
    if imds is not None:
        if imds != "v2.0":
            raise AwsError("InvalidParameterValue", f"Value ({imds}) for parameter ImdsSupport is invalid.")
        image.imds_support = imds
    if description is not None:
        image.description = description
    return EmptyResult()


@patches.wrap(AmisResponse, "describe_image_attribute")
def describe_image_attribute(original: Any, self: Any) -> Any:
    """moto's serializer needs the attribute's own name; ours answers the ones that moto has no value for."""
    names = {"imdsSupport": "imds_support", "tpmSupport": "tpm_support", "bootMode": "boot_mode"}
    asked = self._get_param("Attribute")
    if asked not in names:
        return original(self)
    image = self.ec2_backend.describe_images(ami_ids=[self._get_param("ImageId")])[0]
    key = asked[0].upper() + asked[1:]
    return ActionResult({"ImageId": image.id, key: {"Value": getattr(image, names[asked], None)}})


@patches.wrap(AmisResponse, "describe_images")
def describe_images(original: Any, self: Any) -> Any:
    """AWS pages and, unless IncludeDeprecated, hides other accounts' deprecated AMIs; moto does neither."""
    if runtime.complete_transitions:
        settle()
    result = original(self)
    images = [image for image in result.result["Images"] if _is_listed(self, image)]
    start = int(self._get_param("NextToken") or 0)
    size = self._get_param("MaxResults") or len(images) or 1
    following = start + int(size)
    return ActionResult(
        {
            "Images": images[start:following],
            "NextToken": str(following) if following < len(images) else None,
        }
    )


@patches.define(AmisResponse)
def enable_image_deprecation(self: Any) -> ActionResult:
    """Absent from moto."""
    image = self.ec2_backend.describe_images(ami_ids=[self._get_param("ImageId")])[0]
    image.deprecation_time = _minute(self._get_param("DeprecateAt"))
    return ActionResult({"Return": True})


@patches.define(AmisResponse)
def disable_image_deprecation(self: Any) -> ActionResult:
    """Absent from moto."""
    image = self.ec2_backend.describe_images(ami_ids=[self._get_param("ImageId")])[0]
    image.deprecation_time = None
    return ActionResult({"Return": True})


@patches.wrap(ElasticBlockStore, "describe_snapshots")
def describe_snapshots(original: Any, self: Any) -> Any:
    """AWS limits the answer to OwnerIds; moto ignores them."""
    if runtime.complete_transitions:
        settle()
    result = original(self)
    owners = [self.current_account if one == "self" else one for one in self._get_param("OwnerIds", [])]
    if owners:
        result.result["Snapshots"] = [one for one in result.result["Snapshots"] if one.owner_id in owners]
    return result


@patches.wrap(AmiBackend, "deregister_image")
def deregister_image(original: Any, self: Any, ami_id: str) -> None:
    """AWS frees the image's snapshots for deletion only now."""
    image = self.amis.get(ami_id)
    original(self, ami_id)
    for snapshot in getattr(image, "snapshots", []):
        snapshot.from_ami = None


def block_device_mappings(self: Any) -> list[dict[str, Any]]:
    """Return the devices that the image was made with."""
    return list(self.devices)


def snapshots(self: Any) -> list[Any]:
    """Return the snapshots of the image's devices that there still are."""
    known = self.ec2_backend.snapshots
    ids = [one.get("Ebs", {}).get("SnapshotId") for one in self.devices]
    return [known[one] for one in ids if one in known]


def install() -> None:
    """Patch moto's images."""
    patches.install()
    Ami.block_device_mappings = property(block_device_mappings)  # type: ignore[assignment,method-assign]
    Ami.snapshots = property(snapshots)  # type: ignore[attr-defined]


def _is_listed(response: Any, image: Any) -> bool:
    """Say whether DescribeImages shows the image: by id or to its owner always, to others until it is deprecated."""
    if response._get_param("IncludeDeprecated") or response._get_param("ImageIds"):
        return True
    if image.deprecation_time is None or image.owner_id == response.current_account:
        return True
    return bool(image.deprecation_time > _minute_of(runtime.now()))


def _minute(value: Any) -> str:
    """Return a point in time as EC2 writes it, rounded to the minute as EC2 does."""
    text = value.strftime("%Y-%m-%dT%H:%M") if hasattr(value, "strftime") else str(value)[:16]
    return f"{text}:00.000Z"


def _minute_of(seconds: float) -> str:
    from datetime import datetime

    return _minute(datetime.fromtimestamp(seconds, tz=UTC))


def _ebs(snapshot: Any, size: int, volume_type: str | None, delete_on_termination: bool) -> dict[str, Any]:
    ebs = {
        "SnapshotId": snapshot.id,
        "VolumeSize": size,
        "VolumeType": volume_type or "gp2",
        "DeleteOnTermination": bool(delete_on_termination),
        "Encrypted": bool(snapshot.encrypted),
    }
    return {**ebs, "KmsKeyId": snapshot.kms_key_id} if snapshot.kms_key_id else ebs


def _copied_tags(image: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in image.get_tags() if not tag["key"].startswith("aws:")}
