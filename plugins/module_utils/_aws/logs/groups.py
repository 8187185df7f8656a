# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""Log groups as objects: what is wanted, what is there, and the steps from one to the other. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ..errors import InvalidInput

Json = dict[str, t.Any]

KEEP_FOR_EVER = 0
"""The retention of a group whose events never expire."""

STANDARD = "STANDARD"
"""The log class of a group that was made without one."""


@dataclass(frozen=True)
class LogGroup:
    """A log group as it is, or will be. Retention in days, size in bytes, creation in milliseconds since 1970."""

    name: str
    arn: str = ""
    retention: int = KEEP_FOR_EVER
    kms_key_id: str = ""
    log_class: str = STANDARD
    deletion_protection: bool = False
    stored_bytes: int = 0
    creation_time: int = 0
    tags: t.Mapping[str, str] | None = None
    metric_filters: t.Mapping[str, Json] | None = None
    subscription_filters: t.Mapping[str, Json] | None = None

    @classmethod
    def from_api(cls, described: Json) -> LogGroup:
        """Read one entry of DescribeLogGroups; tags and filters are not part of it."""
        arn = described.get("logGroupArn") or described.get("arn") or ""
        return cls(
            name=described["logGroupName"],
            # The older field ends in ":*", which the tag calls do not take.
            arn=arn[:-2] if arn.endswith(":*") else arn,
            retention=int(described.get("retentionInDays") or KEEP_FOR_EVER),
            kms_key_id=described.get("kmsKeyId") or "",
            log_class=described.get("logGroupClass") or STANDARD,
            deletion_protection=bool(described.get("deletionProtectionEnabled")),
            stored_bytes=int(described.get("storedBytes") or 0),
            creation_time=int(described.get("creationTime") or 0),
        )

    def settings(self) -> Json:
        """Return what a user can set, under the module's option names; what was not read is left out."""
        shown: Json = {
            "retention_in_days": self.retention or None,
            "kms_key_id": self.kms_key_id or None,
            "log_class": self.log_class,
            "deletion_protection": self.deletion_protection,
        }
        for key in ("tags", "metric_filters", "subscription_filters"):
            value = getattr(self, key)
            if value is not None:
                shown[key] = dict(value)
        return shown

    def report(self) -> Json:
        """Return the group as the modules return it."""
        return {
            "log_group_name": self.name,
            "arn": self.arn,
            "stored_bytes": self.stored_bytes,
            "creation_time": self.creation_time,
            **self.settings(),
        }


@dataclass(frozen=True)
class WantedLogGroup:
    """A log group as the user wants it; ``None`` leaves a setting as it is."""

    name: str
    retention: int | None = None
    kms_key_id: str | None = None
    log_class: str | None = None
    deletion_protection: bool | None = None
    tags: t.Mapping[str, str] | None = None
    purge_tags: bool = True
    metric_filters: t.Mapping[str, Json] | None = None
    purge_metric_filters: bool = False
    subscription_filters: t.Mapping[str, Json] | None = None
    purge_subscription_filters: bool = False


@dataclass(frozen=True)
class Step:
    """One write.

    :ivar call: the name of a function of :mod:`.api`; ``tag`` and ``untag`` take the ARN, all others the name.
    :ivar arguments: what it takes after the client and the name or ARN.
    :ivar setting: the option that the write serves, ``""`` for making the group.
    """

    call: str
    arguments: tuple[t.Any, ...] = ()
    setting: str = ""


@dataclass(frozen=True)
class Plan:
    """The steps for one group, and the group before and after them (``None``: not there)."""

    name: str
    before: LogGroup | None
    after: LogGroup | None
    steps: tuple[Step, ...] = field(default=())


def plan_present(wanted: WantedLogGroup, live: LogGroup | None) -> Plan:
    """Return the steps that make *live* (``None``: no such group) what is *wanted*.

    :raises InvalidInput: if the log class of an existing group would have to change, which AWS does not offer.
    """
    if live is None:
        steps, group = [_create(wanted)], _created(wanted)
    else:
        if wanted.log_class is not None and wanted.log_class != live.log_class:
            raise InvalidInput(
                f"Log group {wanted.name} has the log class {live.log_class}, which cannot be changed "
                f"to {wanted.log_class}: AWS fixes the class when the group is made."
            )
        steps, group = [], live
    for change in (_retention, _kms_key, _tags, _deletion_protection, _metric_filters, _subscription_filters):
        more, group = change(wanted, group)
        steps.extend(more)
    return Plan(wanted.name, live, group, tuple(steps))


