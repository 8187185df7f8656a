# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scaling policies: what an alarm, or ExecutePolicy, does to the desired capacity."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field
from typing import Any

from region.emulator import client
from region.emulator.autoscaling.model import Group, Member
from region.emulator.errors import AwsError

# Instances launched this soon after their group belong to its first size.
STARTUP_SECONDS = 5.0
PREDEFINED = {
    "ASGAverageCPUUtilization": ("AWS/EC2", "CPUUtilization"),
    "ASGAverageNetworkIn": ("AWS/EC2", "NetworkIn"),
    "ASGAverageNetworkOut": ("AWS/EC2", "NetworkOut"),
}


@dataclass
class Policy:
    """One scaling policy."""

    name: str
    group: Group
    settings: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    alarms: list[dict[str, str]] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """The policy's ARN, which alarms name as their action."""
        group = self.group
        return (
            f"arn:aws:autoscaling:{group.region}:{group.account}:scalingPolicy:{self.id}:"
            f"autoScalingGroupName/{group.name}:policyName/{self.name}"
        )

    @property
    def kind(self) -> str:
        """SimpleScaling, StepScaling or TargetTrackingScaling."""
        return str(self.settings.get("PolicyType", "SimpleScaling"))

    def describe(self) -> dict[str, Any]:
        """Return it as DescribePolicies does."""
        return {
            **self.settings,
            "PolicyName": self.name,
            "AutoScalingGroupName": self.group.name,
            "PolicyARN": self.arn,
            "PolicyType": self.kind,
            "Alarms": self.alarms,
            "Enabled": self.settings.get("Enabled", True),
        }


def put(group: Group, settings: dict[str, Any]) -> Policy:
    """Create a policy or replace its settings.

    :raises AwsError: its kind is not emulated, or lacks what it needs.
    """
    name = settings["PolicyName"]
    kept = {key: value for key, value in settings.items() if key not in ("AutoScalingGroupName", "PolicyName")}
    kind = kept.get("PolicyType", "SimpleScaling")
    if kind == "PredictiveScaling":
        raise NotImplementedError("predictive scaling")
    if kind == "TargetTrackingScaling" and "TargetTrackingConfiguration" not in kept:
        raise AwsError("ValidationError", "TargetTrackingConfiguration must be specified for a target tracking policy.")
    if kind != "TargetTrackingScaling" and "AdjustmentType" not in kept:
        raise AwsError("ValidationError", "AdjustmentType must be specified.")
    if kind == "StepScaling" and not kept.get("StepAdjustments"):
        raise AwsError("ValidationError", "StepAdjustments must be specified for a step scaling policy.")
    policy = group.policies.get(name) or Policy(name, group, kept)
    policy.settings = kept
    group.policies[name] = policy
    if kind == "TargetTrackingScaling":
        _put_tracking_alarms(policy)
    return policy


def delete(policy: Policy) -> None:
    """Remove a policy and the alarms that it made for itself."""
    del policy.group.policies[policy.name]
    if policy.kind == "TargetTrackingScaling" and policy.alarms:
        _cloudwatch(policy).delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in policy.alarms])


def execute(policy: Policy, now: float, breach: float | None = None, honor_cooldown: bool = False) -> bool:
    """Apply a policy; *breach* is how far the metric is above the alarm's threshold (steps) or target (tracking).

    Returns whether the capacity changed.
    """
    group = policy.group
    if honor_cooldown and now < group.cooldown_until:
        return False
    capacity = _target(policy, breach)
    capacity = max(group.min_size, min(group.max_size, capacity))
    if capacity == group.desired:
        return False
    group.desired = capacity
    group.cooldown_until = now + float(policy.settings.get("Cooldown") or group.default_cooldown)
    return True


