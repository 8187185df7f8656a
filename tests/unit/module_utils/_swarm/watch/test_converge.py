# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a service stands: every way to be wrong about it."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from stacks import SECOND
from stacks import service as entry
from swarm_facts import Json, node, service, task

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import to_tree
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.terms import Expected, Seen, Verdict
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.verdict import age, judge, task_fingerprint

NODES = (node("a", "manager"), node("b"))
NOW = 1000.0


def _spec(image: str = "app:2", replicas: int = 2, **more: t.Any) -> Json:
    return entry("shop", "web", image, replicas, **more).spec


def _look(
    live: Json | None,
    tasks: t.Sequence[Json],
    expected: Json | None = None,
    ran: float = 60,
    nodes: t.Sequence[Json] = NODES,
    replaced: t.Iterable[Json] = (),
    old: t.Iterable[Json] = (),
) -> Verdict:
    wanted = expected if expected is not None else live["Spec"] if live else _spec()
    seen = Seen(
        live,
        to_tree(live["Spec"]) if live else {},
        tasks,
        nodes,
        {item["ID"]: task_fingerprint(item, {}) for item in tasks},
        {item["ID"]: NOW - ran for item in tasks if item["Status"]["State"] == "running"},
        frozenset(item["ID"] for item in old),
    )
    return judge(
        Expected("shop_web", "id-shop_web", to_tree(wanted), frozenset(item["ID"] for item in replaced)), seen, NOW
    )


def test_all_run_and_are_stable() -> None:
    live = service(_spec())
    verdict = _look(live, [task(live, slot=1), task(live, slot=2, on="b")])
    assert (verdict.state, verdict.running, verdict.wanted) == ("converged", 2, 2)


def test_all_run_but_not_for_long_enough_yet() -> None:
    live = service(_spec())
    verdict = _look(live, [task(live, slot=1), task(live, slot=2)], ran=0.4)
    assert verdict.state == "progressing" and verdict.look_again == pytest.approx(0.6)


@pytest.mark.parametrize("state", ["new", "pending", "assigned", "preparing", "starting"])
def test_some_are_on_their_way(state: str) -> None:
    live = service(_spec())
    assert _look(live, [task(live, slot=1), task(live, state, slot=2)]).state == "progressing"


def test_an_update_that_replaced_nothing_never_has_a_status() -> None:
    live = service(_spec())
    assert "UpdateStatus" not in live
    assert _look(live, [task(live, slot=1), task(live, slot=2)]).state == "converged"


@pytest.mark.parametrize("status", ["completed", "rollback_completed"])
def test_the_status_of_an_older_update_says_nothing(status: str) -> None:
    live = service(_spec(), status)
    old = task(live, spec=_spec("app:1")["TaskTemplate"])
    assert _look(live, [old, task(live, slot=2)]).state == "progressing"
    assert _look(live, [task(live, slot=1), task(live, slot=2)]).state == "converged"


@pytest.mark.parametrize("status", ["paused", "rollback_paused"])
def test_a_pause_is_a_failure_each_time_it_is_looked_at(status: str) -> None:
    live = service(_spec(), status, "failure of task x")
    failed = task(live, "failed", slot=2, error="task: non-zero exit (7)", exit_code=7)
    verdict = _look(live, [task(live, slot=1), failed], old=[failed])
    assert verdict.state == "failed" and verdict.cause == "engine" and "failure of task x" in verdict.reason
    assert [problem.exit_code for problem in verdict.problems] == [7]


@pytest.mark.parametrize("status", ["rollback_started", "rollback_completed"])
def test_a_rollback_by_the_engine_is_a_failure(status: str) -> None:
    live = service(_spec("app:1"), status, "update rolled back")
    crashed = task(live, "failed", spec=_spec("app:2")["TaskTemplate"], error="task: non-zero exit (7)", exit_code=7)
    verdict = _look(live, [task(live, slot=1), task(live, slot=2), crashed], expected=_spec("app:2"))
    assert verdict.state == "failed" and verdict.cause == "engine" and verdict.problems[0].exit_code == 7


def test_somebody_else_changed_or_removed_the_service() -> None:
    live = service(_spec("app:3"))
    changed = _look(live, [task(live, slot=1), task(live, slot=2)], expected=_spec("app:2"))
    assert (changed.state, changed.cause) == ("failed", "foreign")
    assert _look(None, []).cause == "foreign"


def test_a_scale_by_somebody_else_is_no_conflict() -> None:
    live = service(_spec(replicas=3))
    tasks = [task(live, slot=slot) for slot in (1, 2, 3)]
    verdict = _look(live, tasks, expected=_spec(replicas=2))
    assert (verdict.state, verdict.wanted) == ("converged", 3)


def test_zero_replicas_need_zero_tasks() -> None:
    live = service(_spec(replicas=0))
    assert _look(live, []).state == "converged"
    assert _look(live, [task(live)]).state == "progressing"


