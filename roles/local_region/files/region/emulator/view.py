# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reconciler sees of EC2, and what it may say back: this machine, this image is now in that state."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from region.emulator.ec2 import images as ec2_images
from region.emulator.ec2 import instances as ec2_instances
from region.emulator.state import events, lock


@dataclass(frozen=True)
class InstanceView:
    """One EC2 instance. Addresses and networks are empty once it is terminated.

    :ivar state: pending, running, stopping, stopped, shutting-down, terminated.
    :ivar lifecycle: "spot" or "on-demand".
    :ivar shutdown_behavior: what a shutdown from inside does: "stop" or "terminate".
    :ivar reboots: how often a reboot has been asked for.
    :ivar launched_at: seconds since the epoch.
    """

    id: str
    state: str
    image_id: str
    instance_type: str
    architecture: str
    private_ip: str
    private_dns_name: str
    public_ip: str
    mac: str
    network_interface_id: str
    vpc_id: str
    vpc_cidr: str
    subnet_id: str
    subnet_cidr: str
    az: str
    az_id: str
    region: str
    account: str
    key_name: str
    user_data: bytes
    profile_arn: str
    profile_id: str
    security_groups: tuple[str, ...]
    tags: dict[str, str]
    imds_enabled: bool
    imds_tokens_required: bool
    hop_limit: int
    imds_tags_enabled: bool
    ami_launch_index: int
    reservation_id: str
    lifecycle: str
    shutdown_behavior: str
    reboots: int
    launched_at: float


@dataclass(frozen=True)
class ImageView:
    """One AMI. C(instance_id) is the instance it was made from, empty for a registered or copied one.

    :ivar state: pending, available, failed, disabled.
    :ivar reboot_instance: CreateImage without NoReboot: the instance is restarted for a clean file system.
    """

    id: str
    name: str
    state: str
    owner_id: str
    architecture: str
    instance_id: str
    source_image_id: str
    reboot_instance: bool
    region: str
    tags: dict[str, str]


def instances() -> list[InstanceView]:
    """Return all instances that EC2 still describes."""
    with lock:
        reservations = _reservations()
        return [_instance(one, reservations.get(one.id, "")) for one in ec2_instances.all_instances()]


def images() -> list[ImageView]:
    """Return all AMIs that exist, the public base images among them."""
    with lock:
        return [_image(one) for one in ec2_images.all_images()]


def set_instance_state(instance_id: str, state: str) -> None:
    """Say that a machine has reached *state*.

    A running one that is said to be stopped has shut itself down: it becomes stopped or terminated as its
    InstanceInitiatedShutdownBehavior says.

    :raises KeyError: there is no such instance.
    :raises ValueError: there is no such state.
    """
    if state not in ec2_instances.CODES:
        raise ValueError(f"{state!r} is not an instance state")
    with lock:
        ec2_instances.set_state(ec2_instances.find(instance_id), state)
    events.set()


def set_image_state(image_id: str, state: str, reason: str = "") -> None:
    """Say that an AMI's file system is saved (C(available)) or could not be (C(failed), with the *reason*).

    :raises KeyError: there is no such AMI.
    """
    with lock:
        ec2_images.set_state(ec2_images.find(image_id), state, reason)
    events.set()


def public_key(key_name: str) -> str:
    """Return a key pair's public half as an authorized_keys line; empty when there is no such pair."""
    with lock:
        pair = ec2_instances.backend().key_pairs.get(key_name)
        if pair is None:
            return ""
        material = pair.material_public
        text = material.decode() if isinstance(material, bytes) else str(material)
        return text.strip()


def _reservations() -> dict[str, str]:
    found: dict[str, str] = {}
    for reservation in ec2_instances.backend().reservations.values():
        found.update(dict.fromkeys((one.id for one in reservation.instances), reservation.id))
    return found


def _tags(resource: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in resource.get_tags()}


def _instance(one: Any, reservation_id: str) -> InstanceView:
    nic = one.nics.get(0)
    subnet = nic.subnet if nic is not None else None
    vpc = one.ec2_backend.get_vpc(subnet.vpc_id) if subnet is not None else None
    profile = one.iam_instance_profile or {}
    options = one.metadata_options
    return InstanceView(
        id=one.id,
        state=one.state,
        image_id=one.image_id,
        instance_type=one.instance_type,
        architecture=one.architecture,
        private_ip=one.private_ip or "",
        private_dns_name=one.private_dns_name or "",
        public_ip=one.public_ip or "",
        mac=nic.mac_address if nic is not None else "",
        network_interface_id=nic.id if nic is not None else "",
        vpc_id=vpc.id if vpc is not None else "",
        vpc_cidr=vpc.cidr_block if vpc is not None else "",
        subnet_id=subnet.id if subnet is not None else "",
        subnet_cidr=subnet.cidr_block if subnet is not None else "",
        az=one.availability_zone or "",
        az_id=subnet.availability_zone_id if subnet is not None else "",
        region=one.ec2_backend.region_name,
        account=one.ec2_backend.account_id,
        key_name=one.key_name or "",
        user_data=base64.b64decode(str(one.user_data)) if one.user_data else b"",
        profile_arn=profile.get("Arn", ""),
        profile_id=profile.get("Id", ""),
        security_groups=tuple(group.id for group in one.security_groups),
        tags=_tags(one),
        imds_enabled=options.http_endpoint != "disabled",
        imds_tokens_required=options.http_tokens == "required",
        hop_limit=int(options.http_put_response_hop_limit),
        imds_tags_enabled=options.instance_metadata_tags == "enabled",
        ami_launch_index=int(one.ami_launch_index),
        reservation_id=reservation_id,
        lifecycle=one.lifecycle or "on-demand",
        shutdown_behavior=one.instance_initiated_shutdown_behavior,
        reboots=one.reboots,
        launched_at=one.launch_time.replace(tzinfo=UTC).timestamp(),
    )


def _image(one: Any) -> ImageView:
    return ImageView(
        id=one.id,
        name=one.name or "",
        state=one.state,
        owner_id=one.owner_id,
        architecture=one.architecture,
        instance_id=one.instance_id or "",
        source_image_id=getattr(one, "source_image_id", None) or "",
        reboot_instance=bool(getattr(one, "reboot_instance", False)),
        region=one.ec2_backend.region_name,
        tags=_tags(one),
    )
