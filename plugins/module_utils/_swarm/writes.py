# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates and updates that are carried out once, whatever becomes of their answers.

After a lost answer what is live decides: a create is looked up by its name, an update by the service's spec. A write
that raft took only after the look makes the next try fail on the taken name or the moved version: one more look.
"""

from __future__ import annotations

import copy
import time
import typing as t

from .._errors import Conflict, NotFound, OutOfSequence, PlanRefused
from .engine import Engine
from .live import complete_networks
from .plan import Json, to_tree
from .plan.tree import without_replicas
from .retry import PATIENCE, PAUSE, UNKNOWN, until_answered

#: How often a service or a node is read and written again when it has changed between the two.
_TRIES = 6


def create_service(engine: Engine, spec: Json, auth: str = "") -> str:
    """Create a service and return its id.

    :raises Conflict: the name is taken, by a service that is not the one made here.
    """

    def look() -> str | None:
        found = engine.service(spec["Name"])
        same = found is not None and Specs(engine).equal(found["Spec"], spec)
        return str(found["ID"]) if found is not None and same else None

    sent = keep_placement(spec)
    return _create(lambda: engine.create_service(sent, auth), look)


def create_object(engine: Engine, kind: str, body: Json) -> str:
    """Create a network, config or secret and return its id.

    :raises Conflict: the name is taken, by an object that is not the one made here.
    """
    create = engine.create_secret
    if kind != "secret":
        create = engine.create_network if kind == "network" else engine.create_config
    return _create(lambda: create(body), lambda: find_object(engine, kind, body) or None)


def find_object(engine: Engine, kind: str, body: Json) -> str:
    """Return the id of the network, config or secret that a create with I(body) has made, "" when there is none.

    The engine's filter is by part of the name. The content of a secret cannot be read; its labels and name can.
    """
    by_name = {"name": [body["Name"]]}
    if kind == "network":
        for network in engine.networks(by_name):
            own = network["Name"] == body["Name"] and network.get("Scope") == "swarm"
            if own and (network.get("Labels") or {}) == (body.get("Labels") or {}):
                return str(network["Id"])
        return ""
    for item in engine.configs(by_name) if kind == "config" else engine.secrets(by_name):
        spec = item["Spec"]
        own = spec["Name"] == body["Name"] and (spec.get("Labels") or {}) == (body.get("Labels") or {})
        if own and (kind == "secret" or spec.get("Data", "") == body.get("Data", "")):
            return str(item["ID"])
    return ""


def write_service(
    engine: Engine,
    current: Json,
    wanted: t.Callable[[Json], Json | None],
    auth: str = "",
    previous_login: bool = False,
) -> None:
    """Write to a service until it is as wanted.

    :param current: the service as read last.
    :param wanted: the service as live → what to send, None when nothing is left to write; it may raise.
    :param previous_login: without I(auth), take the login of the engine's own previous spec.
    :raises NotFound: the service is gone.
    :raises PlanRefused: somebody else writes to it all the time.
    """
    name, service_id = current["Spec"]["Name"], current["ID"]

    def send(live: Json, spec: Json) -> None:
        sent = keep_placement(spec, live["Spec"])
        engine.update_service(service_id, live["Version"]["Index"], sent, auth, previous_login=previous_login)

    _write(f"Service {name}", current, lambda: engine.service(service_id), wanted, send)


def write_node(engine: Engine, node_id: str, change: t.Callable[[Json], Json]) -> bool:
    """Change the spec of a node; False when it is as wanted already.

    :param change: a copy of its spec as live → the spec to send.
    :raises NotFound: there is no such node.
    :raises PlanRefused: somebody else writes to it all the time.
    """
    written = False

    def read() -> Json | None:
        return next((item for item in engine.nodes() if item["ID"] == node_id), None)

    def wanted(live: Json) -> Json | None:
        nonlocal written
        spec = change(copy.deepcopy(live["Spec"]))
        if spec == live["Spec"]:
            return None  # perhaps by a try whose answer was lost
        written = True
        return spec

    def send(live: Json, spec: Json) -> None:
        engine.update_node(node_id, live["Version"]["Index"], spec)

    _write(f"Node {node_id}", read(), read, wanted, send)
    return written


def _write(
    what: str,
    current: Json | None,
    read: t.Callable[[], Json | None],
    wanted: t.Callable[[Json], Json | None],
    send: t.Callable[[Json, Json], None],
) -> None:
    moved, deadline = 0, time.monotonic() + PATIENCE
    while current is not None:
        spec = wanted(current)
        if spec is None:
            return
        try:
            send(current, spec)
            return
        except OutOfSequence:
            moved += 1
            if moved == _TRIES:
                raise PlanRefused(
                    f"{what} is being written to all the time by somebody else; it was left alone."
                ) from None
        except UNKNOWN:
            if time.monotonic() >= deadline:
                raise
            time.sleep(PAUSE)
        current = read()
    raise NotFound(f"{what} is gone: somebody removed it.", 404)


def keep_placement(spec: Json, before: Json | None = None) -> Json:
    """Return a ServiceSpec that never takes C(Placement) away (pure).

    A service without any, whose tasks have one and differ in nothing else, makes every Docker before 29.7 panic on
    whichever manager leads, again after each restart (swarmkit issue 2947, C(manager/orchestrator/task.go),
    C(nodeMatches), which looks for its constraints unasked). So
    services are made with an empty one, as Docker's CLI does, and keep it; the engine's own rollback then has one too.

    :param before: the service's spec until now, None for a new service. One that has none gets none: the empty one
        differs from it in the engine's eyes, and would keep its tasks from taking new ports.
    """
    template = spec.get("TaskTemplate") or {}
    had = before is None or (before.get("TaskTemplate") or {}).get("Placement") is not None
    if not had or template.get("Placement") is not None:
        return spec
    return {**spec, "TaskTemplate": {**template, "Placement": {}}}


class Specs:
    """Compares specs that name networks in one way or the other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._networks: list[Json] | None = None

    def equal(self, left: Json, right: Json, replicas: bool = True) -> bool:
        """Say whether two ServiceSpecs mean the same.

        :param replicas: whether their numbers of tasks count.
        """
        if self._networks is None:
            self._networks = self._engine.networks()
        complete_networks(self._engine, self._networks, [{"Spec": left}, {"Spec": right}])
        names = {item["Id"]: item["Name"] for item in self._networks}
        one, other = to_tree(left, names), to_tree(right, names)
        return one == other if replicas else without_replicas(one) == without_replicas(other)


def _create(create: t.Callable[[], str], look: t.Callable[[], str | None]) -> str:
    lost = False

    def call() -> str:
        nonlocal lost
        try:
            return create()
        except UNKNOWN:
            lost = True
            raise
        except Conflict:
            found = look() if lost else None
            if found is None:
                raise
            return found

    return until_answered(call, look)
