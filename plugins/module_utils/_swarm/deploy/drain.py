# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emptying a node without an outage.

The engine's own drain stops all tasks at once and starts their replacements afterwards. Here each service first gets
constraints that keep it off the node (C(marks.py)): that moves only its tasks on that node, in its own update order, as
many at a time as its updates replace. The node is drained once nothing is left to interrupt. The constraints go again
as soon as the service has moved, which restarts nothing (swarmkit C(manager/orchestrator/task.go), C(IsTaskDirty)).
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import typing as t

from ..._errors import EngineUnreachable, NotFound, PlanRefused, SwarmError
from ..._words import seconds
from .. import nodes as node_facts
from .. import tasks as task_facts
from .. import writes
from ..engine import Engine
from ..live import complete_networks, read_tasks
from ..marks import is_marked, shifted, unshifted
from ..model import namespace_of
from ..plan import Json, running, to_tree
from ..plan.ports import published
from ..plan.rewrite import REPEATS, goes_on, may_end, repeats
from ..retry import is_passing, until_answered
from ..watch.memory import Watch
from ..watch.terms import Expected, Verdict
from ..watch.wait import Listener, Waiting, wait
from . import holders


@dataclasses.dataclass
class Drained:
    """What a drain did.

    :ivar moved: services whose tasks moved away before the node was drained.
    :ivar stuck: service → why its tasks could not move; they stop with the node.
    """

    moved: list[str] = dataclasses.field(default_factory=list)
    stuck: dict[str, str] = dataclasses.field(default_factory=dict)


def movable(engine_nodes: t.Sequence[Json], service: Json, node_id: str, taken: t.AbstractSet[str]) -> str:
    """Say why the tasks of a service cannot leave a node, "" when they can (pure).

    :param taken: ids of nodes that run a task of the service already.
    """
    spec = service["Spec"]
    if (spec.get("Mode") or {}).get("Replicated") is None:
        return "it is not a replicated service: its task belongs to the node"
    others = [node for node in node_facts.eligible(engine_nodes, spec["TaskTemplate"]) if node["ID"] != node_id]
    if not others:
        return "no other node may run it"
    if published(spec).host and not [node for node in others if node["ID"] not in taken]:
        return "every other node that may run it has one of its tasks on the same host port"
    return ""


def drain(engine: Engine, node: Json, timeout: float, force: bool = False, listener: Listener | None = None) -> Drained:
    """Move the replicated tasks of a node away, then drain it and wait until it is empty.

    Services whose stack is being deployed are waited for. Should this end before the node is drained, the node is as
    available as it was before, and no service is kept off it any more.

    :param timeout: seconds.
    :param force: drain the node although some tasks cannot move first.
    :raises PlanRefused: some tasks cannot move, or their stack is being deployed; the node takes tasks as before.
    :raises EngineUnreachable: the node still has tasks when the time is up.
    """
    deadline = time.monotonic() + timeout
    was = (node.get("Spec") or {}).get("Availability", "active")
    try:
        if was == "active":
            set_availability(engine, node["ID"], "pause")  # nothing new may land here meanwhile
        done = _move_all(engine, node, deadline, listener) if node_facts.is_up(node) else Drained()
        if done.stuck and not force:
            text = "; ".join(f"{name}: {why}" for name, why in sorted(done.stuck.items()))
            raise PlanRefused(
                f"Node {node_facts.name_of(node)} cannot be drained without stopping services: {text}. "
                "Make room for them, or use force: true."
            )
        set_availability(engine, node["ID"], "drain")
    except BaseException:
        with contextlib.suppress(SwarmError):  # an engine that is gone is told by the error itself
            set_availability(engine, node["ID"], was)
        raise
    while left := [task for task in engine.tasks({"node": [node["ID"]]}) if _holds(task, node)]:
        if time.monotonic() >= deadline:
            raise EngineUnreachable(
                f"Node {node_facts.name_of(node)} still has {len(left)} tasks after {seconds(timeout)}"
            )
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
        if not why and goes_on(service, own):
            why = "its last update is paused, and would go on"
        if not why and _repeats(engine, service):
            why = REPEATS
        if not why:
            movers.append(service)
        elif (service["Spec"].get("Mode") or {}).get("Replicated") is not None:
            done.stuck[service["Spec"]["Name"]] = why
    if done.stuck:
        return done
    # Services are moved one at a time: a whole node's load at once is what an outage looks like.
    networks = engine.networks()
    for service in movers:
        why = _move(engine, service, node["ID"], networks, deadline, listener)
        if why:
            done.stuck[service["Spec"]["Name"]] = why
        else:
            done.moved.append(service["Spec"]["Name"])
    return done