def plan_absent(name: str, live: LogGroup | None) -> Plan:
    """Return the steps that remove *live*."""
    return Plan(name, live, None, (Step("delete_log_group"),) if live else ())


_Change = tuple[list[Step], LogGroup]


def _create(wanted: WantedLogGroup) -> Step:
    settings: Json = {}
    if wanted.kms_key_id:
        settings["kmsKeyId"] = wanted.kms_key_id
    if wanted.log_class:
        settings["logGroupClass"] = wanted.log_class
    if wanted.tags:
        settings["tags"] = dict(wanted.tags)
    return Step("create_log_group", (settings,))


def _created(wanted: WantedLogGroup) -> LogGroup:
    """Return the group as it is right after its creation: no retention, no filters."""
    return LogGroup(
        name=wanted.name,
        kms_key_id=wanted.kms_key_id or "",
        log_class=wanted.log_class or STANDARD,
        tags=dict(wanted.tags or {}),
        metric_filters=None if wanted.metric_filters is None else {},
        subscription_filters=None if wanted.subscription_filters is None else {},
    )


def _retention(wanted: WantedLogGroup, group: LogGroup) -> _Change:
    days = wanted.retention
    if days is None or days == group.retention:
        return [], group
    step = (
        Step("put_retention", (days,), "retention_in_days")
        if days
        else Step("delete_retention", (), "retention_in_days")
    )
    return [step], replace(group, retention=days)


def _kms_key(wanted: WantedLogGroup, group: LogGroup) -> _Change:
    key = wanted.kms_key_id
    if key is None or key == group.kms_key_id:
        return [], group
    step = Step("associate_kms_key", (key,), "kms_key_id") if key else Step("disassociate_kms_key", (), "kms_key_id")
    return [step], replace(group, kms_key_id=key)


def _deletion_protection(wanted: WantedLogGroup, group: LogGroup) -> _Change:
    enabled = wanted.deletion_protection
    if enabled is None or enabled == group.deletion_protection:
        return [], group
    step = Step("put_deletion_protection", (enabled,), "deletion_protection")
    return [step], replace(group, deletion_protection=enabled)


def _tags(wanted: WantedLogGroup, group: LogGroup) -> _Change:
    if wanted.tags is None:
        return [], group
    present = dict(group.tags or {})
    set_ = {key: value for key, value in wanted.tags.items() if present.get(key) != value}
    # AWS's own tags (aws:cloudformation:...) can be neither set nor removed by a user.
    gone = sorted(key for key in present if key not in wanted.tags and not key.startswith("aws:"))
    if not wanted.purge_tags:
        gone = []
    steps = []
    if gone:
        steps.append(Step("untag", (gone,), "tags"))
    if set_:
        steps.append(Step("tag", (set_,), "tags"))
    after = {key: value for key, value in {**present, **set_}.items() if key not in gone}
    return steps, replace(group, tags=after)


def _metric_filters(wanted: WantedLogGroup, group: LogGroup) -> _Change:
    steps, after = _filters(
        "metric_filter", wanted.metric_filters, group.metric_filters, purge=wanted.purge_metric_filters
    )
    return steps, replace(group, metric_filters=after)


def _subscription_filters(wanted: WantedLogGroup, group: LogGroup) -> _Change:
    steps, after = _filters(
        "subscription_filter",
        wanted.subscription_filters,
        group.subscription_filters,
        purge=wanted.purge_subscription_filters,
    )
    return steps, replace(group, subscription_filters=after)


def _filters(
    kind: str, wanted: t.Mapping[str, Json] | None, present: t.Mapping[str, Json] | None, *, purge: bool
) -> tuple[list[Step], t.Mapping[str, Json] | None]:
    """Return the steps for the filters of one *kind*, and the filters after them, both by exact name."""
    if wanted is None:
        return [], present
    there = dict(present or {})
    gone = sorted(name for name in there if name not in wanted) if purge else []
    # Removals come first: a log group takes two subscription filters at most.
    steps = [Step(f"delete_{kind}", (name,), f"{kind}s") for name in gone]
    steps += [
        Step(f"put_{kind}", ({"filterName": name, **settings},), f"{kind}s")
        for name, settings in wanted.items()
        if there.get(name) != settings
    ]
    return steps, {name: settings for name, settings in {**there, **wanted}.items() if name not in gone}
