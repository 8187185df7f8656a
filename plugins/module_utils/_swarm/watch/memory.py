# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has been seen of some services so far, look by look; the engine forgets sooner.

The swarm keeps so many tasks of a slot as C(docker swarm update --task-history-limit) says, counting the one that runs,
and drops the others a quarter of a second after it has made a new one (swarmkit
C(manager/orchestrator/taskreaper/task_reaper.go), C(tick)); a service with C(MaxAttempts) keeps one more than these,
whatever the limit, and a job all of its present iteration. A dropped task is gone with its logs. With a limit of 1 or 0
a crash loop therefore never shows two failures at a time; so ends are counted here, by the ids of tasks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import typing as t

from ..._diff import Tree
from ..._errors import EngineError
from ..engine import Engine
from ..live import complete_networks
from ..nodes import name_of
from ..plan import Json, to_tree
from ..tasks import (
    COMPLETE,
    container_of,
    created,
    has_completed,
    has_ended,
    has_failed,
    is_running,
    is_wanted,
    latest,
    slot_of,
    state_of,
)
from .report import LOG_LINES
from .terms import Expected, Seen, Verdict
from .verdict import age, judge, task_fingerprint


@dataclasses.dataclass
class Look:
    """One reading of services, tasks and nodes.

    :ivar complete: I(tasks) holds the history of the slots too, not only what should run now.
    """

    services: list[Json]
    tasks: list[Json]
    nodes: list[Json]
    complete: bool = True


@dataclasses.dataclass(frozen=True)
class Move:
    """A task that came to another state. Failures are no moves: they are problems of the verdict.

    :ivar slot: number of the replica, or id of the node.
    :ivar node: host name, "" while the task has none.
    """

    slot: str
    node: str
    state: str


#: Attributes of the events of a task's container.
_TASK_ID, _TASK_NAME, _SERVICE_ID, _NODE_ID = (
    f"com.docker.swarm.{name}" for name in ("task.id", "task.name", "service.id", "node.id")
)
#: Tasks whose last words are read ahead.
_LISTENED = 10
#: States that a user wants to hear of; a task passes the others in no time.
_REPORTED = ("preparing", "starting", "running", "complete", "shutdown")


