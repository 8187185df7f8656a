# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Emptying a node without an outage.

The engine's own drain stops tasks first and starts their replacements afterwards. Here each service first gets a
constraint that keeps it off the node: that moves only its tasks on that node, by its update order, new task first. The
node is drained once nothing is left to interrupt, and the constraint goes again, which restarts nothing.
"""

from __future__ import annotations

import copy
import dataclasses
import time
import typing as t

from ..._errors import EngineUnreachable, OutOfSequence, PlanRefused
from .. import nodes as node_facts
from .. import tasks as task_facts
from ..engine import Engine
from ..live import complete_networks
from ..plan import Json, running, to_tree
from ..plan.ports import published
from ..watch.memory import Watch
from ..watch.terms import Expected, Verdict
from ..watch.wait import Listener, wait

_TRIES = 4


@dataclasses.dataclass
class Drained:
    """What a drain did.

    Attributes:
        moved: services whose tasks moved away before the node was drained.
        stuck: service → why its tasks could not move; they stop with the node.
    """

    moved: list[str] = dataclasses.field(default_factory=list)
    stuck: dict[str, str] = dataclasses.field(default_factory=dict)


def keep_off(node_id: str) -> str:
    """Return the constraint that keeps a service off a node."""
    return f"node.id!={node_id}"


def movable(engine_nodes: t.Sequence[Json], service: Json, node_id: str, taken: t.AbstractSet[str]) -> str:
    """Say why the tasks of a service cannot leave a node, "" when they can (pure).

    Args:
        taken: ids of nodes that run a task of the service already.
    """
    spec = service["Spec"]
    if (spec.get("Mode") or {}).get("Replicated") is None:
        return "it is no replicated service: its task belongs to the node"
    others = [node for node in node_facts.eligible(engine_nodes, spec["TaskTemplate"]) if node["ID"] != node_id]
    if not others:
        return "no other node may run it"
    if published(spec).host and not [node for node in others if node["ID"] not in taken]:
        return "every other node that may run it has one of its tasks on the same host port"
    return ""


def shifted(spec: Json, node_id: str) -> Json:
    """Return a copy of a ServiceSpec that is kept off a node and replaces tasks new one first (pure)."""
    spec = copy.deepcopy(spec)
    placement = spec["TaskTemplate"].setdefault("Placement", {})
    constraints = placement.get("Constraints") or []
    placement["Constraints"] = [item for item in constraints if item != keep_off(node_id)] + [keep_off(node_id)]
    spec["UpdateConfig"] = {**(spec.get("UpdateConfig") or {}), "Order": "start-first", "FailureAction": "pause"}
    return spec


def unshifted(spec: Json, node_id: str, before: Json | None) -> Json:
    """Return a copy of a live spec without what M(shifted) did (pure).

    Args:
        before: the spec from before, None when it is not known any more (the drain was interrupted).
    """
    spec = copy.deepcopy(spec)
    placement = spec["TaskTemplate"].get("Placement") or {}
    left = [item for item in placement.get("Constraints") or [] if item != keep_off(node_id)]
    placement.pop("Constraints", None)
    if left:
        placement["Constraints"] = left
    if before is not None:
        old = (before["TaskTemplate"].get("Placement"), before.get("UpdateConfig"))
        if old[0] is None and not placement:
            spec["TaskTemplate"].pop("Placement", None)
        spec.pop("UpdateConfig", None)
        if old[1] is not None:
            spec["UpdateConfig"] = old[1]
    return spec


def drain(engine: Engine, node: Json, timeout: float, force: bool = False, listener: Listener | None = None) -> Drained:
    """Move the replicated tasks of a node away, then drain it and wait until it is empty.

    Args:
        timeout: seconds.
        force: drain the node although some tasks cannot move first.

    Raises:
        PlanRefused: some tasks cannot move, and nothing was changed for them; the node takes tasks as before.
        EngineUnreachable: the node still has tasks when the time is up.
    """
    deadline = time.monotonic() + timeout
    was = (node.get("Spec") or {}).get("Availability", "active")
    if was == "active":
        set_availability(engine, node["ID"], "pause")  # nothing new may land here meanwhile
    done = Drained()
    if node_facts.is_up(node):
        done = _move_all(engine, node, deadline, listener)
        if done.stuck and not force:
            set_availability(engine, node["ID"], was)
            text = "; ".join(f"{name}: {why}" for name, why in sorted(done.stuck.items()))
            raise PlanRefused(
                f"Node {node_facts.name_of(node)} cannot be drained without stopping services: {text}. "
                "Make room for them, or use force: true."
            )
    set_availability(engine, node["ID"], "drain")
    while left := [task for task in engine.tasks({"node": [node["ID"]]}) if _holds(task, node)]:
        if time.monotonic() >= deadline:
            raise EngineUnreachable(f"Node {node_facts.name_of(node)} still has {len(left)} tasks after {timeout:g} s")
        time.sleep(0.3)
    release(engine, node["ID"])
    return done


def _holds(task: Json, node: Json) -> bool:
    """Say whether a task still occupies the node; of a dead node nothing more can be learnt."""
    return node_facts.is_up(node) and not task_facts.has_ended(task)


def _move_all(engine: Engine, node: Json, deadline: float, listener: Listener | None) -> Drained:
    nodes, services = engine.nodes(), {item["ID"]: item for item in engine.services()}
    tasks = engine.tasks(task_facts.SHOULD_RUN)
    here = {task["ServiceID"] for task in tasks if task.get("NodeID") == node["ID"] and task.get("ServiceID")}
    done = Drained()
    movers: list[Json] = []
    for service in (services[service_id] for service_id in sorted(here) if service_id in services):
        own = running(tasks, service["ID"])
        if not any(task.get("NodeID") == node["ID"] for task in own):
            continue
        taken = {str(task.get("NodeID")) for task in own}
        why = movable(nodes, service, node["ID"], taken)
        if not why:
            movers.append(service)
        elif (service["Spec"].get("Mode") or {}).get("Replicated") is not None:
            done.stuck[service["Spec"]["Name"]] = why
    if done.stuck:
        return done
    # Services are moved one at a time: a whole node's load at once is what an outage looks like.
    networks = engine.networks()
    for service in movers:
        verdict = _move(engine, service, node["ID"], networks, max(1.0, deadline - time.monotonic()), listener)
        name = service["Spec"]["Name"]
        if verdict.state == "converged":
            done.moved.append(name)
        else:
            done.stuck[name] = verdict.reason
    return done


def _move(
    engine: Engine, service: Json, node_id: str, networks: list[Json], timeout: float, listener: Listener | None
) -> Verdict:
    complete_networks(engine, networks, [service])
    own = {"service": [service["ID"]]}
    watch = Watch(engine, networks, engine.tasks(own))
    _write(engine, service, lambda spec: shifted(spec, node_id))
    names = {item["Id"]: item["Name"] for item in networks}
    expected = Expected(
        service["Spec"]["Name"],
        service["ID"],
        to_tree(shifted(service["Spec"], node_id), names),
        frozenset(task["ID"] for task in engine.tasks({**own, "node": [node_id], **task_facts.SHOULD_RUN})),
    )
    verdict = wait(engine, [expected], timeout, watch, listener=listener)
    _write(engine, service, lambda spec: unshifted(spec, node_id, service["Spec"]))
    return verdict[expected.name]


def release(engine: Engine, node_id: str) -> list[str]:
    """Take constraints away that an interrupted drain of a node has left behind; return the services' names."""
    left = [
        service
        for service in engine.services()
        if keep_off(node_id) in ((service["Spec"]["TaskTemplate"].get("Placement") or {}).get("Constraints") or [])
    ]
    for service in left:
        _write(engine, service, lambda spec: unshifted(spec, node_id, None))
    return [str(service["Spec"]["Name"]) for service in left]


