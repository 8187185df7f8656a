# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Carrying out a plan: objects first, then services. What was written is remembered for the way back."""

from __future__ import annotations

import time
import typing as t

from ..._errors import Conflict, EngineError, OutOfSequence, PlanRefused
from ..engine import Engine
from ..plan import Json, LiveState, ObjectPlan, ServicePlan, to_tree
from ..watch.terms import Expected

#: How often a service is read and written again when it has changed between the two.
TRIES = 4


class Applier:
    """Writes plans to the swarm and remembers how to undo them.

    Args:
        live: the reading that the plans were made from.
        auth_of: image → value of the C(X-Registry-Auth) header, "" for none.

    Attributes:
        applied: plans that were carried out, with the ids of their services.
        created: objects that were made.
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
        self.applied: list[tuple[ServicePlan, str]] = []
        self.created: list[ObjectPlan] = []

    def network_names(self) -> dict[str, str]:
        """Return id → name of all networks known by now."""
        return {**self.live.network_names(), **{value: key for key, value in self._ids["network"].items()}}

    def create_objects(self, plans: t.Iterable[ObjectPlan]) -> None:
        """Create networks, configs and secrets."""
        create = {
            "network": self.engine.create_network,
            "config": self.engine.create_config,
            "secret": self.engine.create_secret,
        }
        for plan in plans:
            if plan.action == "create":
                plan.object_id = create[plan.kind](plan.body)
                self._ids[plan.kind][plan.name] = plan.object_id
                self.created.append(plan)

    def apply(self, plan: ServicePlan) -> None:
        """Create, update, recreate or remove one service.

        Raises:
            PlanRefused: somebody else changed the service since it was read.
        """
        if plan.action == "none":
            return
        auth = self.auth_of(plan.image_after) if plan.image_after else ""
        service_id = plan.live["ID"] if plan.live else ""
        if plan.action == "update":
            self._update(plan.before, self.with_ids(plan.spec), auth)
        elif plan.action == "remove":
            self.engine.remove_service(service_id)
        elif plan.action == "create":
            service_id = self.engine.create_service(self.with_ids(plan.spec), auth)
        elif plan.action == "recreate":
            self.engine.remove_service(service_id)
            self.applied.append((plan, ""))  # noted at once: should the next call fail, the way back creates it
            service_id = self.engine.create_service(self.with_ids(plan.spec), auth)
            self.applied.pop()
        self.applied.append((plan, service_id))

    def _update(self, live: Json, spec: Json, auth: str) -> None:
        """Send an update; the version may have moved on, but only because the engine noted its own progress."""
        current = live
        for _attempt in range(TRIES):
            try:
                self.engine.update_service(current["ID"], current["Version"]["Index"], spec, auth)
                return
            except OutOfSequence:
                fresh = self.engine.service(current["ID"])
                if fresh is None or to_tree(fresh["Spec"]) != to_tree(live["Spec"]):
                    raise PlanRefused(
                        f"Somebody else changed service {spec['Name']} while this ran. Nothing of theirs was "
                        "overwritten: look at the plan again."
                    ) from None
                current = fresh
        raise PlanRefused(
            f"Service {spec['Name']} is being written to all the time by somebody else; it was left alone."
        )

    def expected(self, plan: ServicePlan) -> Expected:
        """Return what to wait for after M(apply), or for a service that stays as it is."""
        service_id = next((found for item, found in self.applied if item is plan), "")
        if not service_id and plan.live is not None:
            service_id = plan.live["ID"]
        tree = to_tree(self.with_ids(plan.spec), self.network_names())
        return Expected(plan.name, service_id, tree, plan.replaced)

    def with_ids(self, spec: Json) -> Json:
        """Return a copy of a ServiceSpec with ids where it has names; what is unknown is left to the engine."""
        template = dict(spec["TaskTemplate"])
        container = dict(template.get("ContainerSpec") or {})
        networks = self._ids["network"]
        if template.get("Networks"):
            template["Networks"] = [
                {**item, "Target": networks.get(item["Target"], item["Target"])} for item in template["Networks"]
            ]
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


def remove_object(engine: Engine, kind: str, object_id: str, patience: float = 0) -> bool:
    """Remove a network, config or secret; False when something still uses it after I(patience) seconds."""
    remove = {"network": engine.remove_network, "config": engine.remove_config, "secret": engine.remove_secret}[kind]
    deadline = time.monotonic() + patience
    while True:
        try:
            remove(object_id)
            return True
        except EngineError as exc:
            in_use = isinstance(exc, Conflict) or exc.status in (400, 403, 409, 500)
            if not in_use:
                raise
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.3)
