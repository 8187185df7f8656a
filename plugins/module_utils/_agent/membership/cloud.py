# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What managers ask EC2 and Auto Scaling about the cluster's instances, one function per API call."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._aws.ec2 import describe_instances
from ..._aws.errors import api_call

_BATCH = 50  # DescribeAutoScalingInstances takes no more ids


def states(client: t.Any, instance_ids: t.Iterable[str]) -> dict[str, str]:
    """Return instance id → state for each of *instance_ids*; C(missing) for one that EC2 does not know."""
    wanted = sorted({instance_id for instance_id in instance_ids if instance_id})
    found = describe_instances(client, {"instance-id": wanted}) if wanted else {}
    return {name: found[name].state if name in found else "missing" for name in wanted}


@dataclass(frozen=True)
class Membership:
    """An instance's place in its Auto Scaling group.

    :ivar lifecycle_state: C(InService), C(Terminating:Wait) and so on.
    """

    instance_id: str
    group: str
    lifecycle_state: str


@api_call("describe Auto Scaling instances", permission="autoscaling:DescribeAutoScalingInstances")
def _memberships(client: t.Any, instance_ids: t.Sequence[str]) -> list[dict[str, t.Any]]:
    return t.cast(
        "list[dict[str, t.Any]]",
        client.describe_auto_scaling_instances(InstanceIds=list(instance_ids))["AutoScalingInstances"],
    )


def memberships(client: t.Any, instance_ids: t.Iterable[str]) -> dict[str, Membership]:
    """Return instance id → place in its group, for those that are in one."""
    wanted = sorted(instance_ids)
    found = [
        item for start in range(0, len(wanted), _BATCH) for item in _memberships(client, wanted[start : start + _BATCH])
    ]
    return {
        item["InstanceId"]: Membership(item["InstanceId"], item["AutoScalingGroupName"], item["LifecycleState"])
        for item in found
    }


@api_call("list the lifecycle hooks of {group}", permission="autoscaling:DescribeLifecycleHooks")
def terminating_hooks(client: t.Any, group: str) -> list[str]:
    """Return the names of the hooks that hold the group's instances before they end."""
    hooks = client.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"]
    return [
        hook["LifecycleHookName"]
        for hook in hooks
        if hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    ]


@api_call("let {instance_id} end", permission="autoscaling:CompleteLifecycleAction")
def complete_hook(client: t.Any, group: str, hook: str, instance_id: str) -> None:
    """Tell Auto Scaling that the instance may end now."""
    client.complete_lifecycle_action(
        AutoScalingGroupName=group,
        LifecycleHookName=hook,
        InstanceId=instance_id,
        LifecycleActionResult="CONTINUE",
    )
