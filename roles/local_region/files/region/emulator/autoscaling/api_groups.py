# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions of Auto Scaling's API about groups themselves."""

from __future__ import annotations

from typing import Any

from region.emulator.autoscaling import groups, lifecycle
from region.emulator.autoscaling.model import GOING, PROCESSES, Group
from region.emulator.errors import AwsError
from region.emulator.native import Request
from region.emulator.state import runtime

# Parameters that are kept and described but have no effect here.
STORED = (
    "PlacementGroup",
    "CapacityRebalance",
    "MaxInstanceLifetime",
    "Context",
    "DesiredCapacityType",
    "InstanceMaintenancePolicy",
)
GROUP_METRICS = tuple(
    f"Group{one}"
    for one in (
        "DesiredCapacity",
        "InServiceInstances",
        "MaxSize",
        "MinSize",
        "PendingInstances",
        "StandbyInstances",
        "TerminatingInstances",
        "TotalInstances",
    )
)
NOT_EMULATED = ("LaunchConfigurationName", "InstanceId", "LoadBalancerNames", "TrafficSources")


def _refuse(request: Request) -> None:
    for name in NOT_EMULATED:
        if request.get(name):
            raise NotImplementedError(f"Auto Scaling with {name}")


def _sizes(minimum: int, maximum: int, desired: int) -> None:
    if minimum > maximum:
        raise AwsError("ValidationError", f"Min bound, {minimum}, must be less than or equal to max bound, {maximum}")
    if desired > maximum:
        raise AwsError(
            "ValidationError",
            f"Desired capacity:{desired} must be between the specified min size:{minimum} and max size:{maximum}",
        )
    if desired < minimum:
        raise AwsError(
            "ValidationError",
            f"Desired capacity:{desired} must be between the specified min size:{minimum} and max size:{maximum}",
        )


def _templates(request: Request, group: Group) -> None:
    template, policy = request.get("LaunchTemplate"), request.get("MixedInstancesPolicy")
    if template and policy:
        raise AwsError("ValidationError", "Valid requests must contain either LaunchTemplate or MixedInstancesPolicy.")
    if template:
        group.launch_template = groups.complete_specification(request.region, template)
        group.mixed_policy = None
    elif policy:
        inner = policy.get("LaunchTemplate", {})
        specification = groups.complete_specification(request.region, inner.get("LaunchTemplateSpecification", {}))
        overrides = inner.get("Overrides", [])
        group.mixed_policy = {
            **policy,
            "LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": overrides},
        }
        group.launch_template = None


def _tags(group_name: str, tags: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "ResourceId": group_name,
            "ResourceType": "auto-scaling-group",
            "Key": tag["Key"],
            "Value": tag.get("Value", ""),
            "PropagateAtLaunch": bool(tag.get("PropagateAtLaunch", False)),
        }
        for tag in tags
    ]


def create(request: Request) -> None:
    """CreateAutoScalingGroup."""
    _refuse(request)
    minimum, maximum = int(request.get("MinSize", 0)), int(request.get("MaxSize", 0))
    desired = int(request.get("DesiredCapacity", minimum))
    _sizes(minimum, maximum, desired)
    name = request.get("AutoScalingGroupName")
    subnets = [one.strip() for one in request.get("VPCZoneIdentifier", "").split(",") if one.strip()]
    if not request.get("LaunchTemplate") and not request.get("MixedInstancesPolicy"):
        raise AwsError(
            "ValidationError",
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
            "MixedInstancesPolicy parameter.",
        )
    group = Group(
        name=name,
        region=request.region,
        account=request.account,
        min_size=minimum,
        max_size=maximum,
        desired=desired,
        subnets=subnets,
        zones=groups.zones_of(request.region, subnets, request.get("AvailabilityZones", [])),
        created_at=runtime.now(),
        target_groups=list(request.get("TargetGroupARNs", [])),
        tags=_tags(name, request.get("Tags", [])),
    )
    _templates(request, group)
    _settings(request, group)
    groups.add(group)
    for specification in request.get("LifecycleHookSpecificationList", []):
        put_hook(group, specification)


def _settings(request: Request, group: Group) -> None:
    group.default_cooldown = int(request.get("DefaultCooldown", group.default_cooldown))
    group.health_check_type = request.get("HealthCheckType", group.health_check_type)
    group.grace_period = int(request.get("HealthCheckGracePeriod", group.grace_period))
    group.termination_policies = list(request.get("TerminationPolicies", group.termination_policies)) or ["Default"]
    group.protect_new = bool(request.get("NewInstancesProtectedFromScaleIn", group.protect_new))
    group.default_warmup = request.get("DefaultInstanceWarmup", group.default_warmup)
    group.extra.update({key: request.get(key) for key in STORED if request.get(key) is not None})


