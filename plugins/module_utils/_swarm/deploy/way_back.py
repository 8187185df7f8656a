# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""The way back of a deploy that failed: the services as they were, and nothing left of what it had made."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ..._errors import OutOfSequence, SwarmError
from ..engine import Engine
from ..live import read_live, read_tasks
from ..model import LABEL_NAMESPACE
from ..plan import Json, LiveState, PlanOptions, plan_stack, to_tree
from ..watch.terms import Expected, Verdict
from ..watch.wait import Listener, Watch, wait
from . import releases
from .apply import TRIES, Applier, remove_object

#: Seconds that the last tasks of a service may take to let go of its networks, configs and secrets.
_PATIENCE = 45.0


@dataclasses.dataclass(frozen=True)
class Back:
    """How the way back ended.

    Attributes:
        now: one sentence on the state that the stack is in.
        outcome: of the release that failed.
        to: number of the release that runs again, 0 for none.
    """

    now: str
    outcome: releases.Outcome
    to: int = 0


@dataclasses.dataclass(frozen=True)
class WayBack:
    """The way back of one deploy.

    Args:
        applier: did the writing that is undone.
        history: releases before the one that failed, oldest first.
        release: the one that failed.
        waits: whether anybody waits for services to run again.
        limit: seconds that they may take.
    """

    applier: Applier
    history: t.Sequence[releases.Release]
    release: releases.Release
    waits: bool
    limit: float
    listener: Listener | None = None

    def go(self) -> Back:
        """Undo what was written, and say what state the stack is in now."""
        good = releases.last_good(self.history)
        head = f"Stack {self.release.stack}: release {self.release.number} failed"
        was = f"release {good.number}" if good else "what was there before"
        try:
            if good is not None and releases.is_unfinished(self.history):
                expected, removed = self._restore(good), set[str]()
            else:
                expected, removed = undo(self.applier)
            verdicts = self._wait(expected) if self.waits and expected else {}
            drop_created(self.applier, removed, {"label": [f"{LABEL_NAMESPACE}={self.release.stack}"]})
        except SwarmError as exc:
            return Back(f"{head} and it could not be rolled back ({exc.message}): the stack is in between.", "broken")
        stuck = [f"{name} ({verdict.reason})" for name, verdict in verdicts.items() if verdict.state != "converged"]
        if stuck:
            running = ", ".join(stuck)
            return Back(f"{head}; its services were set back to {was}, but these do not run: {running}.", "broken")
        to = good.number if good else 0
        if expected:
            return Back(f"{head} and was rolled back: {was} runs.", "failed", to)
        names = sorted(plan.name for plan, service_id in self.applier.applied if service_id in removed)
        gone = f" and its new services were removed ({', '.join(names)})" if names else ""
        return Back(f"{head}{gone}: {was if good else 'nothing of it'} remains.", "failed", to)

    def _restore(self, good: releases.Release) -> list[Expected]:
        """Deploy the last good release: what was there before was itself the rest of a deploy that died half-way."""
        engine, base = self.applier.engine, releases.base_trees([*self.history, self.release])
        live = read_live(engine, good.stack, good.model)
        plan = plan_stack(good.model, live, base, PlanOptions(allow_recreate=True))
        applier = Applier(engine, live, self.applier.auth_of)
        applier.create_objects(item for item in plan.objects if item.kind == "network")
        for item in plan.services:
            applier.apply(item)
        return [applier.expected(item) for item in plan.services if item.action != "remove"]

    def _wait(self, expected: t.Sequence[Expected]) -> dict[str, Verdict]:
        engine = self.applier.engine
        watch = Watch(engine, self.applier.live.networks, read_tasks(engine, (item.service_id for item in expected)))
        return wait(engine, expected, self.limit, watch, listener=self.listener)


def undo(applier: Applier) -> tuple[list[Expected], set[str]]:
    """Bring every service back to what it was; return what to wait for and the ids of services removed.

    Raises:
        EngineError: the engine refused; the stack is then in between.
    """
    expected, removed = [], set()
    for plan, service_id in reversed(applier.applied):
        if plan.action == "create":
            applier.engine.remove_service(service_id)
            removed.add(service_id)
            continue
        back = _back(applier, plan.before, service_id)
        expected.append(Expected(plan.name, back, to_tree(plan.before["Spec"], applier.network_names())))
    return expected, removed


def _back(applier: Applier, live: Json, service_id: str) -> str:
    """Restore one service to I(live) and return its id."""
    engine = applier.engine
    auth = applier.auth_of(live["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])
    current = engine.service(service_id) if service_id else None
    if current is not None and current["ID"] != live["ID"]:
        engine.remove_service(current["ID"])
        current = None
    if current is None:
        return engine.create_service(live["Spec"], auth)
    for _attempt in range(TRIES):
        if to_tree(current["Spec"]) == to_tree(live["Spec"]):
            break  # the engine went back by itself
        try:
            engine.update_service(current["ID"], current["Version"]["Index"], live["Spec"], auth)
            break
        except OutOfSequence:
            current = engine.service(current["ID"]) or current
    return str(current["ID"])


def drop_created(applier: Applier, removed: t.AbstractSet[str], tasks: t.Mapping[str, list[str]]) -> None:
    """Remove the objects that an applier made, as far as nothing uses them.

    Args:
        removed: ids of the services that M(undo) removed.
        tasks: filter that finds the tasks of those services.
    """
    if applier.created and removed:
        _wait_ended(applier.engine, applier.live, removed, tasks)
    for plan in reversed(applier.created):
        if remove_object(applier.engine, plan.kind, plan.object_id, _PATIENCE) and plan.kind == "network":
            _wait_gone(applier.engine, plan.object_id)


def _wait_ended(engine: Engine, live: LiveState, removed: t.AbstractSet[str], tasks: t.Mapping[str, list[str]]) -> None:
    """Wait for the last tasks of the services that were removed.

    A task that its node prepares goes on when its service is removed, and makes its networks there anew.
    """
    down = {node["ID"] for node in live.nodes if node["Status"]["State"] == "down"}
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and any(
        task.get("ServiceID") in removed and task.get("NodeID") not in down for task in engine.tasks(tasks)
    ):
        time.sleep(0.3)


def _wait_gone(engine: Engine, network_id: str) -> None:
    """Wait until the manager has forgotten a network that was removed: its last tasks hold it, and the next deploy
    would stumble over it."""
    deadline = time.monotonic() + _PATIENCE
    while engine.network(network_id) is not None and time.monotonic() < deadline:
        time.sleep(0.3)