def test_a_task_on_a_node_that_is_down_does_not_count() -> None:
    live = service(_spec())
    nodes = [NODES[0], node("b", state="down")]
    assert _look(live, [task(live, slot=1), task(live, slot=2, on="b")], nodes=nodes).state == "progressing"
    moved = [task(live, slot=1), task(live, slot=2, on="b", desired="shutdown"), task(live, slot=2)]
    assert _look(live, moved, nodes=nodes).state == "converged"


@pytest.mark.parametrize("status", ["paused", "rollback_paused"])
def test_d58_a_pause_alone_decides_nothing(status: str) -> None:
    """Its tasks recovered: all that is wanted runs the wanted spec, and has for days."""
    live = service(_spec(), status, "failure of task x")
    failed = task(live, "failed", slot=2, error="task: non-zero exit (7)", exit_code=7)
    both = [failed, task(live, slot=1), task(live, slot=2)]
    assert _look(live, both, old=[failed]).state == "converged"
    watched = _look(live, both, ran=0.4)
    assert watched.state == "progressing" and watched.look_again == pytest.approx(0.6)


def test_d58_a_pause_with_old_tasks_or_with_a_slot_that_failed_is_a_failure() -> None:
    live = service(_spec(), "paused", "failure of task x")
    old = task(live, slot=1, spec=_spec("app:1")["TaskTemplate"])
    half = _look(live, [old, task(live, slot=2)])
    assert (half.state, half.cause, half.running) == ("failed", "engine", 1)
    failed = task(live, "failed", slot=2, error="task: non-zero exit (7)", exit_code=7)
    again = _look(live, [task(live, slot=1), failed, task(live, "ready", slot=2, desired="ready")])
    assert (again.state, again.cause) == ("failed", "engine")


def test_d58_a_service_that_was_paused_long_ago_may_lose_a_node_like_any_other() -> None:
    live = service(_spec(), "paused", "failure of task x")
    long_ago = task(live, "failed", slot=2, error="task: non-zero exit (7)", exit_code=7)
    lost = task(live, "shutdown", slot=2, on="b")
    moving = [task(live, slot=1), long_ago, lost, task(live, "preparing", slot=2)]
    assert _look(live, moving).state == "progressing"
    assert _look(live, [task(live, slot=1), task(live, slot=3)], nodes=NODES).state == "converged"


def test_d53_tasks_on_paused_nodes_are_no_reason_to_wait() -> None:
    live = service(_spec(Mode={"Global": {}}))
    nodes = [*NODES, node("c", availability="pause"), node("d", availability="drain"), node("e", state="down")]
    old = task(live, slot=0, on="c", spec=_spec("app:1")["TaskTemplate"])
    current = [task(live, slot=0, on=name) for name in "ab"]
    verdict = _look(live, [*current, old], nodes=nodes)
    assert (verdict.state, verdict.running, verdict.wanted) == ("converged", 2, 2)
    assert verdict.warnings == (
        "service shop_web: node c is paused, so the engine starts and replaces none of its tasks there until that ends",
    )
    assert _look(live, [*current, old], nodes=nodes, replaced=[old]).state == "converged"
    assert _look(live, current, nodes=nodes).warnings == verdict.warnings
    assert _look(live, [*current, task(live, slot=0, on="c")], nodes=nodes).warnings == ()


def test_d53_a_paused_node_excuses_nothing_else() -> None:
    """Not an old task elsewhere, not a replicated service, and no node that may not run the service."""
    nodes = [NODES[0], NODES[1], node("c", availability="pause", labels={"disk": "hdd"})]
    live = service(_spec(Mode={"Global": {}}))
    old = _spec("app:1")["TaskTemplate"]
    assert _look(live, [task(live, slot=0, on="a"), task(live, slot=0, on="b", spec=old)], nodes=nodes).state == (
        "progressing"
    )
    replicated = service(_spec())
    pair = [task(replicated, slot=1), task(replicated, slot=2, on="c", spec=old)]
    assert _look(replicated, pair, nodes=nodes).state == "progressing"
    bound = {"Placement": {"Constraints": ["node.labels.disk!=hdd"]}}
    elsewhere = service(_spec(Mode={"Global": {}}, template=bound))
    verdict = _look(elsewhere, [task(elsewhere, slot=0, on=name) for name in "ab"], nodes=nodes)
    assert verdict.state == "converged" and verdict.warnings == ()


def test_a_global_service_counts_nodes_that_may_run_it() -> None:
    live = service(_spec(Mode={"Global": {}}))
    nodes = [*NODES, node("c", state="down"), node("d", availability="drain"), node("e", availability="pause")]
    one = [task(live, slot=0, on="a")]
    assert _look(live, one, nodes=nodes).state == "progressing"
    verdict = _look(live, [*one, task(live, slot=0, on="b")], nodes=nodes)
    assert (verdict.state, verdict.wanted) == ("converged", 2)


