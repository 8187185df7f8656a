# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which running tasks a change replaces. Pure.

The engine decides it task by task (swarmkit, manager/orchestrator/task.go: IsTaskDirty, nodeMatches and
IsTaskDirtyPlacementConstraintsOnly):

- A task whose spec differs from the service's below C(Placement) and nowhere else stays, as long as its node satisfies
  the new *constraints*. Nothing else is looked at: not preferences, platforms or replicas per node, and not the
  published ports either, so that a port changed together with the placement does not reach the tasks that stay.
- Otherwise a task goes when its spec (C(ForceUpdate) included) or the service's C(EndpointSpec) differs.
- Any write of a service makes it look at all its tasks, also one of a label: those that an update left behind when it
  was paused are replaced then (see M(.rewrite)).
- What a task has is what counts, not what the service had before: a task that once stayed keeps its old placement, and
  one that a drain has moved keeps the constraint that moved it.

tests/integration/engine/test_placement.py holds a real engine to it.
"""

from __future__ import annotations

import typing as t

from ..._diff import Change, Tree, diff
from .. import constraints
from .tree import to_tree
from .types import Json

_TASK = ("TaskTemplate", "EndpointSpec")


class Replaced(t.NamedTuple):
    """What a change does to tasks.

    :ivar tasks: those that will be replaced.
    :ivar because: fields that concern tasks, as people know them.
    :ivar keep_ports: number of tasks that stay although ports change.
    """

    tasks: list[Json]
    because: list[str]
    keep_ports: int = 0


def replaced_by(
    changes: t.Sequence[Change],
    tree: Tree,
    tasks: t.Sequence[Json],
    nodes: t.Sequence[Json],
    networks: t.Mapping[str, str],
) -> Replaced:
    """Return what changes do to the running tasks of a service.

    :param changes: fields in which the service's canonical form changes to I(tree).
    :param networks: id → name.
    """
    because = dict.fromkeys(field_name(change) for change in changes if change.path[0] in _TASK)
    ports = any(change.path[0] == "EndpointSpec" for change in changes)
    wanted = tree.get("TaskTemplate") or {}
    by_id = {node["ID"]: node for node in nodes}
    replaced, stay = [], 0
    for task in tasks:
        has = to_tree({"TaskTemplate": task.get("Spec") or {}}, networks, marked=True).get("TaskTemplate") or {}
        if _elsewhere(has) == _elsewhere(wanted) and has.get("Placement") != wanted.get("Placement"):
            node = by_id.get(task.get("NodeID") or "")
            if node is not None and not _satisfies(node, wanted):
                replaced.append(task)
            else:  # one that has no node yet may have a good one when the engine looks
                stay += 1
        elif ports or _elsewhere(has) != _elsewhere(wanted):
            replaced.append(task)
            because.update(dict.fromkeys(field_name(change) for change in diff(_elsewhere(has), _elsewhere(wanted))))
    return Replaced(replaced, list(because), stay if ports else 0)


def field_name(change: Change) -> str:
    """Return the name of a field as people know it: the first key below the containers of fields."""
    path = [key for key in change.path if key not in ("TaskTemplate", "ContainerSpec", "EndpointSpec")]
    return path[0] if path else change.path[-1]


def _elsewhere(template: Tree) -> Tree:
    return {key: value for key, value in template.items() if key != "Placement"}


def _satisfies(node: Json, template: Tree) -> bool:
    return all(constraints.matches(node, item) for item in (template.get("Placement") or {}).get("Constraints") or ())