def _write(engine: Engine, service: Json, change: t.Callable[[Json], Json]) -> None:
    current: Json | None = service
    for _attempt in range(_TRIES):
        try:
            if current is not None:
                engine.update_service(current["ID"], current["Version"]["Index"], change(current["Spec"]))
            return
        except OutOfSequence:
            current = engine.service(service["ID"])
    raise PlanRefused(f"Service {service['Spec']['Name']} is being written to all the time by somebody else.")


def set_availability(engine: Engine, node_id: str, availability: str) -> bool:
    """Set the availability of a node; False when it has it already."""
    return change_node(engine, node_id, lambda spec: {**spec, "Availability": availability})


def change_node(engine: Engine, node_id: str, change: t.Callable[[Json], Json]) -> bool:
    """Change the spec of a node; False when it is as wanted already.

    Raises:
        PlanRefused: there is no such node, or somebody else writes to it all the time.
    """
    for _attempt in range(_TRIES):
        node = next((item for item in engine.nodes() if item["ID"] == node_id), None)
        if node is None:
            raise PlanRefused(f"There is no node {node_id} in the swarm.")
        wanted = change(copy.deepcopy(node["Spec"]))
        if wanted == node["Spec"]:
            return False
        try:
            engine.update_node(node_id, node["Version"]["Index"], wanted)
            return True
        except OutOfSequence:
            continue
    raise PlanRefused(f"Node {node_id} is being written to all the time by somebody else.")
