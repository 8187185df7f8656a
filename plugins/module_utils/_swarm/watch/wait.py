# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Waiting for services: one loop for all of them, woken by the engine's events, with a slow poll as a safety net.

The engine has no events for tasks on other nodes, so while tasks are on the move the loop looks often; once all run it
sleeps until the last of them has been stable for long enough.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import threading
import time
import typing as t

from ..._diff import Tree
from ..._errors import EngineError
from ..engine import Engine
from ..live import complete_networks, read_tasks
from ..nodes import name_of
from ..plan import Json, to_tree
from ..tasks import has_failed, is_running, slot_of, state_of
from .terms import Expected, Seen, Verdict
from .verdict import age, judge, task_fingerprint

FAST, SLOW = 0.2, 1.0
_NODES_EVERY = 5.0
_EVENTS = {
    "type": ["service", "node", "container"],
    "event": ["create", "update", "remove", "start", "die", "health_status"],
}


@dataclasses.dataclass
class Look:
    """One reading of services, tasks and nodes.

    Attributes:
        complete: I(tasks) holds the history of the slots too, not only what should run now.
    """

    services: list[Json]
    tasks: list[Json]
    nodes: list[Json]
    complete: bool = True


@dataclasses.dataclass(frozen=True)
class Move:
    """A task that came to another state. Failures are no moves: they are problems of the verdict.

    Attributes:
        slot: number of the replica, or id of the node.
        node: host name, "" while the task has none.
    """

    slot: str
    node: str
    state: str


#: Told the name of a service, the verdict on it, and what its tasks have done since the last time.
Listener = t.Callable[[str, Verdict, t.Sequence[Move]], None]

#: States that a user wants to hear of; a task passes the others in no time.
_TOLD = ("preparing", "starting", "running", "complete", "shutdown")


class Watch:
    """What has been seen of some services so far.

    Args:
        networks: networks as read before, to turn ids into names.
        before: tasks with their history as read before anything was written; without it the first complete look
            stands in for it.

    Attributes:
        moves: name of a service → what its tasks did between the last look and the one before it.
    """

    def __init__(self, engine: Engine, networks: t.Sequence[Json], before: t.Sequence[Json] | None = None) -> None:
        self._engine = engine
        self._networks = list(networks)
        self._specs: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._first = True
        self._states: dict[str, str] = {}
        self.moves: dict[str, list[Move]] = {}
        self._old_failures = None if before is None else _failed(before)

    def judge(self, expected: t.Sequence[Expected], look: Look, now: float) -> dict[str, Verdict]:
        """Return the verdict on each service after one more look."""
        complete_networks(self._engine, self._networks, look.services)
        names = {item["Id"]: item["Name"] for item in self._networks}
        wall = datetime.datetime.now(datetime.timezone.utc)
        by_service: dict[str, list[Json]] = {}
        for task in look.tasks:
            by_service.setdefault(task.get("ServiceID", ""), []).append(task)
            if task["ID"] not in self._specs:
                self._specs[task["ID"]] = task_fingerprint(task, names)
            if is_running(task) and task["ID"] not in self._since:
                # A task that ran before we came has a past; one that starts under our eyes has none.
                self._since[task["ID"]] = now - (age(task, wall) if self._first else 0.0)
        hosts = {node["ID"]: name_of(node) for node in look.nodes}
        self.moves = {item.name: self._moved(by_service.get(item.service_id, []), hosts) for item in expected}
        self._first = False
        if self._old_failures is None and look.complete:
            self._old_failures = _failed(look.tasks)
        services = {service["ID"]: service for service in look.services}
        verdicts = {}
        for item in expected:
            service = services.get(item.service_id)
            tree: Tree = to_tree(service["Spec"], names) if service else {}
            tasks = by_service.get(item.service_id, [])
            old = self._old_failures or frozenset()
            seen = Seen(service, tree, tasks, look.nodes, self._specs, self._since, old)
            verdicts[item.name] = judge(item, seen, now)
        return verdicts

    def _moved(self, tasks: t.Iterable[Json], hosts: t.Mapping[str, str]) -> list[Move]:
        """Return what tasks did since the last look; at the first one that is unknown."""
        moves = []
        for task in sorted(tasks, key=lambda item: str(item["Status"].get("Timestamp", ""))):
            state = state_of(task)
            if self._states.get(task["ID"]) != state and state in _TOLD and not self._first:
                moves.append(Move(slot_of(task), hosts.get(task.get("NodeID", ""), ""), state))
            self._states[task["ID"]] = state
        return moves


