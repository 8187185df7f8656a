# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Auto Scaling's things: groups, their instances, hooks and activities."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

# Lifecycle states in which an instance counts towards the desired capacity.
COUNTED = ("Pending", "Pending:Wait", "Pending:Proceed", "InService")
GOING = ("Terminating", "Terminating:Wait", "Terminating:Proceed")
LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)
MAX_HOOK_SECONDS = 172_800


def timestamp(seconds: float) -> datetime:
    """Return a point in time as the serializers want it."""
    return datetime.fromtimestamp(seconds, tz=UTC)


@dataclass
class Activity:
    """One line of the group's history."""

    group_name: str
    description: str
    cause: str
    started_at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "InProgress"
    progress: int = 0
    message: str = ""
    ended_at: float | None = None

    def end(self, now: float, status: str = "Successful", message: str = "") -> None:
        """Close the activity."""
        self.status, self.message, self.ended_at, self.progress = status, message, now, 100

    def describe(self) -> dict[str, Any]:
        """Return it as DescribeScalingActivities does."""
        answer: dict[str, Any] = {
            "ActivityId": self.id,
            "AutoScalingGroupName": self.group_name,
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": timestamp(self.started_at),
            "StatusCode": self.status,
            "Progress": self.progress,
            "Details": "{}",
        }
        if self.ended_at is not None:
            answer["EndTime"] = timestamp(self.ended_at)
        if self.message:
            answer["StatusMessage"] = self.message
        return answer


@dataclass
class Hook:
    """A lifecycle hook."""

    name: str
    transition: str
    heartbeat_timeout: int = 3600
    default_result: str = "ABANDON"
    metadata: str = ""
    role_arn: str = ""
    target_arn: str = ""

    @property
    def global_timeout(self) -> int:
        """Seconds after which a wait ends whatever heartbeats came."""
        return min(MAX_HOOK_SECONDS, 100 * self.heartbeat_timeout)

    def describe(self, group_name: str) -> dict[str, Any]:
        """Return it as DescribeLifecycleHooks does."""
        answer: dict[str, Any] = {
            "LifecycleHookName": self.name,
            "AutoScalingGroupName": group_name,
            "LifecycleTransition": self.transition,
            "HeartbeatTimeout": self.heartbeat_timeout,
            "GlobalTimeout": self.global_timeout,
            "DefaultResult": self.default_result,
        }
        optional = {
            "NotificationMetadata": self.metadata,
            "RoleARN": self.role_arn,
            "NotificationTargetARN": self.target_arn,
        }
        return {**answer, **{key: value for key, value in optional.items() if value}}


@dataclass
class Wait:
    """An instance held by one hook.

    :ivar result: CONTINUE or ABANDON once it is over.
    """

    hook: Hook
    deadline: float
    last_deadline: float
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    result: str = ""


@dataclass
class Member:
    """One instance of a group.

    :ivar template: LaunchTemplateId, LaunchTemplateName, Version as launched.
    :ivar registered: target groups.
    """

    instance_id: str
    zone: str
    instance_type: str
    template: dict[str, Any]
    launched_at: float
    activity: Activity
    state: str = "Pending"
    health: str = "Healthy"
    protected: bool = False
    waits: list[Wait] = field(default_factory=list)
    in_service_at: float | None = None
    registered: set[str] = field(default_factory=set)
    skip_hooks: bool = False

    @property
    def counted(self) -> bool:
        """Whether it counts towards the desired capacity."""
        return self.state in COUNTED

    def describe(self) -> dict[str, Any]:
        """Return it as DescribeAutoScalingGroups does."""
        return {
            "InstanceId": self.instance_id,
            "InstanceType": self.instance_type,
            "AvailabilityZone": self.zone,
            "LifecycleState": self.state,
            "HealthStatus": self.health,
            "LaunchTemplate": self.template,
            "ProtectedFromScaleIn": self.protected,
        }