def update(request: Request) -> None:
    """UpdateAutoScalingGroup: running instances stay as they are, only the next launches see changes."""
    _refuse(request)
    group = groups.find(request.region, request.get("AutoScalingGroupName"))
    minimum = int(request.get("MinSize", group.min_size))
    maximum = int(request.get("MaxSize", group.max_size))
    desired = int(request.get("DesiredCapacity", max(minimum, min(maximum, group.desired))))
    _sizes(minimum, maximum, desired)
    subnets, zones = request.get("VPCZoneIdentifier"), request.get("AvailabilityZones", [])
    if subnets is not None or zones:
        chosen = [one.strip() for one in (subnets or "").split(",") if one.strip()]
        group.zones = groups.zones_of(request.region, chosen, zones)
        group.subnets = chosen
    _templates(request, group)
    _settings(request, group)
    group.min_size, group.max_size, group.desired = minimum, maximum, desired
    group.retry_launch_at = 0.0


def delete(request: Request) -> None:
    """DeleteAutoScalingGroup: with ForceDelete the instances go first, without it there may be none."""
    group = groups.find(request.region, request.get("AutoScalingGroupName"))
    if group.members and not request.get("ForceDelete"):
        if any(one.state in GOING for one in group.members.values()):
            raise AwsError(
                "ScalingActivityInProgress",
                "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group: "
                f"{group.name}.",
            )
        raise AwsError(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) "
            "still in the group.",
        )
    group.min_size = group.desired = 0
    group.status = "Delete in progress"
    for one in list(group.members.values()):
        cause = "an instance was taken out of service in response to the deletion of the group"
        lifecycle.begin_termination(group, one, cause, runtime.now(), skip_hooks=True)
    if not group.members:
        groups.remove(group)


def describe(request: Request) -> dict[str, Any]:
    """DescribeAutoScalingGroups, by names and filters, in pages."""
    names = request.get("AutoScalingGroupNames", [])
    found = [one for one in groups.all_groups(request.region) if not names or one.name in names]
    for one in request.get("Filters", []):
        found = [group for group in found if _passes(group, one["Name"], one.get("Values", []))]
    return page(request, "AutoScalingGroups", [one.describe() for one in found], 50)


def _passes(group: Group, name: str, values: list[str]) -> bool:
    if name == "tag-key":
        return any(tag["Key"] in values for tag in group.tags)
    if name == "tag-value":
        return any(tag.get("Value") in values for tag in group.tags)
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return any(tag["Key"] == key and tag.get("Value") in values for tag in group.tags)
    raise AwsError(
        "ValidationError", f"Filter type {name} is not correct. Allowed Filter types are: tag-key tag-value tag:<key>"
    )


def page(request: Request, key: str, items: list[Any], default: int) -> dict[str, Any]:
    """Return one page of a list."""
    start = int(request.get("NextToken", 0))
    following = start + int(request.get("MaxRecords", default))
    answer: dict[str, Any] = {key: items[start:following]}
    if following < len(items):
        answer["NextToken"] = str(following)
    return answer


def set_desired(request: Request) -> None:
    """SetDesiredCapacity."""
    group = groups.find(request.region, request.get("AutoScalingGroupName"))
    desired = int(request.get("DesiredCapacity"))
    if desired > group.max_size:
        raise AwsError(
            "ValidationError",
            f"New SetDesiredCapacity value {desired} is above max value {group.max_size} for the AutoScalingGroup.",
        )
    if desired < group.min_size:
        raise AwsError(
            "ValidationError",
            f"New SetDesiredCapacity value {desired} is below min value {group.min_size} for the AutoScalingGroup.",
        )
    if request.get("HonorCooldown") and runtime.now() < group.cooldown_until:
        raise AwsError("ScalingActivityInProgress", "A scaling activity is in progress and the cooldown is honored.")
    group.desired, group.retry_launch_at = desired, 0.0


def put_tags(request: Request) -> None:
    """CreateOrUpdateTags; running instances do not get them, as in AWS."""
    for tag in request.get("Tags", []):
        group = groups.find(request.region, tag.get("ResourceId"))
        group.tags = [one for one in group.tags if one["Key"] != tag["Key"]] + _tags(group.name, [tag])


def delete_tags(request: Request) -> None:
    """DeleteTags."""
    for tag in request.get("Tags", []):
        group = groups.find(request.region, tag.get("ResourceId"))
        group.tags = [one for one in group.tags if one["Key"] != tag["Key"]]


