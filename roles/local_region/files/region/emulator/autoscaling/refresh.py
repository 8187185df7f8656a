# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instance refreshes: replacing a group's instances in batches, never below the share that must stay healthy."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from region.emulator.autoscaling import groups, lifecycle
from region.emulator.autoscaling.model import Group, Member, percent, timestamp
from region.emulator.errors import AwsError

ACTIVE = ("Pending", "InProgress", "Cancelling", "RollbackInProgress")
# A refresh that makes no progress for an hour fails.
STALL_SECONDS = 3600.0
DEFAULTS: dict[str, Any] = {
    "MinHealthyPercentage": 90,
    "MaxHealthyPercentage": 100,
    "SkipMatching": False,
    "AutoRollback": False,
    "ScaleInProtectedInstances": "Wait",
    "StandbyInstances": "Wait",
}


@dataclass
class Refresh:
    """One instance refresh.

    :ivar specification: desired launch template, None for the group's own.
    :ivar old: instances still to be replaced.
    :ivar previous: template to go back to.
    """

    group: Group
    preferences: dict[str, Any]
    specification: dict[str, Any] | None
    started_at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "Pending"
    reason: str = ""
    ended_at: float | None = None
    total: int = 0
    progressed_at: float = 0.0
    old: set[str] = field(default_factory=set)
    checkpoint_until: float = 0.0
    checkpoints_passed: int = 0
    previous: dict[str, Any] | None = None

    @property
    def warmup(self) -> float:
        """Seconds that a new instance must have been in service."""
        value = self.preferences.get("InstanceWarmup")
        if value is None:
            value = self.group.default_warmup
        return float(self.group.grace_period if value is None or value < 0 else value)

    @property
    def percentage(self) -> int:
        """How much is done."""
        return 100 if not self.total else 100 * (self.total - len(self.old)) // self.total

    def describe(self) -> dict[str, Any]:
        """Return it as DescribeInstanceRefreshes does."""
        answer: dict[str, Any] = {
            "InstanceRefreshId": self.id,
            "AutoScalingGroupName": self.group.name,
            "Status": self.status,
            "StartTime": timestamp(self.started_at),
            "PercentageComplete": self.percentage,
            "InstancesToUpdate": len(self.old),
            "Preferences": self.preferences,
            "Strategy": "Rolling",
        }
        if self.reason:
            answer["StatusReason"] = self.reason
        if self.ended_at is not None:
            answer["EndTime"] = timestamp(self.ended_at)
        if self.specification:
            answer["DesiredConfiguration"] = {"LaunchTemplate": self.specification}
        return answer

    def end(self, status: str, now: float, reason: str = "") -> None:
        """Close the refresh."""
        self.status, self.ended_at, self.group.surplus = status, now, 0
        self.reason = reason or self.reason


def active(group: Group) -> Refresh | None:
    """Return the refresh that is under way."""
    return next((one for one in group.refreshes if one.status in ACTIVE), None)


def start(group: Group, preferences: dict[str, Any], desired: dict[str, Any] | None, now: float) -> Refresh:
    """Begin a refresh.

    :raises AwsError: one is under way, or the preferences contradict each other.
    """
    if active(group):
        raise AwsError("InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks this one.")
    merged = {**DEFAULTS, **preferences}
    if not merged["MinHealthyPercentage"] <= merged["MaxHealthyPercentage"] <= merged["MinHealthyPercentage"] + 100:
        raise AwsError("ValidationError", "MaxHealthyPercentage must be 0 to 100 above MinHealthyPercentage.")
    specification = None
    if desired and desired.get("LaunchTemplate"):
        specification = groups.complete_specification(group.region, desired["LaunchTemplate"])
    if merged["AutoRollback"]:
        wanted = specification or groups.template_specification(group)
        if str(wanted.get("Version", "")).startswith("$"):
            raise AwsError("ValidationError", "AutoRollback needs a launch template version by number.")
        if specification is None:
            raise AwsError("ValidationError", "AutoRollback needs a desired configuration.")
    refresh = Refresh(group, merged, specification, now, progressed_at=now, previous=group.launch_template)
    group.refreshes.insert(0, refresh)
    return refresh


def cancel(group: Group, now: float) -> Refresh:
    """Stop the refresh that is under way; what was replaced stays.

    :raises AwsError: there is none.
    """
    refresh = active(group)
    if refresh is None:
        raise _none_active(group)
    refresh.end("Cancelled", now, "Cancelled due to user request.")
    return refresh


def roll_back(group: Group, now: float) -> Refresh:
    """Turn the refresh that is under way around.

    :raises AwsError: there is none, or it has no desired configuration to take back.
    """
    refresh = active(group)
    if refresh is None:
        raise _none_active(group)
    if refresh.specification is None or refresh.previous is None:
        raise AwsError("IrreversibleInstanceRefresh", "The instance refresh has no desired configuration to roll back.")
    _turn_around(refresh, now, "Rollback was requested by user.")
    return refresh