def test_tasks_that_must_go_count_for_nothing_though_their_spec_is_the_same() -> None:
    live = service(_spec())
    old = [task(live, slot=1), task(live, slot=2)]
    assert _look(live, old, replaced=old).state == "progressing"
    assert _look(live, [task(live, slot=1), task(live, slot=2)], replaced=old).state == "converged"


def test_constraints_are_no_part_of_what_a_task_is() -> None:
    old = _spec()
    live = service(_spec(template={"Placement": {"Constraints": ["node.role==worker"]}}))
    tasks = [task(live, slot=slot, spec=old["TaskTemplate"]) for slot in (1, 2)]
    assert _look(live, tasks).state == "converged"


def test_an_engine_that_waits_for_a_dead_node_does_not_hold_up_what_runs() -> None:
    live = service(_spec(), "updating")
    stuck = task(live, slot=2, on="b", spec=_spec("app:1")["TaskTemplate"], desired="shutdown")
    assert _look(live, [task(live, slot=1), task(live, slot=2), stuck]).state == "converged"
    assert _look(live, [task(live, slot=1), stuck]).state == "progressing"


def test_a_task_that_gets_no_address_is_named() -> None:
    live = service(_spec())
    assert _look(live, [task(live, slot=1), task(live, "new", slot=2)]).reason == (
        "1 of 2 tasks run, 1 got no address in their networks yet"
    )
    assert _look(live, [task(live, slot=1), task(live, "pending", slot=2)]).reason == "1 of 2 tasks run"


def test_a_crash_loop_is_found_and_old_failures_make_none() -> None:
    live = service(_spec(replicas=1))
    failures = [task(live, "failed", error="task: non-zero exit (7)", exit_code=7) for _index in range(5)]
    verdict = _look(live, [*failures, task(live, "ready", desired="ready")])
    assert (
        verdict.state == "failed" and verdict.cause == "task" and "5 times in one slot: exit code 7" in verdict.reason
    )
    assert _look(live, [*failures, task(live, "preparing")], old=failures).state == "progressing"
    assert _look(live, [*failures, task(live)]).state == "failed"
    assert _look(live, [*failures, task(live)], old=failures).state == "converged"


def test_the_engine_gives_up_when_attempts_are_used_up() -> None:
    policy = {"RestartPolicy": {"Condition": "any", "MaxAttempts": 1}}
    live = service(_spec(replicas=1, template=policy))
    failures = [task(live, "failed", error="task: non-zero exit (7)", exit_code=7) for _index in range(2)]
    verdict = _look(live, failures)
    assert verdict.state == "failed" and "does not restart it any more" in verdict.reason
    assert _look(live, [failures[0], task(live, "ready", desired="ready")]).state == "progressing"


def test_one_shots_that_ended_well_are_done() -> None:
    live = service(_spec(template={"RestartPolicy": {"Condition": "none"}}))
    done = [task(live, "complete", slot=1, exit_code=0), task(live, "complete", slot=2, exit_code=0)]
    assert _look(live, done).state == "converged"
    assert _look(live, [done[0], task(live, slot=2)]).state == "converged"
    forever = service(_spec())
    assert _look(forever, [task(forever, "complete", slot=1), task(forever, slot=2)]).state == "progressing"


def test_d66_completed_is_told_apart_from_running() -> None:
    live = service(_spec(template={"RestartPolicy": {"Condition": "on-failure"}}))
    done = [task(live, "complete", slot=slot, exit_code=0) for slot in (1, 2)]
    both = _look(live, done)
    assert (both.state, both.running, both.completed, both.wanted) == ("converged", 0, 2, 2)
    assert both.reason == "2 of 2 tasks completed"
    one = _look(live, [done[0], task(live, slot=2)])
    assert (one.running, one.completed, one.reason) == (1, 1, "1 of 2 tasks run, 1 completed")


@pytest.mark.parametrize(
    ("more", "has"),
    [
        ({"EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": 80}]}}, "a published port"),
        ({"labels": {"edge.port": "8080"}}, "a route"),
        ({"container": {"Healthcheck": {"Test": ["CMD", "true"]}}}, "a health check"),
    ],
)
@pytest.mark.parametrize("condition", ["on-failure", "none"])
def test_d66_what_others_count_on_may_not_end(more: Json, has: str, condition: str) -> None:
    live = service(_spec(replicas=1, template={"RestartPolicy": {"Condition": condition}}, **more))
    verdict = _look(live, [task(live, "complete", exit_code=0)])
    assert (verdict.state, verdict.cause, verdict.completed) == ("failed", "task", 0)
    assert verdict.reason == f"the engine does not restart it any more: exit code 0, and it has {has}"
    assert [(problem.state, problem.exit_code) for problem in verdict.problems] == [("complete", 0)]
    assert _look(live, [task(live, "complete", exit_code=0), task(live)]).state == "converged"


