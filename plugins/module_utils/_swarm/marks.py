# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a service off a node for as long as its tasks move away from there. Pure.

Two constraints: the engine heeds the first, the second says whose that is. So what an interrupted drain has left can be
cleared away at any time, and nothing goes with it that somebody else wrote.
Plans and verdicts do not see the pair: a service with it means the same as one without.
"""

from __future__ import annotations

import copy
import typing as t

Json = dict[str, t.Any]

_MARK = "node.labels.apiary.drain!="
#: Satisfied by no node: what has it was put to rest by the way back of a deploy (C(deploy/jobs.py), C(idle)).
NOWHERE = "node.id==none"


def marks(node_id: str) -> list[str]:
    """Return the constraints that keep a service off a node."""
    return [f"node.id!={node_id}", f"{_MARK}{node_id}"]


def constraints_of(spec: Json) -> list[str]:
    """Return the constraints of a ServiceSpec."""
    return list(((spec.get("TaskTemplate") or {}).get("Placement") or {}).get("Constraints") or [])


def unmarked(constraints: t.Sequence[str]) -> list[str]:
    """Return constraints without all such pairs."""
    nodes = [item[len(_MARK) :] for item in constraints if item.startswith(_MARK)]
    pairs = {mark for node_id in nodes for mark in marks(node_id)}
    return [item for item in constraints if item not in pairs]


def is_marked(spec: Json, node_id: str) -> bool:
    """Say whether a ServiceSpec is kept off a node by such a pair."""
    return f"{_MARK}{node_id}" in constraints_of(spec)


def shifted(spec: Json, node_id: str) -> Json | None:
    """Return a copy of a ServiceSpec that is kept off a node, None when it is already."""
    present = constraints_of(spec)
    if f"node.id!={node_id}" in present:
        return None
    spec = copy.deepcopy(spec)
    # Nothing else is touched: its own update order and failure action hold for this update as for any other.
    spec["TaskTemplate"].setdefault("Placement", {})["Constraints"] = [*present, *marks(node_id)]
    return spec


def unshifted(spec: Json, node_id: str) -> Json | None:
    """Return a copy of a ServiceSpec without what M(shifted) did, None when there is nothing of it."""
    if not is_marked(spec, node_id):
        return None
    spec = copy.deepcopy(spec)
    placement = spec["TaskTemplate"]["Placement"]
    placement["Constraints"] = [item for item in placement["Constraints"] if item not in marks(node_id)]
    if not placement["Constraints"]:
        del placement["Constraints"]  # the empty Placement stays: see C(writes.keep_placement)
    return spec
