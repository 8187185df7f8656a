# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a careful reader says about a plan before it runs: things that cannot work, and things that may hurt."""

from __future__ import annotations

import typing as t

from ..._references import digest_of
from .. import constraints
from .. import nodes as node_facts
from .ports import published
from .rewrite import is_paused
from .service import running
from .tree import replicas
from .types import Json, LiveState, ServicePlan
from .versions import older_managers, older_nodes, too_new


def errors(plan: ServicePlan) -> list[str]:
    """Return why the engine will refuse the service."""
    if plan.action in ("none", "remove"):
        return []
    expressions = (plan.spec["TaskTemplate"].get("Placement") or {}).get("Constraints") or ()
    problems = [constraints.problem(text) for text in expressions]
    return [f"service {plan.name}: {problem}" for problem in problems if problem]


def blockers(plan: ServicePlan, live: LiveState) -> list[str]:
    """Return why the plan of a service cannot work in this swarm."""
    if plan.action in ("none", "remove"):
        return []
    return [
        *(too_new(plan.spec, live.api_version) or older_managers(plan.spec, live.nodes)),
        *_unschedulable(plan, live),
        *_start_first_on_host_port(plan, live),
    ]


def warnings(plan: ServicePlan, live: LiveState) -> list[str]:
    """Return what may hurt in the plan of a service."""
    if plan.action in ("none", "remove"):
        return []
    return [
        *older_nodes(plan.spec, live.nodes),
        *_no_health_check(plan),
        *_not_pinned(plan),
        *_ports_not_taken_along(plan),
        *_goes_on(plan),
        *_run_again(plan, live),
    ]


def _unschedulable(plan: ServicePlan, live: LiveState) -> t.Iterator[str]:
    template = plan.spec["TaskTemplate"]
    placement = template.get("Placement") or {}
    up = [node for node in live.nodes if node_facts.takes_tasks(node)]
    if not up:
        yield f"service {plan.name}: no node is ready and active"
        return
    if node_facts.eligible(live.nodes, template) or replicas(plan.spec) == 0:
        return
    for constraint in placement.get("Constraints") or []:
        if not any(constraints.matches(node, constraint) for node in up):
            yield f"service {plan.name}: {_unmatched(constraint, up)}"
            return
    if not any(node_facts.fits(node, {"Platforms": placement.get("Platforms")}) for node in up):
        platforms = ", ".join(
            f"{item.get('OS')}/{item.get('Architecture')}" for item in placement.get("Platforms") or []
        )
        yield f"service {plan.name}: its image is built for {platforms} and no node is of that kind"
        return
    text = ", ".join(placement.get("Constraints") or [])
    yield f"service {plan.name}: no node satisfies all its constraints together ({text})"


def _unmatched(constraint: str, up: t.Sequence[Json]) -> str:
    unknown = constraints.unknown(constraint)
    if unknown:
        return unknown
    text = f'constraint "{constraint}" matches none of the {len(up)} nodes that take tasks'
    found = constraints.parse(constraint)
    if found is not None and found.key.lower() == "node.platform.arch":
        own = {str(((node.get("Description") or {}).get("Platform") or {}).get("Architecture")) for node in up}
        text += f"; they say {' and '.join(sorted(own))}"
    return text


def _start_first_on_host_port(plan: ServicePlan, live: LiveState) -> t.Iterator[str]:
    order = (plan.spec.get("UpdateConfig") or {}).get("Order")
    ports = sorted(published(plan.spec).host)
    if plan.action != "update" or not plan.restarts or order != "start-first" or not ports or plan.live is None:
        return
    taken = {task.get("NodeID") for task in running(live.tasks, plan.live["ID"])}
    free = [node for node in node_facts.eligible(live.nodes, plan.spec["TaskTemplate"]) if node["ID"] not in taken]
    if not free:
        port = ports[0][0]
        yield (
            f"service {plan.name}: update order start-first cannot work with host port {port}: every node that it may "
            "run on already has a task holding the port; use order stop-first or add a node"
        )


def _no_health_check(plan: ServicePlan) -> t.Iterator[str]:
    check = plan.spec["TaskTemplate"].get("ContainerSpec", {}).get("Healthcheck") or {}
    if plan.routed and not check.get("Test"):
        yield (
            f"service {plan.name} has a route and declares no health check: unless its image has one, it gets requests "
            "before it can answer them"
        )


def _not_pinned(plan: ServicePlan) -> t.Iterator[str]:
    if not digest_of(plan.image_after):
        yield f"service {plan.name}: image {plan.image_after} is not pinned to a digest, nodes may differ"


def _goes_on(plan: ServicePlan) -> t.Iterator[str]:
    """See M(plan.rewrite)."""
    if plan.restarts and plan.live is not None and is_paused(plan.live):
        yield f"service {plan.name}: its last update was paused, and with this change it goes on"


def _run_again(plan: ServicePlan, live: LiveState) -> t.Iterator[str]:
    """See M(plan.rewrite); the tasks that have ended are not read, so they are those that are missing."""
    if plan.action != "update" or plan.live is None:
        return
    spec = plan.live["Spec"]
    condition = ((spec.get("TaskTemplate") or {}).get("RestartPolicy") or {}).get("Condition") or "any"
    ended = (replicas(spec) or 0) - len(running(live.tasks, plan.live["ID"]))
    if condition != "any" and ended > 0:
        yield (
            f"service {plan.name}: {ended} of its tasks have ended and are not restarted ({condition}); with any "
            "change of the service their program runs again"
        )


def _ports_not_taken_along(plan: ServicePlan) -> t.Iterator[str]:
    """See M(plan.restarts)."""
    if plan.keep_ports:
        yield (
            f"service {plan.name}: {plan.keep_ports} of its tasks keep the ports that they have: the engine restarts "
            "no task for a port whose placement differs too; restart them afterwards with the module service and "
            "force_update: true"
        )