def wait(
    engine: Engine,
    expected: t.Sequence[Expected],
    timeout: float,
    watch: Watch,
    first: Look | None = None,
    listener: Listener | None = None,
    patience: float | None = None,
) -> dict[str, Verdict]:
    """Wait until every service has converged, one has failed, or the time is up.

    Args:
        timeout: seconds.
        patience: seconds without any progress after which the time is up too; None for no such limit.
        watch: carries what was seen from one wait to the next.
        first: a reading that was just made, to save a request where nothing is to be waited for.
        listener: told each time the verdict on a service changes or one of its tasks moves.

    Returns:
        Name → verdict. C(progressing) is only found beside a failure: what has not converged in time has failed.
    """
    deadline = time.monotonic() + timeout
    engine = engine.at_once()
    told: dict[str, tuple[t.Any, ...]] = {}
    pause, before, look = FAST, "", first
    moved = time.monotonic()
    nodes: list[Json] = list(first.nodes) if first else []
    nodes_read = time.monotonic() if first else 0.0
    trouble: EngineError | None = None
    verdicts: dict[str, Verdict] = {}
    ids = [item.service_id for item in expected if item.service_id]
    with _Bell(engine) as bell:
        while True:
            try:
                if look is None:
                    if time.monotonic() - nodes_read >= _NODES_EVERY:
                        nodes, nodes_read = engine.nodes(), time.monotonic()
                    services = engine.services({"id": ids}) if ids else []
                    look = Look(services, read_tasks(engine, [service["ID"] for service in services]), nodes)
                now = time.monotonic()
                verdicts = watch.judge(expected, look, now)
                trouble = None
            except EngineError as exc:
                # A manager that loses its leader answers with errors for some seconds.
                trouble, now = exc, time.monotonic()
            look = None
            _tell(verdicts, watch.moves if trouble is None else {}, told, listener)
            states = {verdict.state for verdict in verdicts.values()}
            if trouble is None and ("failed" in states or "progressing" not in states):
                return _settle(verdicts, None)
            if now >= deadline:
                return _settle(verdicts, trouble, expected, f"not converged within {timeout:g} s")
            pause, after = _pace(verdicts, pause, before)
            if after != before or _only_watched(verdicts):
                before, moved = after, now
            elif patience is not None and now - moved >= patience:
                return _settle(verdicts, trouble, expected, f"no progress for {patience:g} s")
            bell.wait_for(min(pause, deadline - now, *_alarms(verdicts)))


def _failed(tasks: t.Iterable[Json]) -> frozenset[str]:
    return frozenset(task["ID"] for task in tasks if has_failed(task))


def _alarms(verdicts: t.Mapping[str, Verdict]) -> list[float]:
    """Return when time alone will change the verdict: only if every open service waits for nothing else."""
    still = [verdict for verdict in verdicts.values() if verdict.state == "progressing"]
    return [max(0.02, verdict.look_again) for verdict in still if verdict.look_again is not None] or [SLOW]


def _pace(verdicts: t.Mapping[str, Verdict], pause: float, before: str) -> tuple[float, str]:
    """Look often while something moves, seldom while nothing does."""
    picture = json.dumps([[name, verdict.running, verdict.reason] for name, verdict in sorted(verdicts.items())])
    return (FAST if picture != before else min(SLOW, pause * 1.5)), picture


def _only_watched(verdicts: t.Mapping[str, Verdict]) -> bool:
    """Say whether all that is open runs already, and time alone decides."""
    return all(verdict.look_again is not None for verdict in verdicts.values() if verdict.state == "progressing")


def _tell(
    verdicts: t.Mapping[str, Verdict],
    moves: t.Mapping[str, t.Sequence[Move]],
    told: dict[str, tuple[t.Any, ...]],
    listener: Listener | None,
) -> None:
    for name, verdict in verdicts.items():
        problems = [(problem.task_id, problem.state) for problem in verdict.problems]
        picture = (verdict.state, verdict.reason, problems)
        if listener is not None and (told.get(name) != picture or moves.get(name)):
            listener(name, verdict, moves.get(name, ()))
        told[name] = picture


def _settle(
    verdicts: t.Mapping[str, Verdict],
    trouble: EngineError | None,
    expected: t.Sequence[Expected] = (),
    why: str = "",
) -> dict[str, Verdict]:
    """Turn what is still open into failures once the time is up; while others failed it simply was not finished."""
    settled = dict(verdicts)
    for item in expected:
        verdict = settled.get(item.name)
        if verdict is None or (trouble is not None and verdict.state != "failed"):
            reason = f"{why}: {trouble.message if trouble else 'nothing was seen of it'}"
            settled[item.name] = Verdict("failed", reason, cause="deadline")
        elif verdict.state == "progressing":
            reason = f"{why}: {verdict.reason}"
            settled[item.name] = dataclasses.replace(verdict, state="failed", reason=reason, cause="deadline")
    return settled


class _Bell:
    """Rings when the engine reports an event of a service, node or container; silent when it cannot listen."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rung = threading.Event()
        self._listening = False

    def __enter__(self) -> _Bell:
        return self

    def __exit__(self, *dummy: object) -> None:
        self._rung.set()

    def wait_for(self, seconds: float) -> None:
        """Sleep for I(seconds), or until an event."""
        if not self._listening:
            self._listening = True
            threading.Thread(target=self._listen, daemon=True).start()
        if self._rung.wait(max(0.0, seconds)):
            self._rung.clear()
            time.sleep(0.02)  # events come in swarms: let the rest of them arrive

    def _listen(self) -> None:
        try:
            session = Engine(self._engine.host)
            for _event in session.events(_EVENTS):
                self._rung.set()
        except Exception:
            return  # the poll goes on without events, whatever became of the stream
