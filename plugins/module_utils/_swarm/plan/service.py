# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of one service: what would change, what restarts, and the spec that does it."""

from __future__ import annotations

import typing as t

from ..._diff import Change, Path, Tree, diff
from ..._references import digest_of, without_digest
from ..tasks import RUNNING, has_ended, of_service
from .changes import gathered
from .merge import Merged, merge
from .restarts import replaced_by
from .rewrite import is_job, may_end
from .sent import compose_spec
from .tree import replicas, to_tree
from .types import Json, ServicePlan

_IMAGE = ("TaskTemplate", "ContainerSpec", "Image")


def plan_create(spec: Json) -> ServicePlan:
    """Plan a service that does not exist; it is created with I(spec) as it is."""
    return ServicePlan(spec["Name"], "create", spec, changes=gathered(diff({}, to_tree(spec))))


def plan_remove(live: Json, tasks: t.Sequence[Json]) -> ServicePlan:
    """Plan the removal of a service."""
    name, own = live["Spec"]["Name"], running(tasks, live["ID"])
    return ServicePlan(name, "remove", live["Spec"], live, replaced=_ids(own), rests=_rests(live["Spec"], own))


def plan_update(
    desired: Json,
    live: Json,
    base: Tree | None,
    networks: t.Mapping[str, str],
    tasks: t.Sequence[Json] = (),
    nodes: t.Sequence[Json] = (),
    purge: bool = False,
    declared: t.Iterable[Path] = (),
) -> ServicePlan:
    """Plan the change of a live service to what the file says.

    :param desired: ServiceSpec with names in place of ids.
    :param base: canonical tree that our last release sent, None when it sent none.
    :param networks: id → name.
    :param tasks: tasks that should run now.
    :param declared: fields that the file gives although their value is the engine's default.
    """
    current = to_tree(live["Spec"], networks)
    merged = merge(base, to_tree(desired, networks), current, purge, declared)
    return plan_merged(desired, live, current, merged, tasks, nodes, networks)


def plan_merged(
    desired: Json,
    live: Json,
    current: Tree,
    merged: Merged,
    tasks: t.Sequence[Json],
    nodes: t.Sequence[Json],
    networks: t.Mapping[str, str],
) -> ServicePlan:
    """Plan the change from the canonical tree I(current) to I(merged). Args as for M(plan_update)."""
    changes = gathered([_with_note(change, merged.overruled) for change in diff(current, merged.tree)])
    plan = ServicePlan(desired["Name"], "none", live["Spec"], live, changes, merged.kept, merged.overruled)
    if not changes:
        return plan
    plan.spec = compose_spec(merged.tree, desired, live["Spec"], current, networks)
    own = running(tasks, live["ID"])
    plan.rests = _rests(live["Spec"], own)
    if _kind(current) != _kind(merged.tree):
        plan.action, plan.replaced, plan.because = "recreate", _ids(own), ["Mode"]
        return plan
    plan.action = "update"
    replaced = replaced_by(changes, merged.tree, own, nodes, networks)
    plan.because, plan.replaced, plan.keep_ports = replaced.because, _ids(replaced.tasks), replaced.keep_ports
    return plan


def running(tasks: t.Iterable[Json], service_id: str) -> list[Json]:
    """Return the tasks of a service that should run and have not ended."""
    return [
        task for task in of_service(tasks, service_id) if task.get("DesiredState") == RUNNING and not has_ended(task)
    ]


def _rests(spec: Json, own: t.Sequence[Json]) -> bool:
    return may_end(spec) and not is_job(spec) and replicas(spec) != 0 and not own


def _ids(tasks: t.Iterable[Json]) -> frozenset[str]:
    return frozenset(task["ID"] for task in tasks)


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