def describe_tags(request: Request) -> dict[str, Any]:
    """DescribeTags."""
    tags = [tag for group in groups.all_groups(request.region) for tag in group.tags]
    keys = {
        "auto-scaling-group": "ResourceId",
        "key": "Key",
        "value": "Value",
        "propagate-at-launch": "PropagateAtLaunch",
    }
    for one in request.get("Filters", []):
        key = keys.get(one["Name"])
        if key is None:
            raise AwsError("ValidationError", f"Filter type {one['Name']} is not correct.")
        tags = [tag for tag in tags if str(tag[key]).lower() in [value.lower() for value in one.get("Values", [])]]
    return page(request, "Tags", tags, 50)


def suspend(request: Request) -> None:
    """SuspendProcesses; all of them when none is named."""
    _processes(request).suspended |= set(request.get("ScalingProcesses", []) or PROCESSES)


def resume(request: Request) -> None:
    """ResumeProcesses; all of them when none is named."""
    group = _processes(request)
    group.suspended -= set(request.get("ScalingProcesses", []) or PROCESSES)


def _processes(request: Request) -> Group:
    for name in request.get("ScalingProcesses", []):
        if name not in PROCESSES:
            raise AwsError(
                "ValidationError", f"{name} is not a valid scaling process. Valid processes are {', '.join(PROCESSES)}"
            )
    return groups.find(request.region, request.get("AutoScalingGroupName"))


def put_hook(group: Group, fields: dict[str, Any]) -> None:
    """Add a lifecycle hook to a group, or change it: what is not given stays."""
    from region.emulator.autoscaling.model import LAUNCHING, TERMINATING, Hook

    name = fields["LifecycleHookName"]
    known = group.hooks.get(name)
    transition = fields.get("LifecycleTransition") or (known.transition if known else None)
    if transition not in (LAUNCHING, TERMINATING):
        raise AwsError(
            "ValidationError",
            "LifecycleTransition must be autoscaling:EC2_INSTANCE_LAUNCHING or autoscaling:EC2_INSTANCE_TERMINATING.",
        )
    hook = known or Hook(name, transition)
    hook.transition = transition
    hook.heartbeat_timeout = int(fields.get("HeartbeatTimeout") or hook.heartbeat_timeout)
    if not 30 <= hook.heartbeat_timeout <= 7200:
        raise AwsError("ValidationError", "HeartbeatTimeout must be between 30 and 7200 seconds.")
    hook.default_result = fields.get("DefaultResult") or hook.default_result
    hook.metadata = fields.get("NotificationMetadata") or hook.metadata
    hook.role_arn = fields.get("RoleARN") or hook.role_arn
    hook.target_arn = fields.get("NotificationTargetARN") or hook.target_arn
    group.hooks[name] = hook


def attach_target_groups(request: Request) -> None:
    """AttachLoadBalancerTargetGroups."""
    group = groups.find(request.region, request.get("AutoScalingGroupName"))
    group.target_groups += [one for one in request.get("TargetGroupARNs", []) if one not in group.target_groups]


def detach_target_groups(request: Request) -> None:
    """DetachLoadBalancerTargetGroups: the members are deregistered."""
    group = groups.find(request.region, request.get("AutoScalingGroupName"))
    gone = request.get("TargetGroupARNs", [])
    group.target_groups = [one for one in group.target_groups if one not in gone]
    for one in group.members.values():
        lifecycle.deregister(group, one, gone)
        one.registered -= set(gone)


def describe_target_groups(request: Request) -> dict[str, Any]:
    """DescribeLoadBalancerTargetGroups."""
    group = groups.find(request.region, request.get("AutoScalingGroupName"))
    states = []
    for arn in group.target_groups:
        inside = any(arn in one.registered for one in group.members.values())
        states.append({"LoadBalancerTargetGroupARN": arn, "State": "InService" if inside else "Added"})
    return {"LoadBalancerTargetGroups": states}


def enable_metrics(request: Request) -> None:
    """EnableMetricsCollection: kept and described; no group metrics are made here."""
    group = groups.find(request.region, request.get("AutoScalingGroupName"))
    metrics = set(request.get("Metrics", []) or GROUP_METRICS) | {one["Metric"] for one in _metrics(group)}
    granularity = request.get("Granularity", "1Minute")
    group.extra["EnabledMetrics"] = [{"Metric": one, "Granularity": granularity} for one in sorted(metrics)]


def disable_metrics(request: Request) -> None:
    """DisableMetricsCollection."""
    group = groups.find(request.region, request.get("AutoScalingGroupName"))
    gone = request.get("Metrics", []) or GROUP_METRICS
    group.extra["EnabledMetrics"] = [one for one in _metrics(group) if one["Metric"] not in gone]


def _metrics(group: Group) -> list[dict[str, str]]:
    enabled: list[dict[str, str]] = group.extra.get("EnabledMetrics", [])
    return enabled
