# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Auto Scaling, emulated from the ground up: moto has neither waits, zones, refreshes nor replacements that hold."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.responses import AutoScalingResponse

from region.emulator import native
from region.emulator.autoscaling import api_groups, api_instances, capacity, groups, refresh
from region.emulator.native import Action, Request

_NOTIFICATIONS = (
    "EC2_INSTANCE_LAUNCH",
    "EC2_INSTANCE_LAUNCH_ERROR",
    "EC2_INSTANCE_TERMINATE",
    "EC2_INSTANCE_TERMINATE_ERROR",
)


def _limits(request: Request) -> dict[str, Any]:
    count = len(groups.all_groups(request.region))
    return {
        "MaxNumberOfAutoScalingGroups": 500,
        "MaxNumberOfLaunchConfigurations": 200,
        "NumberOfAutoScalingGroups": count,
        "NumberOfLaunchConfigurations": 0,
    }


ACTIONS: dict[str, Action] = {
    "AttachInstances": api_instances.attach,
    "AttachLoadBalancerTargetGroups": api_groups.attach_target_groups,
    "CancelInstanceRefresh": api_instances.cancel_refresh,
    "CompleteLifecycleAction": api_instances.complete_action,
    "CreateAutoScalingGroup": api_groups.create,
    "CreateOrUpdateTags": api_groups.put_tags,
    "DeleteAutoScalingGroup": api_groups.delete,
    "DeleteLifecycleHook": api_instances.delete_hook,
    "DeletePolicy": api_instances.delete_policy,
    "DeleteTags": api_groups.delete_tags,
    "DescribeAccountLimits": _limits,
    "DescribeAutoScalingGroups": api_groups.describe,
    "DescribeAutoScalingInstances": api_instances.describe,
    "DescribeAutoScalingNotificationTypes": lambda request: {
        "AutoScalingNotificationTypes": [f"autoscaling:{one}" for one in _NOTIFICATIONS]
    },
    "DescribeInstanceRefreshes": api_instances.describe_refreshes,
    "DescribeLaunchConfigurations": lambda request: {"LaunchConfigurations": []},
    "DescribeLifecycleHooks": api_instances.describe_hooks,
    "DescribeLoadBalancerTargetGroups": api_groups.describe_target_groups,
    "DescribeLoadBalancers": lambda request: {"LoadBalancers": []},
    "DescribeNotificationConfigurations": lambda request: {"NotificationConfigurations": []},
    "DescribePolicies": api_instances.describe_policies,
    "DescribeScalingActivities": api_instances.describe_activities,
    "DescribeScheduledActions": lambda request: {"ScheduledUpdateGroupActions": []},
    "DescribeTags": api_groups.describe_tags,
    "DescribeWarmPool": lambda request: {"Instances": []},
    "DetachInstances": api_instances.detach,
    "DetachLoadBalancerTargetGroups": api_groups.detach_target_groups,
    "DisableMetricsCollection": api_groups.disable_metrics,
    "EnableMetricsCollection": api_groups.enable_metrics,
    "EnterStandby": api_instances.enter_standby,
    "ExecutePolicy": api_instances.execute_policy,
    "ExitStandby": api_instances.exit_standby,
    "PutLifecycleHook": api_instances.put_hook,
    "PutScalingPolicy": api_instances.put_policy,
    "RecordLifecycleActionHeartbeat": api_instances.heartbeat,
    "ResumeProcesses": api_groups.resume,
    "RollbackInstanceRefresh": api_instances.roll_back_refresh,
    "SetDesiredCapacity": api_groups.set_desired,
    "SetInstanceHealth": api_instances.set_health,
    "SetInstanceProtection": api_instances.set_protection,
    "StartInstanceRefresh": api_instances.start_refresh,
    "SuspendProcesses": api_groups.suspend,
    "TerminateInstanceInAutoScalingGroup": api_instances.terminate,
    "UpdateAutoScalingGroup": api_groups.update,
}


def install() -> None:
    """Answer Auto Scaling's API from here, with no group yet."""
    groups.reset()
    native.serve(AutoScalingResponse, "autoscaling", ACTIONS)


def tick(now: float) -> None:
    """Let the groups act."""
    for group in groups.all_groups():
        refresh.tick(group, now)
        capacity.tick(group, now)
