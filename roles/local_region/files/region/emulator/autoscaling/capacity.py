# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping a group at its desired capacity: launching over the zones, replacing the sick, scaling in."""

from __future__ import annotations

from collections import Counter
from typing import Any

from botocore.exceptions import ClientError

from region.emulator import client
from region.emulator.autoscaling import groups, lifecycle
from region.emulator.autoscaling.model import GOING, Group, Member, timestamp
from region.emulator.ec2 import instances as ec2_instances
from region.emulator.ec2 import launch_templates

NOT_ALIVE = ("stopping", "stopped", "shutting-down", "terminated")
GROUP_TAG = "aws:autoscaling:groupName"
# After a failed launch Auto Scaling tries again, less and less often; one fixed pause is enough here.
RETRY_SECONDS = 15.0


def tick(group: Group, now: float) -> None:
    """Bring the group one step nearer to what it should be."""
    for one in list(group.members.values()):
        lifecycle.advance(group, one, now)
    check_health(group, now)
    adjust(group, now)
    for one in list(group.members.values()):
        lifecycle.advance(group, one, now)
    lifecycle.register(group)
    if group.status and not group.members:
        groups.remove(group)


def check_health(group: Group, now: float) -> None:
    """Find members that EC2 or their load balancer call sick, and replace them."""
    for one in list(group.members.values()):
        if one.state in GOING or one.state == "Standby":
            continue
        state = lifecycle.ec2_state(one.instance_id)
        if group.runs("HealthCheck") and (state in NOT_ALIVE or _failed_by_load_balancer(group, one, now)):
            one.health = "Unhealthy"
        if one.health == "Unhealthy" and group.runs("ReplaceUnhealthy"):
            reason = (
                f"an instance was taken out of service in response to an EC2 health check indicating it is {state}"
                if state != "running"
                else "an instance was taken out of service in response to a health check indicating it is unhealthy"
            )
            lifecycle.begin_termination(group, one, reason, now)


def _failed_by_load_balancer(group: Group, one: Member, now: float) -> bool:
    if group.health_check_type != "ELB" or one.in_service_at is None or now - one.in_service_at < group.grace_period:
        return False
    return any(lifecycle.target_health(group, one, arn) == "unhealthy" for arn in one.registered)


def adjust(group: Group, now: float) -> None:
    """Launch or terminate until the members that count are as many as desired."""
    missing = group.desired + group.surplus - len(group.counted())
    if missing > 0 and group.runs("Launch") and now >= group.retry_launch_at and not group.status:
        for dummy in range(missing):
            if not launch(group, now):
                return
    elif missing < 0 and group.runs("Terminate"):
        for one in victims(group, -missing):
            cause = (
                f"an instance was taken out of service in response to a difference between desired and actual "
                f"capacity, shrinking the capacity to {group.desired}"
            )
            lifecycle.begin_termination(group, one, cause, now)


def launch(group: Group, now: float, specification: dict[str, Any] | None = None) -> bool:
    """Launch one instance in the zone that has fewest; say whether EC2 took the request."""
    specification = specification or refresh_specification(group) or groups.template_specification(group)
    cause = (
        f"At {timestamp(now).strftime('%Y-%m-%dT%H:%M:%SZ')} an instance was started in response to a difference "
        f"between desired and actual capacity, increasing the capacity to {group.desired}."
    )
    activity = group.note("Launching a new EC2 instance", cause, now)
    zone, subnet = _place(group)
    try:
        template = groups.resolve_template(group.region, specification)
        request = _request(group, template, zone, subnet)
        (instance,) = client.for_service("ec2", "autoscaling", group.region).run_instances(**request)["Instances"]
    except Exception as exc:  # botocore's ClientError, or a template that has gone
        message = str(exc.response["Error"]["Message"]) if isinstance(exc, ClientError) else str(exc)
        activity.description = "Launching a new EC2 instance.  Status Reason: " + message
        activity.end(now, "Failed", f"{message} Launching EC2 instance failed.")
        group.retry_launch_at = now + RETRY_SECONDS
        return False
    activity.description = f"Launching a new EC2 instance: {instance['InstanceId']}"
    activity.progress = 30
    group.members[instance["InstanceId"]] = Member(
        instance_id=instance["InstanceId"],
        zone=instance["Placement"]["AvailabilityZone"],
        instance_type=instance["InstanceType"],
        template=template,
        launched_at=now,
        activity=activity,
        protected=group.protect_new,
    )
    return True


def refresh_specification(group: Group) -> dict[str, Any] | None:
    """Return the template that an instance refresh under way brings in, if any."""
    for refresh in group.refreshes:
        if refresh.status in ("Pending", "InProgress", "RollbackInProgress") and refresh.specification:
            specification: dict[str, Any] = refresh.specification
            return specification
    return None


def _place(group: Group) -> tuple[str, str | None]:
    """Return zone and subnet with the fewest members; the first of equals."""
    counts = Counter(one.zone for one in group.counted())
    if not group.subnets:
        return min(group.zones, key=lambda zone: counts[zone]), None
    backend = ec2_instances.backend(group.region)
    zones = {one: str(backend.get_subnet(one).availability_zone) for one in group.subnets}
    chosen = min(group.subnets, key=lambda one: counts[zones[one]])
    return zones[chosen], chosen


def _request(group: Group, template: dict[str, Any], zone: str, subnet: str | None) -> dict[str, Any]:
    backend = ec2_instances.backend(group.region)
    specification = {"LaunchTemplateId": template["LaunchTemplateId"], "Version": template["Version"]}
    data = launch_templates.find_version(backend, specification).data
    tags = [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in group.tags if tag.get("PropagateAtLaunch")]
    tags.append({"Key": GROUP_TAG, "Value": group.name})
    request: dict[str, Any] = {
        "LaunchTemplate": specification,
        "MinCount": 1,
        "MaxCount": 1,
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
    }
    overrides = (group.mixed_policy or {}).get("LaunchTemplate", {}).get("Overrides", [])
    if overrides and overrides[0].get("InstanceType"):
        request["InstanceType"] = overrides[0]["InstanceType"]
    if data.get("NetworkInterfaces") and subnet:
        request["NetworkInterfaces"] = [{"DeviceIndex": 0, "SubnetId": subnet}]
    elif subnet:
        request["SubnetId"] = subnet
    else:
        request["Placement"] = {"AvailabilityZone": zone}
    return request


def victims(group: Group, count: int) -> list[Member]:
    """Choose members to terminate: from the fullest zone, then by the group's termination policies."""
    chosen: list[Member] = []
    for dummy in range(count):
        free = [one for one in group.counted() if not one.protected and one not in chosen]
        if not free:
            break
        zones = Counter(one.zone for one in group.counted() if one not in chosen)
        fullest = max(zones[one.zone] for one in free)
        candidates = [one for one in free if zones[one.zone] == fullest]
        for policy in group.termination_policies:
            candidates = _prefer(group, policy, candidates)
        chosen.append(candidates[0])
    return chosen


def _prefer(group: Group, policy: str, candidates: list[Member]) -> list[Member]:
    newest = policy == "NewestInstance"
    by_age = sorted(candidates, key=lambda one: one.launched_at, reverse=newest)
    if policy not in ("Default", "OldestLaunchTemplate"):
        return by_age
    specification = groups.template_specification(group)
    try:
        current = groups.resolve_template(group.region, specification)
    except Exception:  # the template is gone: every member's is as old as any
        return by_age
    old = [one for one in by_age if one.template != current]
    return old or by_age