@dataclass
class Group:
    """One Auto Scaling group.

    :ivar launch_template: specification as given.
    :ivar extra: stored and described, without effect.
    :ivar surplus: instances above desired while a refresh launches before it terminates.
    """

    name: str
    region: str
    account: str
    min_size: int
    max_size: int
    desired: int
    subnets: list[str]
    zones: list[str]
    created_at: float
    launch_template: dict[str, Any] | None = None
    mixed_policy: dict[str, Any] | None = None
    default_cooldown: int = 300
    health_check_type: str = "EC2"
    grace_period: int = 0
    termination_policies: list[str] = field(default_factory=lambda: ["Default"])
    target_groups: list[str] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    protect_new: bool = False
    suspended: set[str] = field(default_factory=set)
    extra: dict[str, Any] = field(default_factory=dict)
    default_warmup: int | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    refreshes: list[Any] = field(default_factory=list)
    policies: dict[str, Any] = field(default_factory=dict)
    cooldown_until: float = 0.0
    retry_launch_at: float = 0.0
    surplus: int = 0

    @property
    def arn(self) -> str:
        """The group's ARN."""
        prefix = f"arn:aws:autoscaling:{self.region}:{self.account}"
        return f"{prefix}:autoScalingGroup:{self.id}:autoScalingGroupName/{self.name}"

    def counted(self) -> list[Member]:
        """Return the members that count towards the desired capacity."""
        return [one for one in self.members.values() if one.counted]

    def hooks_for(self, transition: str) -> list[Hook]:
        """Return the hooks of a transition."""
        return [one for one in self.hooks.values() if one.transition == transition]

    def runs(self, process: str) -> bool:
        """Say whether a process is not suspended."""
        return process not in self.suspended

    def note(self, description: str, cause: str, now: float) -> Activity:
        """Start an activity."""
        activity = Activity(self.name, description, cause, now)
        self.activities.insert(0, activity)
        return activity

    def describe(self) -> dict[str, Any]:
        """Return it as DescribeAutoScalingGroups does."""
        answer: dict[str, Any] = {
            "AutoScalingGroupName": self.name,
            "AutoScalingGroupARN": self.arn,
            "MinSize": self.min_size,
            "MaxSize": self.max_size,
            "DesiredCapacity": self.desired,
            "DefaultCooldown": self.default_cooldown,
            "AvailabilityZones": self.zones,
            "LoadBalancerNames": [],
            "TargetGroupARNs": self.target_groups,
            "HealthCheckType": self.health_check_type,
            "HealthCheckGracePeriod": self.grace_period,
            "Instances": [one.describe() for one in self.members.values()],
            "CreatedTime": timestamp(self.created_at),
            "SuspendedProcesses": [
                {"ProcessName": one, "SuspensionReason": "User suspended"} for one in sorted(self.suspended)
            ],
            "VPCZoneIdentifier": ",".join(self.subnets),
            "EnabledMetrics": [],
            "Tags": sorted(self.tags, key=lambda tag: str(tag["Key"])),
            "TerminationPolicies": self.termination_policies,
            "NewInstancesProtectedFromScaleIn": self.protect_new,
            "ServiceLinkedRoleARN": (
                f"arn:aws:iam::{self.account}:role/aws-service-role/autoscaling.amazonaws.com/"
                "AWSServiceRoleForAutoScaling"
            ),
            "TrafficSources": [{"Identifier": arn, "Type": "elbv2"} for arn in self.target_groups],
            **self.extra,
        }
        optional = {
            "LaunchTemplate": self.launch_template,
            "MixedInstancesPolicy": self.mixed_policy,
            "DefaultInstanceWarmup": self.default_warmup,
            "Status": self.status or None,
        }
        return {**answer, **{key: value for key, value in optional.items() if value is not None}}


def percent(share: float, whole: int) -> int:
    """Return *share* percent of *whole*, rounded up."""
    return math.ceil(whole * share / 100)
