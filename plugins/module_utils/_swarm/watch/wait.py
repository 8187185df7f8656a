# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for services: one loop for all of them, woken by the engine's events, with a slow poll as a safety net.

The engine has no events for tasks on other nodes, so while tasks are on the move the loop looks often; once all run it
sleeps until the last of them has been stable for long enough.
"""

from __future__ import annotations

import dataclasses
import json
import threading
import time
import typing as t

from ..._errors import EngineError
from ..._words import seconds
from ..engine import Engine
from ..live import read_tasks
from ..plan import Json
from .memory import Look, Move, Watch
from .terms import Expected, Verdict

FAST, SLOW = 0.2, 1.0
_NODES_EVERY = 5.0
_EVENTS = {
    "type": ["service", "node", "container"],
    "event": ["create", "update", "remove", "start", "die", "health_status"],
}


#: Told the name of a service, the verdict on it, and what its tasks have done since the last time.
Listener = t.Callable[[str, Verdict, t.Sequence[Move]], None]


@dataclasses.dataclass(frozen=True)
class Waiting:
    """How long is waited, and who hears of it.

    :ivar timeout: seconds.
    :ivar patience: seconds without any progress after which the time is up too; None for no such limit.
    :ivar listener: told each time the verdict on a service changes or one of its tasks moves.
    """

    timeout: float
    patience: float | None = None
    listener: Listener | None = None


def wait(
    watch: Watch, expected: t.Sequence[Expected], waiting: Waiting, first: Look | None = None
) -> dict[str, Verdict]:
    """Wait until every service has converged, one has failed, or the time is up.

    :param watch: carries what was seen from one wait to the next.
    :param first: a reading that was just made, to save a request where nothing is to be waited for.
    :return: name → verdict. C(progressing) is only found beside a failure: what has not converged in time has failed.
    """
    deadline = time.monotonic() + waiting.timeout
    engine, patience = watch.engine.at_once(), waiting.patience
    shown: dict[str, tuple[t.Any, ...]] = {}
    pause, before, look = FAST, "", first
    moved = time.monotonic()
    nodes: list[Json] = list(first.nodes) if first else []
    nodes_read = time.monotonic() if first else 0.0
    trouble: EngineError | None = None
    verdicts: dict[str, Verdict] = {}
    ids = [item.service_id for item in expected if item.service_id]
    with _Bell(engine, watch.heard) as bell:
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
            _tell(verdicts, watch.moves if trouble is None else {}, shown, waiting.listener)
            states = {verdict.state for verdict in verdicts.values()}
            if trouble is None and ("failed" in states or "progressing" not in states):
                return _settle(verdicts, None)
            if now >= deadline:
                return _settle(verdicts, trouble, expected, f"not converged within {seconds(waiting.timeout)}")
            pause, after = _pace(verdicts, FAST if watch.forgets else pause, before)
            if after != before or _only_watched(verdicts):
                before, moved = after, now
            elif patience is not None and now - moved >= patience:
                return _settle(verdicts, trouble, expected, f"no progress for {seconds(patience)}")
            bell.wait_for(min(pause, deadline - now, *_alarms(verdicts)))


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
    shown: dict[str, tuple[t.Any, ...]],
    listener: Listener | None,
) -> None:
    for name, verdict in verdicts.items():
        problems = [(problem.task_id, problem.state) for problem in verdict.problems]
        picture = (verdict.state, verdict.reason, problems)
        if listener is not None and (shown.get(name) != picture or moves.get(name)):
            listener(name, verdict, moves.get(name, ()))
        shown[name] = picture


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
            if verdict.look_again is not None:
                reason += ", for which the time was too short: raise wait_timeout, or lower update_config.monitor"
            settled[item.name] = dataclasses.replace(verdict, state="failed", reason=reason, cause="deadline")
    return settled


class _Bell:
    """Rings when the engine reports an event of a service, node or container; silent when it cannot listen."""

    def __init__(self, engine: Engine, tell: t.Callable[[Json], None]) -> None:
        self._engine = engine
        self._tell = tell
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
            session = self._engine.another()
            for event in session.events(_EVENTS):
                self._tell(event)
                self._rung.set()
        except Exception:
            return  # the poll goes on without events, whatever became of the stream