def _none_active(group: Group) -> AwsError:
    message = f"No in progress or pending Instance Refresh found for Auto Scaling group {group.name}"
    return AwsError("ActiveInstanceRefreshNotFound", message)


def tick(group: Group, now: float) -> None:
    """Take the next step of the refresh that is under way."""
    refresh = active(group)
    if refresh is None or not group.runs("InstanceRefresh"):
        return
    if refresh.status == "Pending":
        _begin(refresh, now)
    gone = {one for one in refresh.old if one not in group.members or group.members[one].state.startswith("Term")}
    if gone:
        refresh.old -= gone
        refresh.progressed_at = now
        _checkpoint(refresh, now)
    if not refresh.old and _settled(refresh, now):
        _succeed(refresh, now)
    elif now - refresh.progressed_at > STALL_SECONDS:
        _fail(refresh, now)
    elif now >= refresh.checkpoint_until:
        _replace(refresh, now)


def _begin(refresh: Refresh, now: float) -> None:
    group = refresh.group
    wanted = groups.resolve_template(group.region, refresh.specification or groups.template_specification(group))
    skip = refresh.preferences["SkipMatching"]
    ignore = refresh.preferences["ScaleInProtectedInstances"] == "Ignore"
    for one in group.counted():
        if not (skip and one.template == wanted) and not (ignore and one.protected):
            refresh.old.add(one.instance_id)
    refresh.total, refresh.status, refresh.progressed_at = len(refresh.old), "InProgress", now


def _ready(refresh: Refresh, now: float) -> list[Member]:
    """Return the members in service, new ones only when warm."""
    return [
        one
        for one in refresh.group.members.values()
        if one.state == "InService"
        and one.health == "Healthy"
        and (one.instance_id in refresh.old or now - (one.in_service_at or now) >= refresh.warmup)
    ]


def _settled(refresh: Refresh, now: float) -> bool:
    return len(_ready(refresh, now)) >= refresh.group.desired


def _replace(refresh: Refresh, now: float) -> None:
    """Terminate as many old members as the healthy share leaves room for; the group launches the new ones."""
    group, preferences = refresh.group, refresh.preferences
    floor = percent(preferences["MinHealthyPercentage"], group.desired)
    launches_first = preferences["MaxHealthyPercentage"] > 100
    ready = _ready(refresh, now)
    spare = len(ready) - floor
    if spare < 1 and not launches_first and len(ready) >= group.desired:
        spare = 1  # rounding leaves no room at all: one at a time
    candidates = [one for one in ready if one.instance_id in refresh.old and not _kept(refresh, one)]
    chosen = candidates[: max(0, spare)]
    for one in chosen:
        cause = "an instance was taken out of service in response to an instance refresh"
        lifecycle.begin_termination(group, one, cause, now)
    waiting = len(refresh.old) - len(chosen)
    if launches_first:
        room = percent(preferences["MaxHealthyPercentage"], group.desired) - group.desired
        group.surplus = min(max(room, 1), waiting)
    refresh.reason = f"Waiting for instances to be replaced: {waiting} of {refresh.total} remain." if waiting else ""


def _kept(refresh: Refresh, one: Member) -> bool:
    return one.protected and refresh.preferences["ScaleInProtectedInstances"] != "Refresh"


def _checkpoint(refresh: Refresh, now: float) -> None:
    points = refresh.preferences.get("CheckpointPercentages") or []
    passed = sum(1 for point in points if refresh.percentage >= point)
    if passed > refresh.checkpoints_passed and refresh.old:
        refresh.checkpoint_until = now + float(refresh.preferences.get("CheckpointDelay", 3600))
    refresh.checkpoints_passed = passed


def _succeed(refresh: Refresh, now: float) -> None:
    if refresh.status == "RollbackInProgress":
        refresh.end("RollbackSuccessful", now)
        return
    if refresh.specification:
        refresh.group.launch_template = refresh.specification
        refresh.group.mixed_policy = None
    refresh.end("Successful", now)


def _fail(refresh: Refresh, now: float) -> None:
    if refresh.preferences["AutoRollback"] and refresh.status != "RollbackInProgress":
        _turn_around(refresh, now, "Instances failed to become healthy in time.")
    else:
        status = "RollbackFailed" if refresh.status == "RollbackInProgress" else "Failed"
        refresh.end(status, now, "Instances failed to become healthy within 60 minutes.")


def _turn_around(refresh: Refresh, now: float, reason: str) -> None:
    group, bad = refresh.group, refresh.specification
    refresh.specification, refresh.status, refresh.reason = refresh.previous, "RollbackInProgress", reason
    wanted = groups.resolve_template(group.region, bad or {})
    refresh.old = {one.instance_id for one in group.counted() if one.template == wanted}
    refresh.total, refresh.progressed_at, refresh.checkpoint_until = len(refresh.old), now, 0.0
