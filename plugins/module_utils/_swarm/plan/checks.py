# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""What a careful reader says about a plan before it runs: things that cannot work, and things that may hurt."""

from __future__ import annotations

import typing as t

from ..._references import digest_of
from .. import nodes as node_facts
from .service import running
from .tree import replicas
from .types import Json, LiveState, ServicePlan

GIB = 1024**3


def blockers(plan: ServicePlan, live: LiveState) -> list[str]:
    """Return why the plan of a service cannot work in this swarm, as it is now."""
    if plan.action in ("none", "remove"):
        return []
    return [*_unschedulable(plan, live), *_start_first_on_host_port(plan, live), *_ingress_port_taken(plan, live)]


def warnings(plan: ServicePlan, live: LiveState) -> list[str]:
    """Return what may hurt in the plan of a service."""
    if plan.action in ("none", "remove"):
        return []
    return [
        *_no_health_check(plan),
        *_not_pinned(plan),
        *_ports_not_taken_along(plan),
        *_host_port_taken(plan, live),
        *_memory(plan, live),
    ]


def host_ports(spec: Json) -> list[tuple[int, str]]:
    """Return the (port, protocol) pairs that a service takes on each node where a task runs."""
    return [_port(item) for item in _ports(spec) if item.get("PublishMode") == "host" and item.get("PublishedPort")]


def _ports(spec: Json) -> list[Json]:
    return list((spec.get("EndpointSpec") or {}).get("Ports") or [])


def _port(item: Json) -> tuple[int, str]:
    return int(item["PublishedPort"]), str(item.get("Protocol") or "tcp")


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
        if not any(node_facts.matches(node, constraint) for node in up):
            yield f'service {plan.name}: constraint "{constraint}" matches none of the {len(up)} nodes that take tasks'
            return
    if not any(node_facts.fits(node, {"Platforms": placement.get("Platforms")}) for node in up):
        platforms = ", ".join(
            f"{item.get('OS')}/{item.get('Architecture')}" for item in placement.get("Platforms") or []
        )
        yield f"service {plan.name}: its image is built for {platforms} and no node is of that kind"
        return
    text = ", ".join(placement.get("Constraints") or [])
    yield f"service {plan.name}: no node satisfies all its constraints together ({text})"


def _start_first_on_host_port(plan: ServicePlan, live: LiveState) -> t.Iterator[str]:
    order = (plan.spec.get("UpdateConfig") or {}).get("Order")
    ports = host_ports(plan.spec)
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


def _ingress_port_taken(plan: ServicePlan, live: LiveState) -> t.Iterator[str]:
    wanted = {_port(item) for item in _ports(plan.spec) if _is_ingress(item)}
    for other in live.services:
        spec = other["Spec"]
        taken = {_port(item) for item in _ports(spec) if _is_ingress(item)}
        if spec["Name"] != plan.name and wanted & taken:
            port, protocol = sorted(wanted & taken)[0]
            yield f"service {plan.name}: ingress port {port}/{protocol} is taken by service {spec['Name']}"


def _is_ingress(item: Json) -> bool:
    return item.get("PublishMode", "ingress") != "host" and bool(item.get("PublishedPort"))


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


def _ports_not_taken_along(plan: ServicePlan) -> t.Iterator[str]:
    """See M(plan.restarts)."""
    if plan.keep_ports:
        yield (
            f"service {plan.name}: {plan.keep_ports} of its tasks keep the ports that they have: the engine restarts "
            "no task for a port whose placement differs too; restart them afterwards with the module service and "
            "force_update: true"
        )


def _host_port_taken(plan: ServicePlan, live: LiveState) -> t.Iterator[str]:
    wanted = set(host_ports(plan.spec))
    for other in live.services:
        shared = wanted & set(host_ports(other["Spec"]))
        if other["Spec"]["Name"] == plan.name or not shared:
            continue
        taken = {task.get("NodeID") for task in running(live.tasks, other["ID"])}
        if any(node["ID"] in taken for node in node_facts.eligible(live.nodes, plan.spec["TaskTemplate"])):
            port, protocol = sorted(shared)[0]
            name = other["Spec"]["Name"]
            yield f"service {plan.name}: host port {port}/{protocol} is taken by service {name} on some of its nodes"


def _memory(plan: ServicePlan, live: LiveState) -> t.Iterator[str]:
    need = node_facts.reserved_memory(plan.spec["TaskTemplate"])
    suited = node_facts.eligible(live.nodes, plan.spec["TaskTemplate"])
    if not need or not suited:
        return
    best = max(node_facts.free_memory(node, live.tasks) for node in suited)
    if best < need:
        yield (
            f"service {plan.name}: a task reserves {need / GIB:.2f} GiB of memory and no node has more than "
            f"{best / GIB:.2f} GiB unreserved"
        )
