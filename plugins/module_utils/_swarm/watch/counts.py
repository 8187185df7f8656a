# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks of a service count: those that run its spec where they should, against those that are wanted. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import nodes as node_facts
from ..plan.rewrite import may_end
from ..tasks import has_completed, is_running, is_wanted, latest, slot_of
from .problems import serves
from .terms import Expected, Json, Seen


@dataclasses.dataclass(frozen=True)
class Counted:
    """The tasks of a service, counted.

    :ivar current: tasks that run our spec, each on a node that is up.
    :ivar outdated: tasks that should go, and that the engine will replace.
    :ivar served: slots in which one of I(current) runs, or that ended well and may.
    :ivar running, completed: how many of them run, and how many have ended.
    :ivar want: how many should.
    :ivar left_alone: host names of paused nodes that do not run our spec though they could.
    """

    current: t.Sequence[Json]
    outdated: t.Sequence[Json]
    served: frozenset[str]
    running: int
    completed: int
    want: int
    left_alone: t.Sequence[str] = ()

    @property
    def have(self) -> int:
        """How many do what they should."""
        return self.running + self.completed


def count(expected: Expected, seen: Seen, ours: str) -> Counted:
    """Count the tasks of a replicated or global service; I(ours) is the fingerprint of what they should run."""
    mode = seen.tree.get("Mode") or {}
    is_global = mode.get("Kind") == "global"
    paused = _paused(seen) if is_global else {}
    wanted = [task for task in seen.tasks if is_wanted(task)]
    fits = {task["ID"] for task in wanted if _fits(task, expected, seen, ours)}
    up = {node["ID"] for node in seen.nodes if node_facts.is_up(node)}
    current = [task for task in wanted if task["ID"] in fits and is_running(task) and task.get("NodeID") in up]
    outdated = [task for task in wanted if task["ID"] not in fits and task.get("NodeID") not in paused]
    slots, done = {slot_of(task) for task in current}, _completed(seen, ours)
    want = int(mode.get("Replicas", 1))
    if is_global:
        targets = {node["ID"] for node in node_facts.eligible(seen.nodes, seen.template)}
        left_alone = sorted(name for node_id, name in paused.items() if node_id not in slots)
        slots, done, want = slots & targets, done & targets, len(targets)
        current = [task for task in current if slot_of(task) in targets]
        return Counted(current, outdated, frozenset(slots | done), len(slots), len(done - slots), want, left_alone)
    return Counted(current, outdated, frozenset(slots | done), len(slots), len(done - slots), want)


def _fits(task: Json, expected: Expected, seen: Seen, ours: str) -> bool:
    return seen.specs.get(task["ID"]) == ours and task["ID"] not in expected.replaced


def _paused(seen: Seen) -> dict[str, str]:
    """Return id → host name of the nodes whose tasks of a global service the engine leaves as they are."""
    placement = seen.template.get("Placement") or {}
    return {
        node["ID"]: node_facts.name_of(node)
        for node in seen.nodes
        if node_facts.is_up(node)
        and (node.get("Spec") or {}).get("Availability") == "pause"
        and node_facts.fits(node, placement)
    }


def _completed(seen: Seen, ours: str) -> set[str]:
    """Return the slots (or nodes) of a service that may end, whose last task of our spec ended well."""
    if not may_end(seen.tree) or serves(seen):
        return set()
    newest = latest(seen.tasks).items()
    return {slot for slot, task in newest if has_completed(task) and seen.specs.get(task["ID"]) == ours}