def test_d66_a_health_check_that_is_switched_off_is_none() -> None:
    off = {"Healthcheck": {"Test": ["NONE"]}}
    live = service(_spec(replicas=1, container=off, template={"RestartPolicy": {"Condition": "none"}}))
    assert _look(live, [task(live, "complete", exit_code=0)]).state == "converged"


def test_d67_tasks_that_end_with_code_0_again_and_again_are_a_failure() -> None:
    live = service(_spec(replicas=1))
    ended = [task(live, "complete", exit_code=0) for _number in range(5)]
    soon = task(live, "ready", desired="ready")
    assert _look(live, [*ended[:4], soon]).state == "progressing"
    verdict = _look(live, [*ended, soon])
    assert (verdict.state, verdict.cause) == ("failed", "task")
    assert verdict.reason == "its tasks end again and again, 5 times in one slot: exit code 0"
    assert _look(live, [*ended, task(live)], old=ended).state == "converged"
    mixed = [*ended[:3], *(task(live, "failed", error="task: non-zero exit (7)", exit_code=7) for _number in "ab")]
    assert "fail again and again, 5 times in one slot: exit code 7" in _look(live, [*mixed, soon]).reason


def test_pending_tells_why() -> None:
    live = service(_spec(replicas=1))
    stuck = task(live, "pending", error="no suitable node (insufficient resources on 2 nodes)")
    verdict = _look(live, [stuck])
    assert verdict.state == "progressing" and "no suitable node (insufficient" in verdict.reason


@pytest.mark.parametrize(
    ("kind", "states", "expected"),
    [
        ("ReplicatedJob", ["complete", "complete"], "converged"),
        ("ReplicatedJob", ["complete", "running"], "progressing"),
        ("ReplicatedJob", [], "progressing"),
        ("ReplicatedJob", ["complete", "failed"], "failed"),
        ("ReplicatedJob", ["failed", "running"], "progressing"),
        ("GlobalJob", ["complete", "complete"], "converged"),
        ("GlobalJob", ["complete"], "progressing"),
    ],
)
def test_jobs_count_runs_of_the_present_iteration(kind: str, states: list[str], expected: str) -> None:
    mode: Json = (
        {"ReplicatedJob": {"TotalCompletions": 2, "MaxConcurrent": 2}} if kind == "ReplicatedJob" else {kind: {}}
    )
    live = service(_spec(Mode=mode), job=5)
    old = [task(live, "failed", slot=slot, job=4, exit_code=1) for slot in (1, 2)]
    tasks = [
        task(live, state, slot=slot, on="ab"[slot - 1], job=5, exit_code=int(state == "failed"))
        for slot, state in enumerate(states, start=1)
    ]
    assert _look(live, [*old, *tasks]).state == expected


def test_a_job_that_does_not_begin_says_where_its_runs_are() -> None:
    live = service(_spec(Mode={"ReplicatedJob": {"TotalCompletions": 3, "MaxConcurrent": 3}}), job=5)
    states = ("complete", "preparing", "new")
    tasks = [{**task(live, state, slot=slot, job=5), "DesiredState": "complete"} for slot, state in enumerate(states)]
    reason = _look(live, tasks).reason
    assert reason == "1 of 3 runs completed, 1 preparing, 1 got no address in their networks yet"


def test_monitor_is_the_services_own_or_the_engines_default() -> None:
    live = service(_spec(replicas=1, UpdateConfig={"Monitor": 30 * SECOND}))
    assert _look(live, [task(live)], ran=20).look_again == pytest.approx(10)
    plain = service(_spec(replicas=1, UpdateConfig={}))
    assert _look(plain, [task(plain)], ran=2).look_again == pytest.approx(3)


@pytest.mark.parametrize(
    ("created", "started", "seconds"),
    [
        ("2026-01-01T00:00:00.1Z", "2026-01-01T00:00:50.1Z", 10),
        ("2026-01-01T00:00:00.1Z", "2026-01-01T00:05:50.1Z", 60),  # the node's clock is five minutes ahead
        ("2026-01-01T00:00:50.1Z", "2025-12-31T23:55:50.1Z", 10),  # and five minutes behind
        ("2026-01-01T00:09:00.1Z", "2026-01-01T00:09:00.1Z", 0),
        ("", "nonsense", 0),
    ],
)
def test_age_survives_clocks_that_are_wrong(created: str, started: str, seconds: float) -> None:
    now = datetime.datetime(2026, 1, 1, 0, 1, tzinfo=datetime.UTC)
    assert age({"CreatedAt": created, "Status": {"Timestamp": started}}, now) == seconds
