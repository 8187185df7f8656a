# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a whole stack."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._diff import Tree
from ..model import StackModel, namespace_of
from . import addresses, capacity, checks, ports
from .objects import plan_network, plan_object
from .order import order
from .service import plan_create, plan_remove, plan_update
from .types import Json, LiveState, ObjectPlan, StackPlan


@dataclasses.dataclass(frozen=True)
class PlanOptions:
    """How to plan.

    :ivar prune: remove services that left the file.
    :ivar purge: remove from services what nobody declared.
    :ivar allow_recreate: a change that needs removal and creation is allowed.
    """

    prune: bool = True
    purge: bool = False
    allow_recreate: bool = False


def plan_stack(
    model: StackModel,
    live: LiveState,
    base: t.Mapping[str, Tree],
    options: PlanOptions,
    networks: t.Mapping[str, Json] | None = None,
) -> StackPlan:
    """Plan the way from I(live) to I(model).

    :param model: the stack, its images pinned.
    :param base: what our last release sent, canonical tree by service name in the swarm.
    :param networks: what it declared of networks, by name in the swarm.
    """
    plan = StackPlan(model.name, warnings=list(model.warnings))
    for network in model.networks.values():
        plan.objects += plan_network(network, live, plan, (networks or {}).get(network.name))
    for kind, entries, existing in (
        ("config", model.configs, live.configs),
        ("secret", model.secrets, live.secrets),
    ):
        for entry in entries.values():
            plan.objects += plan_object(kind, entry, existing, plan)
    by_name = {service["Spec"]["Name"]: service for service in live.services}
    names = live.network_names()
    for item in sorted(model.services.values(), key=lambda entry: entry.wave):
        found = by_name.get(item.full_name)
        if found is None:
            service = plan_create(item.spec)
        elif namespace_of(found["Spec"]) != model.name:
            plan.errors.append(_foreign(item.full_name, found["Spec"], model.name))
            continue
        else:
            service = plan_update(
                item.spec, found, base.get(item.full_name), names, live.tasks, live.nodes, options.purge,
                [tuple(path) for path in item.declared],
            )  # fmt: skip
        service.wave, service.routed = item.wave, bool(item.routes)
        plan.services.append(service)
    if options.prune:
        wanted = {entry.full_name for entry in model.services.values()}
        plan.services += [
            plan_remove(service, live.tasks)
            for service in own_services(live, model.name)
            if service["Spec"]["Name"] not in wanted
        ]
    judge(plan, live, options)
    return plan


def own_services(live: LiveState, stack: str) -> list[Json]:
    """Return the live services of a stack, by name."""
    own = [service for service in live.services if namespace_of(service["Spec"]) == stack]
    return sorted(own, key=lambda service: str(service["Spec"]["Name"]))


def plan_absent(stack: str, live: LiveState) -> StackPlan:
    """Plan the removal of everything that belongs to a stack."""
    plan = StackPlan(stack, [plan_remove(service, live.tasks) for service in own_services(live, stack)])
    for kind, existing in (("config", live.configs), ("secret", live.secrets)):
        plan.objects += [
            ObjectPlan(t.cast(t.Any, kind), item["Spec"]["Name"], "remove", object_id=item["ID"])
            for item in existing
            if namespace_of(item["Spec"]) == stack
        ]
    plan.objects += [
        ObjectPlan("network", item["Name"], "remove", object_id=item["Id"])
        for item in live.networks
        if namespace_of(item) == stack
    ]
    return plan


def _foreign(name: str, spec: Json, stack: str) -> str:
    owner = namespace_of(spec)
    return (
        f"service {name} exists and belongs to {f'stack {owner}' if owner else 'no stack'}, not to stack {stack}: "
        "choose another stack name or remove that service first"
    )


def judge(plan: StackPlan, live: LiveState, options: PlanOptions) -> None:
    """Add to a plan what speaks against it, or for a second thought, on the swarm as it will be after it."""
    for service in plan.services:
        plan.errors += checks.errors(service)
        plan.warnings += checks.warnings(service, live)
        plan.blockers += checks.blockers(service, live)
        if service.action == "recreate" and not options.allow_recreate:
            change = next(item for item in service.changes if item.path[0] == "Mode")
            plan.blockers.append(
                f"service {service.name}: its mode changes from {change.before} to {change.after}, which needs "
                f"removing and creating it again ({service.restarts} tasks stop); allow_recreate: true allows that"
            )
        if service.action not in ("none", "remove"):
            lacking = capacity.blockers(service, live)
            plan.blockers += lacking
            plan.warnings += [] if lacking else capacity.warnings(service, live)
    blockers, warnings = ports.problems(plan.services, live)
    created = [item.body for item in plan.objects if item.kind == "network" and item.action == "create"]
    plan.blockers += blockers
    plan.warnings += [
        *warnings,
        *capacity.overbooked(plan.services, live),
        *addresses.warnings(plan.services, live, created),
        *(
            f"service {service.name} is removed before the others are changed: one of them takes its published port"
            for service in order(plan.services).early()
        ),
    ]