def _move(
    engine: Engine, service: Json, node_id: str, networks: list[Json], deadline: float, listener: Listener | None
) -> str:
    """Move the tasks of one service away from a node; say why that did not work, "" when it did."""
    while True:
        held_by = _wait_for_deploy(engine, namespace_of(service["Spec"]), deadline)
        if held_by:
            return f"its stack is being deployed by {held_by}"
        found = engine.service(service["ID"])
        if found is None:  # removed, by a deploy as a rule
            return ""
        verdict = _keep_off(engine, found, node_id, networks, max(1.0, deadline - time.monotonic()), listener)
        if verdict.state == "converged":
            return ""
        # A deploy that began meanwhile has written over the constraints, or removed the service: once more, then.
        if verdict.cause != "foreign" or time.monotonic() >= deadline:
            return verdict.reason


def _wait_for_deploy(engine: Engine, stack: str, deadline: float) -> str:
    """Wait until nobody deploys a stack; say who still does when the time is up."""
    while True:
        held_by = until_answered(lambda: holders.deploying(engine, stack))
        if not held_by or time.monotonic() >= deadline:
            return held_by
        time.sleep(min(1.0, max(0.05, deadline - time.monotonic())))


def _keep_off(
    engine: Engine, service: Json, node_id: str, networks: list[Json], timeout: float, listener: Listener | None
) -> Verdict:
    """Keep a service off a node until its tasks run elsewhere; whatever becomes of that, the constraints go again."""
    service_id, name = service["ID"], service["Spec"]["Name"]
    complete_networks(engine, networks, [service])
    tasks = read_tasks(engine, [service_id])
    here = frozenset(task["ID"] for task in running(tasks, service_id) if task.get("NodeID") == node_id)
    tree = to_tree(service["Spec"], {item["Id"]: item["Name"] for item in networks})
    watch = Watch(engine, networks, tasks)
    try:
        writes.write_service(engine, service, lambda live: shifted(live["Spec"], node_id))
        return wait(watch, [Expected(name, service_id, tree, here)], Waiting(timeout, listener=listener))[name]
    except NotFound:
        return Verdict("failed", "somebody removed the service", cause="foreign")
    finally:
        _let_back(engine, service_id, node_id)


def _let_back(engine: Engine, service_id: str, node_id: str) -> bool:
    """Take the constraints of a drain away from a service; False when it had none, keeps them, or is gone.

    It keeps them when the write would run again what has ended meanwhile; they count for nothing then.
    """
    service = until_answered(lambda: engine.service(service_id), again=is_passing)
    if service is None or not is_marked(service["Spec"], node_id) or _repeats(engine, service):
        return False
    with contextlib.suppress(NotFound):
        writes.write_service(engine, service, lambda live: unshifted(live["Spec"], node_id))
    return True


def _repeats(engine: Engine, service: Json) -> bool:
    """Say whether a write of a service would run again what has ended for good."""
    return may_end(service["Spec"]) and repeats(service["Spec"], read_tasks(engine, [service["ID"]]))


def release(engine: Engine, node_id: str) -> list[str]:
    """Take constraints away that an interrupted drain of a node has left behind; return the services' names."""
    left = [service for service in engine.services() if is_marked(service["Spec"], node_id)]
    return [str(service["Spec"]["Name"]) for service in left if _let_back(engine, service["ID"], node_id)]


def set_availability(engine: Engine, node_id: str, availability: str) -> bool:
    """Set the availability of a node; False when it has it already."""
    return writes.write_node(engine, node_id, lambda spec: {**spec, "Availability": availability})
