# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account's Auto Scaling groups, by region and name, and their launch templates."""

from __future__ import annotations

from typing import Any

from region.emulator.autoscaling.model import GOING, Group, Member
from region.emulator.ec2 import instances as ec2_instances
from region.emulator.ec2 import launch_templates
from region.emulator.errors import AwsError

_groups: dict[tuple[str, str], Group] = {}


def reset() -> None:
    """Forget all groups."""
    _groups.clear()


def all_groups(region: str | None = None) -> list[Group]:
    """Return the groups of a region, or of all."""
    return [group for (own, dummy), group in sorted(_groups.items()) if region in (None, own)]


def find(region: str, name: str | None) -> Group:
    """Return a group.

    :raises AwsError: there is none of that name.
    """
    group = _groups.get((region, name or ""))
    if group is None:
        raise AwsError("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
    return group


def add(group: Group) -> None:
    """Add a new group.

    :raises AwsError: the name is taken.
    """
    key = (group.region, group.name)
    if key in _groups:
        state = " and is pending delete" if _groups[key].status else ""
        raise AwsError("AlreadyExists", f"AutoScalingGroup by this name already exists{state} - A group {group.name}")
    _groups[key] = group


def remove(group: Group) -> None:
    """Remove a group."""
    _groups.pop((group.region, group.name), None)


def of_instance(region: str, instance_id: str) -> tuple[Group, Member]:
    """Return an instance's group and membership.

    :raises AwsError: it is in no group.
    """
    for group in all_groups(region):
        if instance_id in group.members:
            return group, group.members[instance_id]
    raise AwsError(
        "ValidationError", f"Instance Id not found - No managed instance found for instance ID: {instance_id}"
    )


def target_state(region: str, instance_id: str) -> str:
    """Return the lifecycle state that an instance is on its way to, as its metadata tells it; empty outside groups."""
    try:
        dummy, one = of_instance(region, instance_id)
    except AwsError:
        return ""
    return "Terminated" if one.state in GOING else "Standby" if one.state == "Standby" else "InService"


def member(group: Group, instance_id: str) -> Member:
    """Return a group's instance.

    :raises AwsError: the group does not have it.
    """
    if instance_id not in group.members:
        raise AwsError("ValidationError", f"The instance {instance_id} is not part of Auto Scaling group {group.name}.")
    return group.members[instance_id]


def tags_of(region: str, name: str) -> dict[str, str]:
    """Return the tags of a group, empty for one that does not exist."""
    group = _groups.get((region, name))
    return {tag["Key"]: tag.get("Value", "") for tag in group.tags} if group else {}


def template_specification(group: Group) -> dict[str, Any]:
    """Return the launch template that the group launches from."""
    if group.launch_template:
        return group.launch_template
    policy = (group.mixed_policy or {}).get("LaunchTemplate", {})
    specification: dict[str, Any] = policy.get("LaunchTemplateSpecification", {})
    return specification


def resolve_template(region: str, specification: dict[str, Any]) -> dict[str, Any]:
    """Return id, name and version *number* of the template version that a specification means now.

    :raises AwsError: EC2 does not know the template or the version.
    """
    version = launch_templates.find_version(ec2_instances.backend(region), specification)
    return {
        "LaunchTemplateId": version.template.id,
        "LaunchTemplateName": version.template.name,
        "Version": str(version.number),
    }


def launched_with(region: str, request: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a request lets a group launch, as parameters of RunInstances; None when it says nothing of it."""
    policy = (request.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    specification = request.get("LaunchTemplate") or policy.get("LaunchTemplateSpecification")
    if not specification:
        return None
    backend = ec2_instances.backend(region)
    try:
        version = launch_templates.find_version(backend, specification)
    except Exception:  # for Auto Scaling to refuse
        return None
    subnets = [one for one in str(request.get("VPCZoneIdentifier") or "").split(",") if one]
    image = launch_templates.resolve_image(backend, str(version.data.get("ImageId") or ""))
    template = {"LaunchTemplateId": version.template.id}
    return {**version.data, "ImageId": image, "SubnetIds": subnets, "LaunchTemplate": template}


def complete_specification(region: str, specification: dict[str, Any]) -> dict[str, Any]:
    """Return a specification with both id and name, as groups are described, and the version as it was given."""
    backend = ec2_instances.backend(region)
    if bool(specification.get("LaunchTemplateId")) == bool(specification.get("LaunchTemplateName")):
        raise AwsError("ValidationError", "Valid requests must contain either launchTemplateId or LaunchTemplateName")
    try:
        version = launch_templates.find_version(backend, specification)
    except Exception as exc:
        message = getattr(exc, "message", str(exc))
        raise AwsError("ValidationError", f"You must use a valid fully-formed launch template. {message}") from exc
    completed = {"LaunchTemplateId": version.template.id, "LaunchTemplateName": version.template.name}
    if specification.get("Version"):
        completed["Version"] = str(specification["Version"])
    return completed


def zones_of(region: str, subnets: list[str], zones: list[str]) -> list[str]:
    """Return the availability zones of a group with these subnets.

    :raises AwsError: a subnet does not exist, or the zones given are others.
    """
    backend = ec2_instances.backend(region)
    if not subnets:
        if not zones:
            raise AwsError("ValidationError", "At least one Availability Zone or VPC Subnet is required.")
        return zones
    known = {subnet.id: subnet for subnet in backend.describe_subnets()}
    for one in subnets:
        if one not in known:
            raise AwsError("ValidationError", f"The subnet ID '{one}' does not exist")
    own = list(dict.fromkeys(known[one].availability_zone for one in subnets))
    if zones and set(zones) != set(own):
        raise AwsError(
            "ValidationError",
            "The availability zones of the specified subnets and the Auto Scaling group do not match",
        )
    return own
