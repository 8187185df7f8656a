# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log groups as objects: what is wanted, what is there, and the steps from one to the other. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._errors import InvalidInput
from ..reconcile import Draft, Plan, plan_deletion
from . import api as logs

Json = dict[str, t.Any]
_Write = t.Callable[..., None]

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


def plan_present(wanted: WantedLogGroup, live: LogGroup | None) -> Plan[LogGroup]:
    """Return the steps that make *live* (``None``: no such group) what is *wanted*.

    :raises InvalidInput: if the log class of an existing group would have to change, which AWS does not offer.
    """
    name, draft = wanted.name, Draft(wanted.name, live)
    if live is None:
        draft.make(_created(wanted), logs.create_log_group, name, _creation(wanted))
    elif wanted.log_class not in (None, live.log_class):
        raise InvalidInput(
            f"Log group {name} has the log class {live.log_class}, which cannot be changed "
            f"to {wanted.log_class}: AWS fixes the class when the group is made."
        )
    group = draft.now
    days, key, enabled = wanted.retention, wanted.kms_key_id, wanted.deletion_protection
    write: tuple[t.Any, ...]
    if days not in (None, group.retention):
        write = (logs.put_retention, name, days) if days else (logs.delete_retention, name)
        draft.do("retention_in_days", *write, retention=days)
    if key not in (None, group.kms_key_id):
        write = (logs.associate_kms_key, name, key) if key else (logs.disassociate_kms_key, name)
        draft.do("kms_key_id", *write, kms_key_id=key)
    draft.tag(wanted.tags, wanted.purge_tags, group.tags, logs.tag, logs.untag, group.arn)
    if enabled not in (None, group.deletion_protection):
        draft.do("deletion_protection", logs.put_deletion_protection, name, enabled, deletion_protection=enabled)
    for kind, put, delete in (
        ("metric_filters", logs.put_metric_filter, logs.delete_metric_filter),
        ("subscription_filters", logs.put_subscription_filter, logs.delete_subscription_filter),
    ):
        _filters(draft, kind, put, delete, getattr(wanted, kind), getattr(wanted, f"purge_{kind}"))
    return draft.plan()


def plan_absent(name: str, live: LogGroup | None) -> Plan[LogGroup]:
    """Return the steps that remove *live*."""
    return plan_deletion(name, live, logs.delete_log_group)


def _creation(wanted: WantedLogGroup) -> Json:
    settings = {"kmsKeyId": wanted.kms_key_id, "logGroupClass": wanted.log_class, "tags": dict(wanted.tags or {})}
    return {key: value for key, value in settings.items() if value}


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


def _filters(
    draft: Draft[LogGroup], kind: str, put: _Write, delete: _Write, wanted: t.Mapping[str, Json] | None, purge: bool
) -> None:
    """Add the writes of the filters of one *kind*, by exact name."""
    if wanted is None:
        return
    name, there = draft.now.name, dict(getattr(draft.now, kind) or {})
    # Removals come first: a log group takes two subscription filters at most.
    for gone in sorted(one for one in there if purge and one not in wanted):
        del there[gone]
        draft.do(kind, delete, name, gone, **{kind: dict(there)})
    for one, settings in wanted.items():
        if there.get(one) != settings:
            there[one] = settings
            draft.do(kind, put, name, {"filterName": one, **settings}, **{kind: dict(there)})