class Watch:
    """What has been seen of some services so far.

    :param networks: networks as read before, to turn ids into names.
    :param before: tasks with their history as read before anything was written; without it the first complete look
        stands in for it.
    :ivar moves: name of a service → what its tasks did between the last look and the one before it.
    :ivar forgets: the engine has forgotten tasks that were seen, so the next failure must be looked at soon.
    """

    def __init__(self, engine: Engine, networks: t.Sequence[Json], before: t.Sequence[Json] | None = None) -> None:
        self.engine = engine
        self._networks = list(networks)
        self._specs: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._first = True
        self._states: dict[str, str] = {}
        self.moves: dict[str, list[Move]] = {}
        self._old_ends = None if before is None else _ended(before)
        self._known: dict[str, dict[str, Json]] = {}
        self._deaths: dict[str, Json] = {}
        self._words: dict[str, tuple[str, ...]] = {}
        self.forgets = False

    def judge(self, expected: t.Sequence[Expected], look: Look, now: float) -> dict[str, Verdict]:
        """Return the verdict on each service after one more look."""
        complete_networks(self.engine, self._networks, look.services)
        names = {item["Id"]: item["Name"] for item in self._networks}
        wall = datetime.datetime.now(datetime.timezone.utc)
        by_service: dict[str, list[Json]] = {}
        for task in look.tasks:
            by_service.setdefault(task.get("ServiceID", ""), []).append(task)
            self._known.setdefault(task.get("ServiceID", ""), {})[task["ID"]] = task
            if task["ID"] not in self._specs:
                self._specs[task["ID"]] = task_fingerprint(task, names)
            if is_running(task) and task["ID"] not in self._since:
                # A task that ran before we came has a past; one that starts under our eyes has none.
                self._since[task["ID"]] = now - (age(task, wall) if self._first else 0.0)
        hosts = {node["ID"]: name_of(node) for node in look.nodes}
        self.moves = {item.name: self._moved(by_service.get(item.service_id, []), hosts) for item in expected}
        self._first = False
        if self._old_ends is None and look.complete:
            self._old_ends = _ended(look.tasks)
        services = {service["ID"]: service for service in look.services}
        verdicts = {}
        for item in expected:
            service = services.get(item.service_id)
            tree: Tree = to_tree(service["Spec"], names) if service else {}
            tasks = by_service.get(item.service_id, [])
            old = self._old_ends or frozenset()
            forgotten = self._forgotten(service, tasks, names) if service and look.complete else []
            self._listen_to([task for task in tasks if task["ID"] not in old])
            seen = Seen(service, tree, tasks, look.nodes, self._specs, self._since, old, forgotten, self._words)
            verdicts[item.name] = judge(item, seen, now)
        return verdicts

    def heard(self, event: Json) -> None:
        """Take note of an event: a container of this very node that ended may be all that is ever known of a task."""
        attributes = (event.get("Actor") or {}).get("Attributes") or {}
        if event.get("Action") == "die" and _TASK_ID in attributes:
            self._deaths[attributes[_TASK_ID]] = event

    def _forgotten(self, service: Json, tasks: t.Sequence[Json], names: t.Mapping[str, str]) -> list[Json]:
        """Return the tasks that ended since the first look and that the engine shows no more."""
        known = self._known.get(service["ID"], {})
        present, newest = {task["ID"] for task in tasks}, latest(tasks)
        gone = []
        for task_id, task in known.items():
            if task_id in present:
                continue
            follower = newest.get(slot_of(task))
            if has_ended(task):
                gone.append(task)
            elif is_wanted(task) and follower is not None and created(follower) > created(task):
                gone.append(_end(task, self._deaths.get(task_id)))
        for task_id, event in list(self._deaths.items()):
            attributes = event["Actor"]["Attributes"]
            if task_id not in known and attributes.get(_SERVICE_ID) == service["ID"]:
                gone.append(_end(_never_seen(service, task_id, event), event))
                self._specs.setdefault(task_id, task_fingerprint(gone[-1], names))
        self.forgets = self.forgets or bool(gone and tasks)
        return gone

    def _listen_to(self, tasks: t.Iterable[Json]) -> None:
        """Read the last words of tasks that ended, where the engine will soon have forgotten them."""
        for task in tasks if self.forgets else ():
            enough = len(self._words) >= _LISTENED or task["ID"] in self._words
            if not enough and container_of(task) and (has_failed(task) or has_completed(task)):
                with contextlib.suppress(EngineError):  # it was forgotten meanwhile: the next one will do
                    self._words[task["ID"]] = tuple(self.engine.task_logs(task["ID"], LOG_LINES))

    def _moved(self, tasks: t.Iterable[Json], hosts: t.Mapping[str, str]) -> list[Move]:
        """Return what tasks did since the last look; at the first one that is unknown."""
        moves = []
        for task in sorted(tasks, key=lambda item: str(item["Status"].get("Timestamp", ""))):
            state = state_of(task)
            if self._states.get(task["ID"]) != state and state in _REPORTED and not self._first:
                moves.append(Move(slot_of(task), hosts.get(task.get("NodeID", ""), ""), state))
            self._states[task["ID"]] = state
        return moves


def _ended(tasks: t.Iterable[Json]) -> frozenset[str]:
    return frozenset(task["ID"] for task in tasks if has_ended(task))


def _end(task: Json, death: Json | None) -> Json:
    """Return a task as it must have ended; I(death) is the event of its container, None when there was none."""
    status = dict(task.get("Status") or {})
    if death is None:
        status.update(State="failed", Err="it ended, and the swarm forgot it before that was seen")
        status.pop("ContainerStatus", None)
    else:
        code = int(death["Actor"]["Attributes"].get("exitCode") or 0)
        status.update(State="failed", Err=f"task: non-zero exit ({code})") if code else status.update(State=COMPLETE)
        status["ContainerStatus"] = {"ContainerID": death["Actor"].get("ID", ""), "ExitCode": code}
    return {**task, "Status": status, "DesiredState": "shutdown"}


def _never_seen(service: Json, task_id: str, death: Json) -> Json:
    """Return what is known of a task that came and went between two looks: new tasks are of the service's own spec."""
    attributes = death["Actor"]["Attributes"]
    slot = str(attributes.get(_TASK_NAME, "")).rsplit(".", 2)[-2:][0]
    moment = datetime.datetime.fromtimestamp(float(death.get("time") or 0), datetime.timezone.utc)
    return {
        "ID": task_id,
        "ServiceID": service["ID"],
        "Slot": int(slot) if slot.isdigit() else 0,
        "NodeID": attributes.get(_NODE_ID, ""),
        "CreatedAt": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Spec": service["Spec"]["TaskTemplate"],
        "Status": {},
    }
