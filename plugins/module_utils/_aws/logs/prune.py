# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which log groups are orphans of closed services, and which of them may go. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .groups import LogGroup

DAY = 86_400_000
"""Milliseconds."""


@dataclass(frozen=True)
class Orphan:
    """A log group of no living service.

    :ivar reason: why it stays, ``""`` when it may be deleted.
    :ivar unused_days: whole days since its newest event, or since it was made if it has none.
    """

    group: LogGroup
    unused_days: int
    reason: str = ""

    @property
    def deletable(self) -> bool:
        """Whether nothing speaks against the deletion."""
        return not self.reason


def orphans_of(
    groups: t.Iterable[LogGroup], prefix: str, services: t.Collection[str], keep: t.Collection[str]
) -> list[LogGroup]:
    """Return the *groups* under *prefix* that belong to no service of *services*.

    A service is named as Docker names it (``shop_gate``) or by its path (``shop/gate``). Names in *keep*, relative
    to *prefix*, are no service's groups and stay.
    """
    base = prefix if prefix.endswith("/") else prefix + "/"
    found = []
    for group in groups:
        if not group.name.startswith(base):
            continue
        path = group.name[len(base) :]
        if path in keep or path in services or path.replace("/", "_", 1) in services:
            continue
        found.append(group)
    return found


def judge(group: LogGroup, last_event: int | None, now: int, grace_days: int, protection_tag: str) -> Orphan:
    """Decide whether the orphan *group* may be deleted.

    :param last_event: when its newest event happened, milliseconds since 1970, ``None`` if it has none.
    :param now: the present, milliseconds since 1970.
    :param grace_days: days without an event that must have passed.
    :param protection_tag: the key of the tag that forbids the deletion, unless its value is ``false``.
    """
    unused = max(0, now - max(last_event or 0, group.creation_time)) // DAY
    if (group.tags or {}).get(protection_tag, "false").lower() != "false":
        return Orphan(group, unused, f"it has the tag {protection_tag}")
    if group.deletion_protection:
        return Orphan(group, unused, "its deletion protection is on")
    if unused < grace_days:
        return Orphan(group, unused, f"it was used {unused} days ago, and the grace is {grace_days} days")
    return Orphan(group, unused)
