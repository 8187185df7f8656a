# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions of Auto Scaling's API about instances, hooks, refreshes and policies."""

from __future__ import annotations

from typing import Any

from region.emulator.autoscaling import api_groups, groups, lifecycle, refresh, scaling
from region.emulator.autoscaling.model import Activity, Group, Member
from region.emulator.client import for_service
from region.emulator.ec2 import instances as ec2_instances
from region.emulator.errors import AwsError
from region.emulator.native import Request
from region.emulator.state import runtime


def _group(request: Request) -> Group:
    return groups.find(request.region, request.get("AutoScalingGroupName"))


def describe(request: Request) -> dict[str, Any]:
    """DescribeAutoScalingInstances."""
    ids = request.get("InstanceIds", [])
    found = [
        {**one.describe(), "AutoScalingGroupName": group.name}
        for group in groups.all_groups(request.region)
        for one in group.members.values()
        if not ids or one.instance_id in ids
    ]
    for one in found:
        one["HealthStatus"] = one["HealthStatus"].upper()
    return api_groups.page(request, "AutoScalingInstances", found, 50)


def describe_activities(request: Request) -> dict[str, Any]:
    """DescribeScalingActivities, newest first."""
    name = request.get("AutoScalingGroupName")
    if name:
        groups.find(request.region, name)
    activities = [
        one for group in groups.all_groups(request.region) if name in (None, group.name) for one in group.activities
    ]
    ids = request.get("ActivityIds", [])
    chosen = [one for one in activities if not ids or one.id in ids]
    chosen.sort(key=lambda one: one.started_at, reverse=True)
    return api_groups.page(request, "Activities", [one.describe() for one in chosen], 100)


def terminate(request: Request) -> dict[str, Any]:
    """TerminateInstanceInAutoScalingGroup: hooks hold the instance; another replaces it unless capacity shrinks."""
    group, one = groups.of_instance(request.region, request.get("InstanceId"))
    _decrement(request, group, 1)
    cause = "an instance was taken out of service in response to a user request"
    lifecycle.begin_termination(group, one, cause, runtime.now())
    return {"Activity": one.activity.describe()}


def _decrement(request: Request, group: Group, count: int) -> None:
    if request.get("ShouldDecrementDesiredCapacity"):
        if group.desired - count < group.min_size:
            raise AwsError(
                "ValidationError",
                f"Currently, desiredSize equals minSize ({group.min_size}). Terminating instance without replacement "
                "will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or "
                "lower group's min size.",
            )
        group.desired -= count


def set_health(request: Request) -> None:
    """SetInstanceHealth; within the grace period only when that is not to be respected."""
    group, one = groups.of_instance(request.region, request.get("InstanceId"))
    status = str(request.get("HealthStatus"))
    if status.capitalize() not in ("Healthy", "Unhealthy"):
        raise AwsError("ValidationError", "Valid instance health states are: [Healthy, Unhealthy].")
    young = one.in_service_at is None or runtime.now() - one.in_service_at < group.grace_period
    if status.capitalize() == "Unhealthy" and young and request.get("ShouldRespectGracePeriod", True):
        return
    one.health = status.capitalize()


def set_protection(request: Request) -> None:
    """SetInstanceProtection."""
    group = _group(request)
    for instance_id in request.get("InstanceIds", []):
        one = groups.member(group, instance_id)
        if one.state != "InService":
            raise AwsError("ValidationError", f"The instance {instance_id} is not in InService.")
        one.protected = bool(request.get("ProtectedFromScaleIn"))


def attach(request: Request) -> None:
    """AttachInstances: desired capacity grows by as many."""
    group, ids = _group(request), request.get("InstanceIds", [])
    if group.desired + len(ids) > group.max_size:
        raise AwsError(
            "ValidationError",
            f"AutoScalingGroup {group.name} has max-size={group.max_size}; {len(ids)} more instances would exceed it.",
        )
    for instance_id in ids:
        instance = ec2_instances.backend(request.region).get_instance(instance_id)
        if instance.state != "running":
            raise AwsError(
                "ValidationError",
                f"Instance {instance_id} is not in correct state. Instance(s) must be in 'running' state.",
            )
        instance.add_tags({"aws:autoscaling:groupName": group.name})
        now = runtime.now()
        activity = group.note(f"Attaching an existing EC2 instance: {instance_id}", "Attached by a user request.", now)
        activity.end(now)
        one = Member(instance_id, instance.availability_zone, instance.instance_type, {}, now, activity, "InService")
        one.in_service_at = now
        group.members[instance_id] = one
        group.desired += 1


def detach(request: Request) -> dict[str, Any]:
    """DetachInstances: they go on running, outside of the group."""
    group, ids = _group(request), request.get("InstanceIds", [])
    members = [groups.member(group, one) for one in ids]
    _decrement(request, group, len(ids))
    activities = []
    for one in members:
        lifecycle.deregister(group, one)
        activities.append(_done(group, f"Detaching EC2 instance: {one.instance_id}"))
        del group.members[one.instance_id]
        tags = [{"Key": "aws:autoscaling:groupName"}]
        for_service("ec2", "autoscaling", group.region).delete_tags(Resources=[one.instance_id], Tags=tags)
    return {"Activities": activities}


def _done(group: Group, description: str) -> dict[str, Any]:
    now = runtime.now()
    activity: Activity = group.note(description, "In response to a user request.", now)
    activity.end(now)
    return activity.describe()


