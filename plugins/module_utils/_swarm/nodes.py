# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""What nodes can take: placement constraints, free memory, quorum. Pure; works on the engine's own JSON."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .tasks import is_wanted

Json = dict[str, t.Any]

_CONSTRAINT = re.compile(r"^\s*(?P<key>[\w.\-/]+)\s*(?P<operator>==|!=)\s*(?P<value>.*?)\s*$")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


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


def is_constraint(text: str) -> bool:
    """Say whether the engine would take a text for a placement constraint."""
    found = _CONSTRAINT.match(text)
    return found is not None and bool(found["value"]) and found["key"].lower().startswith(("node.", "engine.labels."))


def matches(node: Json, constraint: str) -> bool:
    """Say whether a node satisfies one constraint, such as C(node.labels.disk == ssd).

    An expression that the engine would not understand is satisfied by none.
    """
    found = _CONSTRAINT.match(constraint)
    if found is None:
        return False
    wanted, values = found["value"], _values(node, found["key"])
    if found["key"].lower() == "node.ip":
        hit = any(_in_network(value, wanted) for value in values)
    else:
        hit = wanted.lower() in (value.lower() for value in values)
    return hit if found["operator"] == "==" else not hit


def _values(node: Json, key: str) -> list[str]:
    """Return what a node has under a constraint's key; "" stands for a label that is not there."""
    description, spec = node.get("Description") or {}, node.get("Spec") or {}
    platform = description.get("Platform") or {}
    low = key.lower()
    if low.startswith("node.labels."):
        return [str((spec.get("Labels") or {}).get(key[len("node.labels.") :], ""))]
    if low.startswith("engine.labels."):
        labels = (description.get("Engine") or {}).get("Labels") or {}
        return [str(labels.get(key[len("engine.labels.") :], ""))]
    architecture = str(platform.get("Architecture", ""))
    simple = {
        "node.id": [str(node.get("ID", ""))],
        "node.hostname": [name_of(node)],
        "node.ip": [str((node.get("Status") or {}).get("Addr", ""))],
        "node.role": [str(spec.get("Role", ""))],
        "node.platform.os": [str(platform.get("OS", ""))],
        "node.platform.arch": [architecture, _ARCHITECTURES.get(architecture, architecture)],
    }
    return simple.get(low, [])


def _in_network(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return address == network


def fits(node: Json, placement: t.Mapping[str, t.Any]) -> bool:
    """Say whether a node satisfies constraints and platforms of a C(Placement)."""
    constraints = placement.get("Constraints") or []
    return all(matches(node, item) for item in constraints) and _runs(node, placement.get("Platforms") or [])


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


def free_memory(node: Json, tasks: t.Iterable[Json]) -> int:
    """Return the bytes that no running task has reserved on a node."""
    total = int(((node.get("Description") or {}).get("Resources") or {}).get("MemoryBytes", 0))
    for task in tasks:
        if task.get("NodeID") == node.get("ID") and is_wanted(task):
            total -= reserved_memory(task.get("Spec") or {})
    return total


def reserved_memory(task_template: t.Mapping[str, t.Any]) -> int:
    """Return the bytes of memory that a task reserves."""
    reservations = (task_template.get("Resources") or {}).get("Reservations") or {}
    return int(reservations.get("MemoryBytes") or 0)


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


def survives_stop(nodes: t.Sequence[Json], stopped: str) -> bool:
    """Say whether raft still has a majority while the manager with id I(stopped) is down but still a member."""
    members = managers(nodes)
    healthy = [node for node in reachable_managers(nodes) if node["ID"] != stopped]
    return len(healthy) > len(members) // 2
