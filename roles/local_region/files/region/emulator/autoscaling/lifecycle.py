# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's way through its group: pending, held by hooks, in service, draining, held again, gone."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import ClientError

from region.emulator import client
from region.emulator.autoscaling.model import LAUNCHING, TERMINATING, Group, Member, Wait, timestamp
from region.emulator.ec2 import instances as ec2_instances
from region.emulator.errors import AwsError

log = logging.getLogger(__name__)


def ec2_state(instance_id: str) -> str:
    """Return EC2's state of an instance, C(terminated) for one that EC2 has forgotten."""
    try:
        return str(ec2_instances.find(instance_id).state)
    except KeyError:
        return "terminated"


def advance(group: Group, one: Member, now: float) -> None:
    """Take the next steps of one member that are due."""
    for dummy in range(8):  # a bound against a cycle, far above the length of the longest way
        before = one.state
        _step(group, one, now)
        if one.state == before or one.instance_id not in group.members:
            return


def _step(group: Group, one: Member, now: float) -> None:
    state = ec2_state(one.instance_id)
    if one.state == "Pending":
        if state == "running":
            _hold(group, one, LAUNCHING, "Pending", now)
    elif one.state == "Pending:Wait":
        result = _result(one, now)
        if result == "CONTINUE":
            one.state, one.waits = "Pending:Proceed", []
        elif result == "ABANDON":
            one.activity.end(now, "Cancelled", "The launch was abandoned by a lifecycle hook.")
            begin_termination(group, one, "its launch was abandoned by a lifecycle hook", now)
    elif one.state == "Pending:Proceed":
        one.state, one.in_service_at = "InService", now
        one.activity.end(now)
    elif one.state == "Terminating":
        if one.skip_hooks:
            one.state = "Terminating:Proceed"
        elif _drained(group, one):
            _hold(group, one, TERMINATING, "Terminating", now)
    elif one.state == "Terminating:Wait":
        if _result(one, now):
            one.state, one.waits = "Terminating:Proceed", []
    elif one.state == "Terminating:Proceed":
        _terminate(group, one, state, now)


def _hold(group: Group, one: Member, transition: str, prefix: str, now: float) -> None:
    hooks = group.hooks_for(transition)
    one.waits = [Wait(hook, now + hook.heartbeat_timeout, now + hook.global_timeout) for hook in hooks]
    one.state = f"{prefix}:Wait" if hooks else f"{prefix}:Proceed"


def _result(one: Member, now: float) -> str:
    """Return how the hooks ended together, empty while one of them still holds. One ABANDON ends all."""
    for wait in one.waits:
        if not wait.result and now >= min(wait.deadline, wait.last_deadline):
            wait.result = wait.hook.default_result
    if any(wait.result == "ABANDON" for wait in one.waits):
        return "ABANDON"
    return "CONTINUE" if all(wait.result for wait in one.waits) else ""


def begin_termination(group: Group, one: Member, why: str, now: float, skip_hooks: bool = False) -> None:
    """Take a member out of service; it is gone once drained, released by the hooks and terminated."""
    if not one.state.startswith("Terminating"):
        was_pending = one.state in ("Pending", "Pending:Wait", "Pending:Proceed")
        if was_pending and one.activity.ended_at is None:
            one.activity.end(now, "Cancelled", "The instance was terminated before it was in service.")
        one.state, one.waits = "Terminating", []
        stamp = timestamp(now).strftime("%Y-%m-%dT%H:%M:%SZ")
        one.activity = group.note(f"Terminating EC2 instance: {one.instance_id}", f"At {stamp} {why}.", now)
        deregister(group, one)
    one.skip_hooks = one.skip_hooks or skip_hooks


def _terminate(group: Group, one: Member, state: str, now: float) -> None:
    if state == "terminated":
        one.activity.end(now)
        del group.members[one.instance_id]
    elif state != "shutting-down":
        _call(group, "ec2").terminate_instances(InstanceIds=[one.instance_id])


def complete(group: Group, hook_name: str, instance_id: str | None, token: str | None, result: str) -> None:
    """End a hook's hold of an instance.

    :raises AwsError: it holds no such instance.
    """
    _wait(group, hook_name, instance_id, token).result = result


def heartbeat(group: Group, hook_name: str, instance_id: str | None, token: str | None, now: float) -> None:
    """Begin a hook's time-out anew.

    :raises AwsError: it holds no such instance.
    """
    wait = _wait(group, hook_name, instance_id, token)
    wait.deadline = now + wait.hook.heartbeat_timeout


def _wait(group: Group, hook_name: str, instance_id: str | None, token: str | None) -> Wait:
    for one in group.members.values():
        for wait in one.waits:
            known = wait.token == token if token else one.instance_id == instance_id
            if known and wait.hook.name == hook_name and not wait.result:
                return wait
    what = f"token {token}" if token else f"instance ID {instance_id}"
    raise AwsError("ValidationError", f"No active Lifecycle Action found with {what}")


def register(group: Group) -> None:
    """Register the members in service with the group's target groups."""
    if not group.runs("AddToLoadBalancer"):
        return
    for arn in group.target_groups:
        ids = [one for one in group.members.values() if one.state == "InService" and arn not in one.registered]
        if not ids:
            continue
        try:
            targets = [{"Id": one.instance_id} for one in ids]
            _call(group, "elbv2").register_targets(TargetGroupArn=arn, Targets=targets)
        except ClientError as exc:
            log.warning("group %s cannot register with %s: %s", group.name, arn, exc)
            continue
        for one in ids:
            one.registered.add(arn)


def deregister(group: Group, one: Member, arns: list[str] | None = None) -> None:
    """Take a member out of its target groups (default: all)."""
    for arn in list(one.registered if arns is None else one.registered.intersection(arns)):
        try:
            _call(group, "elbv2").deregister_targets(TargetGroupArn=arn, Targets=[{"Id": one.instance_id}])
        except ClientError as exc:
            log.info("group %s cannot deregister from %s: %s", group.name, arn, exc)
            one.registered.discard(arn)


def target_health(group: Group, one: Member, arn: str) -> str:
    """Return a member's state in a target group; C(unused) where there is none."""
    try:
        answer: dict[str, Any] = _call(group, "elbv2").describe_target_health(
            TargetGroupArn=arn, Targets=[{"Id": one.instance_id}]
        )
    except ClientError:
        return "unused"
    states = [str(entry["TargetHealth"]["State"]) for entry in answer["TargetHealthDescriptions"]]
    return states[0] if states else "unused"


def _drained(group: Group, one: Member) -> bool:
    """Say whether no target group waits for the member's last requests any more."""
    one.registered = {arn for arn in one.registered if target_health(group, one, arn) == "draining"}
    return not one.registered


def _call(group: Group, service: str) -> Any:
    return client.for_service(service, "autoscaling", group.region)