def enter_standby(request: Request) -> dict[str, Any]:
    """EnterStandby: out of the load balancer and of the count, still in the group."""
    group = _group(request)
    members = [groups.member(group, one) for one in request.get("InstanceIds", [])]
    _decrement(request, group, len(members))
    for one in members:
        if one.state != "InService":
            raise AwsError("ValidationError", f"The instance {one.instance_id} is not in InService.")
        lifecycle.deregister(group, one)
        one.registered, one.state = set(), "Standby"
    return {"Activities": [_done(group, f"Moving EC2 instance to Standby: {one.instance_id}") for one in members]}


def exit_standby(request: Request) -> dict[str, Any]:
    """ExitStandby: desired capacity grows by as many."""
    group = _group(request)
    members = [groups.member(group, one) for one in request.get("InstanceIds", [])]
    if group.desired + len(members) > group.max_size:
        raise AwsError("ValidationError", f"AutoScalingGroup {group.name} has max-size={group.max_size}.")
    for one in members:
        one.state, one.in_service_at = "Pending", None
        group.desired += 1
    return {"Activities": [_done(group, f"Moving EC2 instance out of Standby: {one.instance_id}") for one in members]}


def put_hook(request: Request) -> None:
    """PutLifecycleHook."""
    api_groups.put_hook(_group(request), request.parameters)


def delete_hook(request: Request) -> None:
    """DeleteLifecycleHook: what it holds goes on."""
    group, name = _group(request), request.get("LifecycleHookName")
    if group.hooks.pop(name, None) is None:
        raise AwsError("ValidationError", f"Lifecycle Hook {name} does not exist for group {group.name}")
    for one in group.members.values():
        for wait in one.waits:
            if wait.hook.name == name and not wait.result:
                wait.result = "CONTINUE"


def describe_hooks(request: Request) -> dict[str, Any]:
    """DescribeLifecycleHooks."""
    group, names = _group(request), request.get("LifecycleHookNames", [])
    return {
        "LifecycleHooks": [one.describe(group.name) for one in group.hooks.values() if not names or one.name in names]
    }


def complete_action(request: Request) -> None:
    """CompleteLifecycleAction."""
    result = request.get("LifecycleActionResult")
    if result not in ("CONTINUE", "ABANDON"):
        raise AwsError("ValidationError", "LifecycleActionResult must be CONTINUE or ABANDON.")
    lifecycle.complete(
        _group(request),
        request.get("LifecycleHookName"),
        request.get("InstanceId"),
        request.get("LifecycleActionToken"),
        result,
    )


def heartbeat(request: Request) -> None:
    """RecordLifecycleActionHeartbeat."""
    token, hook = request.get("LifecycleActionToken"), request.get("LifecycleHookName")
    lifecycle.heartbeat(_group(request), hook, request.get("InstanceId"), token, runtime.now())


def start_refresh(request: Request) -> dict[str, Any]:
    """StartInstanceRefresh."""
    if request.get("Strategy", "Rolling") != "Rolling":
        raise NotImplementedError("an instance refresh other than Rolling")
    started = refresh.start(
        _group(request), request.get("Preferences", {}), request.get("DesiredConfiguration"), runtime.now()
    )
    return {"InstanceRefreshId": started.id}


def cancel_refresh(request: Request) -> dict[str, Any]:
    """CancelInstanceRefresh."""
    return {"InstanceRefreshId": refresh.cancel(_group(request), runtime.now()).id}


def roll_back_refresh(request: Request) -> dict[str, Any]:
    """RollbackInstanceRefresh."""
    return {"InstanceRefreshId": refresh.roll_back(_group(request), runtime.now()).id}


def describe_refreshes(request: Request) -> dict[str, Any]:
    """DescribeInstanceRefreshes, newest first."""
    ids = request.get("InstanceRefreshIds", [])
    found = [one.describe() for one in _group(request).refreshes if not ids or one.id in ids]
    return api_groups.page(request, "InstanceRefreshes", found, 50)


def put_policy(request: Request) -> dict[str, Any]:
    """PutScalingPolicy."""
    policy = scaling.put(_group(request), request.parameters)
    return {"PolicyARN": policy.arn, "Alarms": policy.alarms}


def _policies(request: Request) -> list[scaling.Policy]:
    name = request.get("AutoScalingGroupName")
    return [
        policy
        for group in groups.all_groups(request.region)
        if name in (None, group.name)
        for policy in group.policies.values()
    ]


def describe_policies(request: Request) -> dict[str, Any]:
    """DescribePolicies."""
    names, kinds = request.get("PolicyNames", []), request.get("PolicyTypes", [])
    found = [
        one.describe()
        for one in _policies(request)
        if (not names or one.name in names or one.arn in names) and (not kinds or one.kind in kinds)
    ]
    return api_groups.page(request, "ScalingPolicies", found, 50)


def _policy(request: Request) -> scaling.Policy:
    name = request.get("PolicyName")
    for one in _policies(request):
        if name in (one.name, one.arn):
            return one
    raise AwsError("ValidationError", f"Cannot find specified policy {name}")


def delete_policy(request: Request) -> None:
    """DeletePolicy."""
    scaling.delete(_policy(request))


def execute_policy(request: Request) -> None:
    """ExecutePolicy."""
    value, threshold = request.get("MetricValue"), request.get("BreachThreshold")
    breach = float(value) - float(threshold) if value is not None and threshold is not None else None
    scaling.execute(_policy(request), runtime.now(), breach, bool(request.get("HonorCooldown")))
