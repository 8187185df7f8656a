# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes can take: placement constraints, free memory, quorum. Pure; works on the engine's own JSON."""

from __future__ import annotations

import typing as t

from . import constraints

Json = dict[str, t.Any]

#: The names that the engine takes for the same when it holds a node against an image's platforms, and no others.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def name_of(node: Json) -> str:
    """Return the host name of a node."""
    return str((node.get("Description") or {}).get("Hostname") or node.get("ID", ""))


def address_of(node: Json) -> str:
    """Return the address of a node: a manager's as managers know it, for its own may be "0.0.0.0"."""
    manager = str((node.get("ManagerStatus") or {}).get("Addr") or "")
    return manager.rpartition(":")[0].strip("[]") or str((node.get("Status") or {}).get("Addr", ""))


def is_up(node: Json) -> bool:
    """Say whether the swarm hears from the node."""
    return bool((node.get("Status") or {}).get("State") == "ready")


def takes_tasks(node: Json) -> bool:
    """Say whether the scheduler may give the node new tasks."""
    return is_up(node) and (node.get("Spec") or {}).get("Availability", "active") == "active"


def fits(node: Json, placement: t.Mapping[str, t.Any]) -> bool:
    """Say whether a node satisfies constraints and platforms of a C(Placement)."""
    wanted = placement.get("Constraints") or []
    return all(constraints.matches(node, item) for item in wanted) and _runs(node, placement.get("Platforms") or [])


def _runs(node: Json, platforms: t.Sequence[Json]) -> bool:
    if not platforms:
        return True
    own = (node.get("Description") or {}).get("Platform") or {}
    architecture = own.get("Architecture", "")
    architecture = _ARCHITECTURES.get(architecture, architecture)
    return any(
        item.get("OS") in ("", None, own.get("OS"))
        and _ARCHITECTURES.get(item.get("Architecture", ""), item.get("Architecture")) in ("", None, architecture)
        for item in platforms
    )


def eligible(nodes: t.Iterable[Json], task_template: t.Mapping[str, t.Any]) -> list[Json]:
    """Return the nodes that may be given a task of this C(TaskTemplate)."""
    placement = task_template.get("Placement") or {}
    return [node for node in nodes if takes_tasks(node) and fits(node, placement)]


def managers(nodes: t.Iterable[Json]) -> list[Json]:
    """Return the managers."""
    return [node for node in nodes if (node.get("Spec") or {}).get("Role") == "manager"]


def reachable_managers(nodes: t.Iterable[Json]) -> list[Json]:
    """Return the managers that take part in raft now."""
    return [
        node
        for node in managers(nodes)
        if is_up(node) and (node.get("ManagerStatus") or {}).get("Reachability") == "reachable"
    ]


def keeps_quorum(nodes: t.Sequence[Json], without: str) -> bool:
    """Say whether raft still has a majority once the manager with id I(without) has left it (as a member).

    One manager that leaves a swarm of one leaves nothing: that is no quorum.
    """
    remaining = [node for node in managers(nodes) if node["ID"] != without]
    healthy = [node for node in reachable_managers(nodes) if node["ID"] != without]
    return len(healthy) > len(remaining) // 2
