# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""The plan of one service: what would change, what restarts, and the spec that does it."""

from __future__ import annotations

import typing as t

from ..._diff import Change, Tree, diff
from ..._references import digest_of, without_digest
from .. import nodes as node_facts
from ..tasks import RUNNING, has_ended, of_service
from .merge import Merged, merge
from .tree import from_tree, to_tree
from .types import Json, ServicePlan

_SECTIONS = ("TaskTemplate", "Mode", "UpdateConfig", "RollbackConfig", "EndpointSpec", "Labels")
_IMAGE = ("TaskTemplate", "ContainerSpec", "Image")


def plan_create(spec: Json) -> ServicePlan:
    """Plan a service that does not exist; it is created with I(spec) as it is."""
    return ServicePlan(spec["Name"], "create", spec, changes=diff({}, to_tree(spec)))


def plan_remove(live: Json, tasks: t.Sequence[Json]) -> ServicePlan:
    """Plan the removal of a service."""
    name = live["Spec"]["Name"]
    return ServicePlan(name, "remove", live["Spec"], live, replaced=_ids(running(tasks, live["ID"])))


def plan_update(
    desired: Json,
    live: Json,
    base: Tree | None,
    networks: t.Mapping[str, str],
    tasks: t.Sequence[Json] = (),
    nodes: t.Sequence[Json] = (),
    purge: bool = False,
) -> ServicePlan:
    """Plan the change of a live service to what the file says.

    Args:
        desired: ServiceSpec with names in place of ids.
        base: canonical tree that our last release sent, None when it sent none.
        networks: id → name.
        tasks: tasks that should run now.
    """
    current = to_tree(live["Spec"], networks)
    return plan_merged(desired, live, current, merge(base, to_tree(desired, networks), current, purge), tasks, nodes)


def plan_merged(
    desired: Json, live: Json, current: Tree, merged: Merged, tasks: t.Sequence[Json], nodes: t.Sequence[Json]
) -> ServicePlan:
    """Plan the change from the canonical tree I(current) to I(merged)."""
    changes = [_with_note(change, merged.overruled) for change in diff(current, merged.tree)]
    plan = ServicePlan(desired["Name"], "none", live["Spec"], live, changes, merged.kept, merged.overruled)
    if not changes:
        return plan
    plan.spec = compose_spec(merged.tree, desired, live["Spec"], current)
    own = running(tasks, live["ID"])
    if _kind(current) != _kind(merged.tree):
        plan.action, plan.replaced, plan.because = "recreate", _ids(own), ["Mode"]
        return plan
    plan.action = "update"
    plan.because, replaced = _replaced(changes, merged.tree, own, nodes)
    plan.replaced = _ids(replaced)
    return plan


def compose_spec(tree: Tree, desired: Json, live: Json, current: Tree) -> Json:
    """Return the ServiceSpec for a merged tree.

    A part that means the same as the live one is sent exactly as the engine has it, so that it restarts nothing; one
    that means the same as the desired one is sent as it was written.
    """
    wanted, made = to_tree(desired), from_tree(tree)
    spec: Json = {"Name": desired["Name"]}
    for section in _SECTIONS:
        value = tree.get(section)
        if value == current.get(section):
            chosen = live.get(section)
            if section == "TaskTemplate" and live.get("Networks") and not (chosen or {}).get("Networks"):
                chosen = {**(chosen or {}), "Networks": live["Networks"]}
        elif value == wanted.get(section):
            chosen = desired.get(section)
        else:
            chosen = made.get(section)
        if chosen is not None:
            spec[section] = chosen
    return spec


def running(tasks: t.Iterable[Json], service_id: str) -> list[Json]:
    """Return the tasks of a service that should run and have not ended."""
    return [
        task for task in of_service(tasks, service_id) if task.get("DesiredState") == RUNNING and not has_ended(task)
    ]


def _ids(tasks: t.Iterable[Json]) -> frozenset[str]:
    return frozenset(task["ID"] for task in tasks)


def _replaced(
    changes: t.Sequence[Change], tree: Tree, own: list[Json], nodes: t.Sequence[Json]
) -> tuple[list[str], list[Json]]:
    """Return the names of the fields that replace tasks, and the tasks that they replace."""
    relevant = [change for change in changes if change.path[0] in ("TaskTemplate", "EndpointSpec")]
    names = list(dict.fromkeys(_field(change) for change in relevant))
    if names and all(change.path[:3] == ("TaskTemplate", "Placement", "Constraints") for change in relevant):
        placement = (from_tree(tree).get("TaskTemplate") or {}).get("Placement") or {}
        good = {node["ID"] for node in nodes if node_facts.fits(node, placement)}
        own = [task for task in own if task.get("NodeID") not in good]
    return (names, own) if names else ([], [])


def _field(change: Change) -> str:
    """Return the name of a field as people know it: the first key below the containers of fields."""
    path = [key for key in change.path if key not in ("TaskTemplate", "ContainerSpec", "EndpointSpec")]
    return path[0] if path else change.path[-1]


def _with_note(change: Change, overruled: t.Sequence[Change]) -> Change:
    for other in overruled:
        if other.path == change.path:
            return Change(change.path, change.before, change.after, other.note)
    if change.path == _IMAGE and change.before and change.after:
        same_name = without_digest(change.before) == without_digest(change.after)
        if same_name and digest_of(change.before) and digest_of(change.after):
            return Change(change.path, change.before, change.after, "new content under the same tag")
    return change


def _kind(tree: Tree) -> str:
    return str((tree.get("Mode") or {}).get("Kind", "replicated"))
