# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out a plan: objects first, then services. What was written is remembered for the way back."""

from __future__ import annotations

import typing as t

from ..._errors import Conflict, EngineError, NoLeader, PlanRefused
from .. import writes
from ..engine import Engine
from ..plan import Json, LiveState, ObjectPlan, ServicePlan, to_tree
from ..plan.ports import frees_for
from ..plan.steps import Make, Step, Write
from ..plan.tree import REPLICAS, replicas
from ..registry.auth import header_after
from ..retry import until, until_answered
from ..watch.terms import Expected
from . import jobs
from .labels import relabel

Written = t.TypeVar("Written")


class Applier:
    """Writes plans to the swarm and remembers how to undo them.

    :param live: the reading that the plans were made from.
    :param auth_of: image → value of the C(X-Registry-Auth) header, "" for none.
    :ivar applied: plans whose carrying out has begun.
    :ivar created: objects whose making has begun; their ids are not known while no answer has come.
    :ivar relabelled: objects whose labels are changed.
    :ivar rested: names of services of I(applied) whose program had ended well before.
    :ivar specs: compares specs, with networks that are listed once.
    """

    def __init__(self, engine: Engine, live: LiveState, auth_of: t.Callable[[str], str]) -> None:
        self.engine = engine
        self.live = live
        self.auth_of = auth_of
        self._ids: dict[str, dict[str, str]] = {
            "network": {item["Name"]: item["Id"] for item in live.networks if item.get("Scope") == "swarm"},
            "config": {item["Spec"]["Name"]: item["ID"] for item in live.configs},
            "secret": {item["Spec"]["Name"]: item["ID"] for item in live.secrets},
        }
        self.applied: list[ServicePlan] = []
        self._made: dict[str, str] = {}
        self.created: list[ObjectPlan] = []
        self.relabelled: list[ObjectPlan] = []
        self.rested: set[str] = set()
        self.specs = writes.Specs(engine)

    def network_names(self) -> dict[str, str]:
        """Return id → name of all networks known by now."""
        return {**self.live.network_names(), **{value: key for key, value in self._ids["network"].items()}}

    def create_objects(self, plans: t.Iterable[ObjectPlan], services: t.Iterable[ServicePlan] = ()) -> None:
        """Create networks, configs and secrets; then put ids in place of names into the specs of services.

        Names of networks are left to the engine, as Docker's own client does: its list of networks may still show one
        that was made anew under the same name.
        """
        for plan in plans:
            if plan.action == "update" and plan.live is not None:
                self.relabelled.append(plan)
                data = plan.body.get("Data") if plan.kind == "secret" else None
                relabel(self.engine, plan.kind, plan.object_id, plan.body.get("Labels") or {}, data)
            if plan.action == "create":
                self.created.append(plan)  # before the call: its answer may be lost
                plan.object_id = writes.create_object(self.engine, plan.kind, plan.body)
                self._ids[plan.kind][plan.name] = plan.object_id
        for service in services:
            service.spec = self._with_ids(service.spec)

    def take(self, step: Step) -> None:
        """Take a step that makes or writes something.

        :raises PlanRefused: somebody else changed a service since it was read.
        """
        if isinstance(step, Make):
            self.create_objects(step.objects, step.services)
        elif isinstance(step, Write):
            for plan in step.services:
                self.apply(plan)

    def apply(self, plan: ServicePlan) -> None:
        """Create, update, recreate or remove one service.

        :raises PlanRefused: somebody else changed the service since it was read.
        """
        if plan.action == "none":
            return
        self.rested |= jobs.rested(self.engine, [plan])
        self.applied.append(plan)  # before the call: its answer may be lost
        auth = header_after(self.auth_of(plan.image_after), plan.image_after, plan.image_before)
        if plan.action == "update":
            self._once_freed(plan, lambda: self._update(plan, auth))
        if plan.action in ("remove", "recreate"):
            jobs.remove(self.engine, plan.before)
        if plan.action in ("create", "recreate"):
            self._made[plan.name] = self._once_freed(plan, lambda: writes.create_service(self.engine, plan.spec, auth))

    def _once_freed(self, plan: ServicePlan, write: t.Callable[[], Written]) -> Written:
        """Write a service, again while a port that it takes still counts as another one's that has just given it away.

        An update leaves the ports in C(Endpoint) until the allocator has come to the service, in its own time, and they
        count until then (swarmkit manager/controlapi/service.go: checkPortConflicts; manager/allocator/network.go:
        doNetworkAlloc).
        """
        freed = any(frees_for(other, plan) for other in self.applied if other is not plan)
        return until_answered(write, again=lambda error: freed and is_port_taken(error))

    def _update(self, plan: ServicePlan, auth: str) -> None:
        """Send an update. The version may have moved on: the engine notes its own progress, and others scale.

        The number of replicas belongs to whoever scales, except in a deploy that changes it itself.
        """
        live, spec, specs = plan.before, plan.spec, self.specs
        scales = any(change.path == REPLICAS for change in plan.changes)

        def wanted(current: Json) -> Json | None:
            if current is live:
                return spec
            if specs.equal(current["Spec"], spec, replicas=scales):
                return None
            if not specs.equal(current["Spec"], live["Spec"], replicas=False):
                raise PlanRefused(
                    f"Somebody else changed service {plan.name} while this ran. Nothing of theirs was overwritten: "
                    "look at the plan again."
                )
            return spec if scales else with_replicas(spec, replicas(current["Spec"]))

        writes.write_service(self.engine, live, wanted, auth)

    def expected(self, plan: ServicePlan) -> Expected:
        """Return what to wait for after M(apply), or for a service that stays as it is."""
        service_id = self._made.get(plan.name) or (plan.live["ID"] if plan.live else "")
        return Expected(plan.name, service_id, to_tree(plan.spec, self.network_names()), plan.replaced)

    def has_made(self, plan: ServicePlan, found: Json) -> bool:
        """Say whether a service is the one that a plan has made. While no answer has told its id, its spec says it."""
        if plan.action not in ("create", "recreate"):
            return False
        made = self._made.get(plan.name)
        if made is not None:
            return bool(found["ID"] == made)
        return self.specs.equal(found["Spec"], plan.spec, replicas=False)

    def _with_ids(self, spec: Json) -> Json:
        template = dict(spec["TaskTemplate"])
        container = dict(template.get("ContainerSpec") or {})
        for field, kind, name, key in (
            ("Configs", "config", "ConfigName", "ConfigID"),
            ("Secrets", "secret", "SecretName", "SecretID"),
        ):
            if container.get(field):
                ids = self._ids[kind]
                container[field] = [{**item, key: ids.get(item[name], item.get(key, ""))} for item in container[field]]
        credential = (container.get("Privileges") or {}).get("CredentialSpec") or {}
        if credential.get("Config"):
            config = self._ids["config"].get(credential["Config"], credential["Config"])
            container["Privileges"] = {**container["Privileges"], "CredentialSpec": {**credential, "Config": config}}
        return {**spec, "TaskTemplate": {**template, "ContainerSpec": container}}


def is_port_taken(error: EngineError) -> bool:
    """Say whether the engine refused a service because of another one's published port (pure)."""
    return error.status == 400 and " is already in use by service " in error.message


def with_replicas(spec: Json, number: int | None) -> Json:
    """Return a ServiceSpec with another number of tasks; without one, or for other modes, it stays as it is."""
    if number is None or replicas(spec) is None:
        return spec
    return {**spec, "Mode": {"Replicated": {"Replicas": number}}}


def remove_object(engine: Engine, kind: str, object_id: str, patience: float = 0) -> bool:
    """Remove a network, config or secret; False when something still uses it after I(patience) seconds."""
    remove = {"network": engine.remove_network, "config": engine.remove_config, "secret": engine.remove_secret}[kind]

    def is_gone() -> bool:
        try:
            remove(object_id)
        except EngineError as exc:
            in_use = isinstance(exc, Conflict) or exc.status in (400, 403, 409, 500)
            if not in_use or isinstance(exc, NoLeader):
                raise
            return False
        return True

    return until(is_gone, patience)
