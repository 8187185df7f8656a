# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports: who has them before and after a plan, what collides, and what must be written first. Pure.

The engine refuses a service whose published port another service has, unless both publish it on their own nodes only
(swarmkit, manager/controlapi/service.go: checkPortConflicts); ports that it gave away itself count too. Two such tasks
on one node are the scheduler's business: the second one stays pending (manager/scheduler/filter.go: HostPortFilter).
"""

from __future__ import annotations

import collections
import graphlib
import typing as t

from .. import nodes as node_facts
from .service import running
from .types import Json, LiveState, ServicePlan

Port = tuple[int, str]


class Published(t.NamedTuple):
    """Ports of one service: on every node (ingress), and on the nodes where its tasks run (host)."""

    ingress: frozenset[Port]
    host: frozenset[Port]

    def clashes(self, other: Published) -> list[Port]:
        """Return the ports that the engine does not let both services have."""
        return sorted((self.ingress & (other.ingress | other.host)) | (self.host & other.ingress))


NOTHING = Published(frozenset(), frozenset())


def published(spec: Json, live: Json | None = None) -> Published:
    """Return the ports of a service.

    :param live: the service as the engine has it; ports that it chose itself stay as long as the spec leaves the
        choice.
    """
    ports = _ports(spec)
    ingress = {_port(item) for item in ports if item.get("PublishMode") != "host" and item.get("PublishedPort")}
    open_targets = {
        (item.get("TargetPort"), item.get("Protocol") or "tcp")
        for item in ports
        if item.get("PublishMode") != "host" and not item.get("PublishedPort")
    }
    given = [
        item
        for item in ((live or {}).get("Endpoint") or {}).get("Ports") or []
        if item.get("PublishMode") != "host" and (item.get("TargetPort"), item.get("Protocol") or "tcp") in open_targets
    ]
    return Published(
        frozenset(ingress | {_port(item) for item in given if item.get("PublishedPort")}),
        frozenset(_port(item) for item in ports if item.get("PublishMode") == "host" and item.get("PublishedPort")),
    )


def before(plan: ServicePlan) -> Published:
    """Return the ports that a service has now."""
    return published(plan.live["Spec"], plan.live) if plan.live else NOTHING


def after(plan: ServicePlan) -> Published:
    """Return the ports that a service has once the plan is carried out."""
    return NOTHING if plan.action == "remove" else published(plan.spec, plan.live)


def frees_for(first: ServicePlan, then: ServicePlan) -> bool:
    """Say whether a plan gives a port away that another one takes, so that it must be written before that."""
    freed = _all(before(first)) - _all(after(first)) if first.action not in ("none", "create") else frozenset()
    return bool(freed & (_all(after(then)) - _all(before(then)))) and then.action not in ("none", "remove")


def problems(plans: t.Sequence[ServicePlan], live: LiveState) -> tuple[list[str], list[str]]:
    """Return what of the ports cannot work on the swarm after the plan, and what may not.

    :returns: Blockers, warnings.
    """
    blockers: list[str] = []
    warnings: list[str] = []
    planned = {plan.name: plan for plan in plans}
    others = [service for service in live.services if service["Spec"]["Name"] not in planned]
    wanted = [plan for plan in plans if plan.action != "remove"]
    for index, plan in enumerate(wanted):
        if plan.action == "none":
            continue
        own = after(plan)
        blockers += _within(plan)
        for service in others:
            name, theirs = service["Spec"]["Name"], published(service["Spec"], service)
            blockers += _clash(plan.name, own, name, theirs)
            shared = own.host & theirs.host
            if shared and _on_its_nodes(plan, service, live):
                port, protocol = min(shared)
                warnings.append(
                    f"service {plan.name}: host port {port}/{protocol} is taken by service {name} on some of its nodes"
                )
        for other in wanted:
            if other is plan or (other.action != "none" and wanted.index(other) > index):
                continue  # of two that change, the later one speaks
            blockers += _clash(plan.name, own, other.name, after(other))
            shared = own.host & after(other).host
            if shared and _meet(plan, other, live):
                port, protocol = min(shared)
                warnings.append(
                    f"services {other.name} and {plan.name} both publish host port {port}/{protocol} and may run on "
                    "the same nodes: a node takes one task of them, others stay pending"
                )
    return blockers + _swaps(wanted), warnings


def _clash(name: str, own: Published, other_name: str, other: Published) -> list[str]:
    ports = own.clashes(other)
    if not ports:
        return []
    port, protocol = ports[0]
    how = "ingress port" if (port, protocol) in own.ingress else "host port"
    where = "" if (port, protocol) in own.ingress & other.ingress else " under another mode, which the engine refuses"
    return [f"service {name}: {how} {port}/{protocol} is taken by service {other_name}{where}"]


def _within(plan: ServicePlan) -> list[str]:
    """Return what is wrong within one service (swarmkit: validateEndpointSpec)."""
    ports = _ports(plan.spec)
    counts = collections.Counter(_port(item) for item in ports if item.get("PublishedPort"))
    found = [f"{port}/{protocol} is published twice" for (port, protocol), count in counts.items() if count > 1]
    mode = (plan.spec.get("EndpointSpec") or {}).get("Mode")
    if mode == "dnsrr" and any(item.get("PublishMode") != "host" for item in ports):
        found.append("endpoint mode dnsrr has no address for ingress ports; publish them in mode host or use vip")
    return [f"service {plan.name}: {text}" for text in found]


def _swaps(plans: t.Sequence[ServicePlan]) -> list[str]:
    """Return the circles of services that give each other a port: the engine refuses whichever is written first."""
    found = []
    left = list(plans)
    while True:
        before = {plan.name: {one.name for one in left if one is not plan and _needs_first(one, plan)} for plan in left}
        try:
            graphlib.TopologicalSorter(before).prepare()
        except graphlib.CycleError as exc:
            circle = set(exc.args[1])
            *some, last = [plan.name for plan in left if plan.name in circle]
            found.append(
                f"services {', '.join(some)} and {last} exchange a published port, which the engine refuses in any "
                "order; give one of them another port first, in a deploy of its own"
            )
            left = [plan for plan in left if plan.name not in circle]
        else:
            return found


def _needs_first(first: ServicePlan, then: ServicePlan) -> bool:
    return frees_for(first, then) and bool(before(first).clashes(after(then)))


def _meet(one: ServicePlan, other: ServicePlan, live: LiveState) -> bool:
    ids = [{node["ID"] for node in node_facts.eligible(live.nodes, plan.spec["TaskTemplate"])} for plan in (one, other)]
    return bool(ids[0] & ids[1])


def _on_its_nodes(plan: ServicePlan, other: Json, live: LiveState) -> bool:
    taken = {task.get("NodeID") for task in running(live.tasks, other["ID"])}
    return any(node["ID"] in taken for node in node_facts.eligible(live.nodes, plan.spec["TaskTemplate"]))


def _all(ports: Published) -> frozenset[Port]:
    return ports.ingress | ports.host


def _ports(spec: Json) -> list[Json]:
    return list((spec.get("EndpointSpec") or {}).get("Ports") or [])


def _port(item: Json) -> Port:
    return int(item["PublishedPort"]), str(item.get("Protocol") or "tcp")