def _target(policy: Policy, breach: float | None) -> int:
    settings, desired = policy.settings, policy.group.desired
    if policy.kind == "TargetTrackingScaling":
        if breach is None:
            raise AwsError("ValidationError", "A target tracking policy cannot be executed by hand.")
        target = float(settings["TargetTrackingConfiguration"]["TargetValue"])
        wanted = math.ceil(desired * (target + breach) / target) if target else desired
        no_scale_in = settings["TargetTrackingConfiguration"].get("DisableScaleIn")
        return max(desired, wanted) if no_scale_in else wanted
    adjustment = _step(settings, breach) if policy.kind == "StepScaling" else int(settings.get("ScalingAdjustment", 0))
    kind = settings["AdjustmentType"]
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return desired + adjustment
    change = desired * adjustment / 100
    rounded = math.copysign(max(1, math.floor(abs(change))), change) if change else 0
    least = int(settings.get("MinAdjustmentMagnitude") or 0)
    if abs(rounded) < least:
        rounded = math.copysign(least, change)
    return desired + int(rounded)


def _step(settings: dict[str, Any], breach: float | None) -> int:
    if breach is None:
        raise AwsError("ValidationError", "MetricValue and BreachThreshold are needed for a step scaling policy.")
    for step in settings["StepAdjustments"]:
        lower, upper = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
        above = lower is None or breach >= float(lower)
        below = upper is None or breach < float(upper)
        if above and below:
            return int(step["ScalingAdjustment"])
    return 0


def _put_tracking_alarms(policy: Policy) -> None:
    """Make the two alarms with which target tracking watches its metric."""
    configuration = policy.settings["TargetTrackingConfiguration"]
    predefined = configuration.get("PredefinedMetricSpecification")
    if predefined:
        kind = predefined["PredefinedMetricType"]
        if kind not in PREDEFINED:
            raise NotImplementedError(f"target tracking on {kind}")
        namespace, metric = PREDEFINED[kind]
        dimensions = [{"Name": "AutoScalingGroupName", "Value": policy.group.name}]
        statistic = "Average"
    else:
        custom = configuration["CustomizedMetricSpecification"]
        if "MetricName" not in custom:
            raise NotImplementedError("target tracking on metric math")
        namespace, metric = custom["Namespace"], custom["MetricName"]
        dimensions, statistic = custom.get("Dimensions", []), custom.get("Statistic", "Average")
    target = float(configuration["TargetValue"])
    policy.alarms = []
    for side, comparison, threshold, periods in (
        ("AlarmHigh", "GreaterThanThreshold", target, 3),
        ("AlarmLow", "LessThanThreshold", target * 0.9, 15),
    ):
        name = f"TargetTracking-{policy.group.name}-{side}-{policy.id}"
        _cloudwatch(policy).put_metric_alarm(
            AlarmName=name,
            AlarmDescription="DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + policy.arn,
            Namespace=namespace,
            MetricName=metric,
            Dimensions=dimensions,
            Statistic=statistic,
            Period=60,
            EvaluationPeriods=periods,
            Threshold=threshold,
            ComparisonOperator=comparison,
            AlarmActions=[policy.arn],
        )
        arn = f"arn:aws:cloudwatch:{policy.group.region}:{policy.group.account}:alarm:{name}"
        policy.alarms.append({"AlarmName": name, "AlarmARN": arn})


def _cloudwatch(policy: Policy) -> Any:
    return client.for_service("cloudwatch", "autoscaling", policy.group.region)


def on_alarm(policy: Policy, value: float | None, threshold: float, now: float) -> bool:
    """Apply a policy because its alarm is on; *value* is the metric's latest, None when it is not known.

    Nothing happens while instances of an earlier step are still on their way or warming up.
    Returns whether the capacity changed.
    """
    if policy.kind == "SimpleScaling":
        return execute(policy, now, honor_cooldown=True)
    if any(_warming(policy, member, now) for member in policy.group.counted()):
        return False
    reference = threshold
    if policy.kind == "TargetTrackingScaling":
        reference = float(policy.settings["TargetTrackingConfiguration"]["TargetValue"])
    # An alarm that was set by hand has no value: its threshold is just reached.
    breach = (threshold if value is None else value) - reference
    return execute(policy, now, breach)


def _warming(policy: Policy, member: Member, now: float) -> bool:
    if member.in_service_at is None:
        return True
    warmup = policy.settings.get("EstimatedInstanceWarmup")
    if warmup is None:
        warmup = policy.group.default_warmup
    if warmup is None:
        warmup = policy.group.default_cooldown
    # The instances that the group began with do not count as a step.
    started_with_group = member.launched_at - policy.group.created_at < STARTUP_SECONDS
    return not started_with_group and now - member.in_service_at < float(warmup)
