# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop that waits: deadlines, engines that do not answer, and what listeners are told."""

from __future__ import annotations

import itertools
import types
import typing as t

import pytest
from stacks import service as entry
from swarm_facts import Json, node, service, task

from ansible_collections.apiary.swarm.plugins.module_utils._errors import EngineError
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import to_tree
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch import wait as wait_module
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.memory import Look, Move, Watch
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.terms import Expected, Verdict
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.wait import Waiting, wait

NODES = [node("a", "manager"), node("b")]


class Script:
    """An engine that shows one scene after another, the last one for ever; an error is a scene too."""

    host = "unix:///nowhere"

    def __init__(self, live: Json, *scenes: list[Json] | EngineError) -> None:
        self._live = live
        self._scenes = itertools.chain(scenes, itertools.repeat(scenes[-1]))
        self.looks = 0

    def at_once(self) -> Script:
        return self

    def services(self, _filters: t.Any) -> list[Json]:
        self.looks += 1
        return [self._live]

    def tasks(self, _filters: t.Any) -> list[Json]:
        scene = next(self._scenes)
        if isinstance(scene, EngineError):
            raise scene
        return scene

    def nodes(self) -> list[Json]:
        return NODES

    def task_logs(self, task_id: str, _lines: int) -> list[str]:
        return [f"words of {task_id}"]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[list[float]]:
    """A clock that only sleeping moves."""
    now = [1000.0]

    def sleep(_bell: t.Any, seconds: float) -> None:
        now[0] += max(seconds, 0.001)

    monkeypatch.setattr(wait_module, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(wait_module._Bell, "wait_for", sleep)
    yield now


def _live(replicas: int = 1) -> Json:
    return service(entry("shop", "web", "app:1", replicas).spec)


def _wait(script: Script, live: Json, timeout: float = 60, **more: t.Any) -> Verdict:
    engine = t.cast(Engine, script)
    expected = [Expected("shop_web", live["ID"], to_tree(live["Spec"]))]
    watch, first = Watch(engine, [], more.pop("before", None)), more.pop("first", None)
    return wait(watch, expected, Waiting(timeout, **more), first)["shop_web"]


def test_it_ends_as_soon_as_the_last_task_is_stable(clock: list[float]) -> None:
    live = _live()
    new, run = task(live, "preparing"), task(live, stamp="2099-01-01T00:00:00.0Z")
    run["CreatedAt"] = "2099-01-01T00:00:00.0Z"
    assert _wait(Script(live, [new], [new], [run]), live).state == "converged"
    assert 1.2 <= clock[0] - 1000 <= 1.8  # two looks of 0.2 s, then the second for which it is watched


def test_a_task_that_has_run_for_long_needs_no_watching(clock: list[float]) -> None:
    live = _live()
    script = Script(live, [task(live)])
    assert _wait(script, live).state == "converged"
    assert script.looks == 1 and clock[0] == 1000


def test_a_reading_that_was_just_made_is_enough() -> None:
    live = _live()
    script = Script(live, [])
    first = Look([live], [task(live)], NODES, complete=False)
    assert _wait(script, live, first=first).state == "converged" and script.looks == 0


def test_the_deadline_tells_what_was_missing(clock: list[float]) -> None:
    live = _live()
    stuck = task(live, "pending", error="no suitable node (insufficient resources on 2 nodes)")
    verdict = _wait(Script(live, [stuck]), live, timeout=30)
    assert (verdict.state, verdict.cause) == ("failed", "deadline") and clock[0] - 1000 == pytest.approx(30, abs=1)
    assert "not converged within 30 s" in verdict.reason and "insufficient resources" in verdict.reason


def test_it_ends_early_when_nothing_moves(clock: list[float]) -> None:
    live = _live(2)
    stuck = [task(live, slot=1), task(live, "pending", slot=2, error="no suitable node")]
    verdict = _wait(Script(live, stuck), live, timeout=600, patience=20)
    assert verdict.state == "failed" and verdict.reason.startswith("no progress for 20 s: 1 of 2 tasks run")
    assert 20 <= clock[0] - 1000 < 25


def test_watching_tasks_that_run_is_progress(clock: list[float]) -> None:
    live = service(entry("shop", "web", "app:1", UpdateConfig={"Monitor": 60 * 10**9}).spec)
    assert _wait(Script(live, [], [task(live)]), live, timeout=600, patience=20).state == "converged"
    assert clock[0] - 1000 >= 60


def test_an_engine_that_fails_for_a_while_is_put_up_with() -> None:
    live = _live()
    away = EngineError("Cannot list tasks: the swarm does not have a leader", 500)
    assert _wait(Script(live, away, away, [task(live)]), live).state == "converged"
    verdict = _wait(Script(live, away), live, timeout=5)
    assert verdict.state == "failed" and "does not have a leader" in verdict.reason


def test_failures_from_before_make_no_crash_loop() -> None:
    live = _live()
    old = [task(live, "failed", exit_code=1, error="task: non-zero exit (1)") for _number in range(5)]
    run = task(live)
    assert _wait(Script(live, [*old, run]), live, before=old).state == "converged"
    assert _wait(Script(live, [*old, run]), live).state == "converged"
    assert _wait(Script(live, [*old, run]), live, before=[]).state == "failed"


def _short_history(live: Json, count: int) -> tuple[list[list[Json]], list[str]]:
    """Return what a swarm that keeps one task of each slot shows of a crash loop, and the ids of the failures."""
    failures = [task(live, "failed", exit_code=7, error="task: non-zero exit (7)") for _number in range(count)]
    last = task(live, "ready", desired="ready")
    waiting = [{**failure, "DesiredState": "ready", "Status": {"State": "ready"}} for failure in failures[1:]]
    return [[*pair] for pair in zip(failures, [*waiting, last], strict=True)], [item["ID"] for item in failures]


def test_d68_failures_that_the_engine_has_forgotten_are_counted() -> None:
    """With a history of one task each failure is gone before the next one can be seen beside it."""
    live = _live()
    scenes, dummy = _short_history(live, 5)
    verdict = _wait(Script(live, [], *scenes), live, timeout=600, before=[])
    assert (verdict.state, verdict.cause) == ("failed", "task")
    assert verdict.reason == "its tasks fail again and again, 5 times in one slot: exit code 7"


def test_d68_a_task_that_went_unseen_while_it_started_counts_too() -> None:
    live = _live()
    scenes = [[task(live, "starting")] for _number in range(6)]
    verdict = _wait(Script(live, *scenes), live, timeout=600, before=[])
    assert verdict.state == "failed" and "5 times in one slot" in verdict.reason
    assert "the swarm forgot it before that was seen" in verdict.reason


def test_d68_tasks_that_leave_with_their_slot_have_not_failed() -> None:
    live = _live(3)
    three = [task(live, slot=slot) for slot in (1, 2, 3)]
    fewer = service(entry("shop", "web", "app:1", 1).spec)
    engine = t.cast(Engine, Script(fewer, three, three[:1]))
    verdict = wait(Watch(engine, [], []), [Expected("shop_web", live["ID"], to_tree(live["Spec"]))], Waiting(60))
    assert verdict["shop_web"].state == "converged" and verdict["shop_web"].problems == ()


def test_d68_the_death_of_a_container_of_this_node_tells_of_a_task_that_no_look_has_seen() -> None:
    live = _live()
    watch = Watch(t.cast(Engine, None), [], [])
    for number in range(5):
        attributes = {
            "com.docker.swarm.task.id": f"unseen{number}", "com.docker.swarm.task.name": f"shop_web.1.unseen{number}",
            "com.docker.swarm.service.id": live["ID"], "com.docker.swarm.node.id": "id-a", "exitCode": "7",
        }  # fmt: skip
        watch.heard({"Action": "die", "time": 1_767_225_600 + number, "Actor": {"ID": "c", "Attributes": attributes}})
    watch.heard({"Action": "die", "Actor": {"ID": "other", "Attributes": {}}})
    expected = [Expected("shop_web", live["ID"], to_tree(live["Spec"]))]
    verdict = watch.judge(expected, Look([live], [task(live, "preparing")], NODES), 1000)["shop_web"]
    assert verdict.state == "failed" and "5 times in one slot: exit code 7" in verdict.reason
    assert {(problem.slot, problem.node, problem.exit_code) for problem in verdict.problems} == {("1", "a", 7)}


def test_d68_last_words_are_read_while_the_task_is_there() -> None:
    live = _live()
    scenes, failures = _short_history(live, 5)
    verdict = _wait(Script(live, [], *scenes), live, timeout=600, before=[])
    known = {problem.task_id: problem.words for problem in verdict.problems if problem.words}
    # The first one was forgotten before anybody knew how short the history is.
    assert known == {failure: (f"words of {failure}",) for failure in failures[1:]}


def test_u20_times_are_told_in_whole_seconds() -> None:
    live = _live()
    verdict = _wait(Script(live, [task(live, "pending", error="no suitable node")]), live, timeout=14.9445)
    assert "not converged within 15 s" in verdict.reason


def test_a_monitor_that_is_longer_than_the_wait_is_named() -> None:
    live = service(entry("shop", "web", "app:1", UpdateConfig={"Monitor": 600 * 10**9}).spec)
    fresh = task(live, stamp="2099-01-01T00:00:00.0Z")
    fresh["CreatedAt"] = "2099-01-01T00:00:00.0Z"
    assert _wait(Script(live, [fresh]), live, timeout=30).reason == (
        "not converged within 30 s: all 1 tasks run, watched for 600 s, for which the time was too short: raise "
        "wait_timeout, or lower update_config.monitor"
    )


def test_a_listener_hears_of_each_change_once() -> None:
    live = _live(2)
    one = [task(live, slot=1), task(live, "preparing", slot=2)]
    both = [one[0], task(live, slot=2)]
    heard: list[str] = []
    moved: list[str] = []

    def listener(name: str, verdict: Verdict, moves: t.Sequence[Move]) -> None:
        heard.append(f"{name} {verdict.running} {verdict.state}")
        moved.extend(f"{move.slot} {move.state} {move.node}" for move in moves)

    script = Script(live, one, one, one, both)
    _wait(script, live, listener=listener)
    assert moved == ["2 running a"]
    assert heard[0] == "shop_web 1 progressing" and heard[-1] == "shop_web 2 converged"
    assert len(heard) == len(set(heard))
