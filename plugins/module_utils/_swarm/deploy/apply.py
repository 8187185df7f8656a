# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Carrying out a plan: objects first, then services, and the way back."""

from __future__ import annotations

import time
import typing as t

from ..._errors import Conflict, EngineError, OutOfSequence, PlanRefused
from ..engine import Engine
from ..plan import Json, LiveState, ObjectPlan, ServicePlan, to_tree
from ..watch.verdict import Expected

#: Seconds that the last tasks of a service may take to let go of its networks, configs and secrets.
_PATIENCE = 45.0
_TRIES = 4


class Applier:
    """Writes plans to the swarm and remembers how to undo them.

    Args:
        live: the reading that the plans were made from.
        auth_of: image → value of the C(X-Registry-Auth) header, "" for none.
    """

    def __init__(self, engine: Engine, live: LiveState, auth_of: t.Callable[[str], str]) -> None:
        self._engine = engine
        self._live = live
        self._auth_of = auth_of
        self._ids: dict[str, dict[str, str]] = {
            "network": {item["Name"]: item["Id"] for item in live.networks if item.get("Scope") == "swarm"},
            "config": {item["Spec"]["Name"]: item["ID"] for item in live.configs},
            "secret": {item["Spec"]["Name"]: item["ID"] for item in live.secrets},
        }
        self._applied: list[tuple[ServicePlan, str]] = []
        self._created: list[ObjectPlan] = []
        self._removed: set[str] = set()

    def network_names(self) -> dict[str, str]:
        """Return id → name of all networks known by now."""
        return {**self._live.network_names(), **{value: key for key, value in self._ids["network"].items()}}

    def create_objects(self, plans: t.Iterable[ObjectPlan]) -> None:
        """Create networks, configs and secrets."""
        create = {
            "network": self._engine.create_network,
            "config": self._engine.create_config,
            "secret": self._engine.create_secret,
        }
        for plan in plans:
            if plan.action == "create":
                plan.object_id = create[plan.kind](plan.body)
                self._ids[plan.kind][plan.name] = plan.object_id
                self._created.append(plan)

    def apply(self, plan: ServicePlan) -> None:
        """Create, update, recreate or remove one service.

        Raises:
            PlanRefused: somebody else changed the service since it was read.
        """
        if plan.action == "none":
            return
        auth = self._auth_of(plan.image_after) if plan.image_after else ""
        service_id = plan.live["ID"] if plan.live else ""
        if plan.action == "update":
            self._update(plan.before, self.with_ids(plan.spec), auth)
        elif plan.action == "remove":
            self._engine.remove_service(service_id)
        elif plan.action == "create":
            service_id = self._engine.create_service(self.with_ids(plan.spec), auth)
        elif plan.action == "recreate":
            self._engine.remove_service(service_id)
            self._applied.append((plan, ""))  # noted at once: should the next call fail, the way back creates it
            service_id = self._engine.create_service(self.with_ids(plan.spec), auth)
            self._applied.pop()
        self._applied.append((plan, service_id))

    def _update(self, live: Json, spec: Json, auth: str) -> None:
        """Send an update; the version may have moved on, but only because the engine noted its own progress."""
        current = live
        for _attempt in range(_TRIES):
            try:
                self._engine.update_service(current["ID"], current["Version"]["Index"], spec, auth)
                return
            except OutOfSequence:
                fresh = self._engine.service(current["ID"])
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
        service_id = next((found for item, found in self._applied if item is plan), "")
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
        return {**spec, "TaskTemplate": {**template, "ContainerSpec": container}}

    # -- the way back --------------------------------------------------------------------------------------------
    def undo(self) -> tuple[list[Expected], list[str]]:
        """Bring every service back to what it was; return what to wait for and the names of services removed.

        Raises:
            EngineError: the engine refused; the stack is then in between.
        """
        expected, removed = [], []
        for plan, service_id in reversed(self._applied):
            if plan.action == "create":
                self._engine.remove_service(service_id)
                self._removed.add(service_id)
                removed.append(plan.name)
                continue
            back = self._back(plan.before, service_id)
            expected.append(Expected(plan.name, back, to_tree(plan.before["Spec"], self.network_names())))
        self._applied.clear()
        return expected, removed

    def _back(self, live: Json, service_id: str) -> str:
        """Restore one service to I(live) and return its id."""
        auth = self._auth_of(live["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])
        current = self._engine.service(service_id) if service_id else None
        if current is not None and current["ID"] != live["ID"]:
            self._engine.remove_service(current["ID"])
            current = None
        if current is None:
            return self._engine.create_service(live["Spec"], auth)
        for _attempt in range(_TRIES):
            if to_tree(current["Spec"]) == to_tree(live["Spec"]):
                break  # the engine went back by itself
            try:
                self._engine.update_service(current["ID"], current["Version"]["Index"], live["Spec"], auth)
                break
            except OutOfSequence:
                current = self._engine.service(current["ID"]) or current
        return str(current["ID"])

    def drop_created(self, tasks: t.Mapping[str, list[str]]) -> None:
        """Remove the objects that M(create_objects) made, as far as nothing uses them.

        Args:
            tasks: filter that finds the tasks of the services that M(undo) removed.
        """
        if self._created and self._removed:
            self._wait_ended(tasks)
        for plan in reversed(self._created):
            if remove_object(self._engine, plan.kind, plan.object_id, _PATIENCE) and plan.kind == "network":
                _wait_gone(self._engine, plan.object_id)
        self._created.clear()

    def _wait_ended(self, tasks: t.Mapping[str, list[str]]) -> None:
        """Wait for the last tasks of the services that were removed.

        A task that its node prepares goes on when its service is removed, and makes its networks there anew.
        """
        down = {node["ID"] for node in self._live.nodes if node["Status"]["State"] == "down"}
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and any(
            task.get("ServiceID") in self._removed and task.get("NodeID") not in down
            for task in self._engine.tasks(tasks)
        ):
            time.sleep(0.3)


def _wait_gone(engine: Engine, network_id: str) -> None:
    """Wait until the manager has forgotten a network that was removed: its last tasks hold it, and the next deploy
    would stumble over it."""
    deadline = time.monotonic() + _PATIENCE
    while engine.network(network_id) is not None and time.monotonic() < deadline:
        time.sleep(0.3)


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
