# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on a service: progressing, converged or failed, from what the engine shows. Pure.

The engine's own C(UpdateStatus) is one witness among others: it is absent after a create, a scale, a label edit and an
update that replaced nothing, and it says "completed" of a rollback too. A service has converged when its spec is still
ours, every wanted task runs that spec on a node that is up, and has done so for the monitor period.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..._diff import Tree
from ..._words import seconds
from ..plan.rewrite import is_paused
from ..plan.tree import SECOND, fingerprint, task_tree, without_replicas
from .counts import Counted, count
from .jobs import judge_job
from .problems import crash_loop, describe, given_up, held_up, problems_of, unserved
from .terms import Expected, Json, Problem, Seen, Verdict

DEFAULT_MONITOR = 5.0


def judge(expected: Expected, seen: Seen, now: float) -> Verdict:
    """Return the verdict on one service at clock reading I(now)."""
    service = seen.service
    if service is None:
        return Verdict("failed", "somebody removed the service", cause="foreign")
    ours = fingerprint(_task_part(expected.tree))
    problems = problems_of(seen, ours)
    status = service.get("UpdateStatus") or {}
    state, message = status.get("State", ""), status.get("Message", "")
    if without_replicas(seen.tree) != without_replicas(expected.tree):
        if state.startswith("rollback"):
            reason = f"the engine rolled it back: {message}"
            return Verdict("failed", reason, problems=problems, cause="engine")
        return Verdict("failed", "somebody else changed the service", problems=problems, cause="foreign")
    kind = (seen.tree.get("Mode") or {}).get("Kind", "replicated")
    if kind.endswith("-job"):
        return judge_job(seen, problems, seen.tree["Mode"])
    counted = count(expected, seen, ours)
    verdict = _judge_tasks(
        seen, counted, now, problems, f"the engine paused the update: {message}" * is_paused(service)
    )
    return dataclasses.replace(
        verdict,
        running=counted.running,
        completed=counted.completed,
        wanted=counted.want,
        warnings=_left_alone(expected.name, counted.left_alone),
    )


def monitor_of(tree: Tree) -> float:
    """Return the seconds that a task must run before it counts, as the service says or the engine assumes."""
    nanoseconds = (tree.get("UpdateConfig") or {}).get("Monitor")
    return float(nanoseconds) / SECOND if nanoseconds else DEFAULT_MONITOR


def age(task: Json, now: datetime.datetime) -> float:
    """Return the seconds that a running task has run for at least, by the engines' clocks; 0 when they say nonsense.

    The time stamp of the state is by the node's own clock, that of the creation by the leader's.
    """
    ages = [
        (now - stamp).total_seconds()
        for stamp in (moment(task.get("CreatedAt")), moment((task.get("Status") or {}).get("Timestamp")))
        if stamp is not None
    ]
    return max(0.0, min([value for value in ages if value >= 0], default=0.0))


def moment(text: t.Any) -> datetime.datetime | None:
    """Parse the engine's time stamps (nanoseconds, UTC)."""
    try:
        return datetime.datetime.fromisoformat(str(text)[:19]).replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return None


def task_fingerprint(task: Json, networks: t.Mapping[str, str]) -> str:
    """Return the fingerprint of the spec that a task runs, comparable with that of a service's tree."""
    return fingerprint(task_tree(task.get("Spec") or {}, networks))


def _task_part(tree: Tree) -> Tree:
    return {key: value for key, value in (tree.get("TaskTemplate") or {}).items() if key != "Placement"}


def _judge_tasks(seen: Seen, counted: Counted, now: float, problems: tuple[Problem, ...], paused: str = "") -> Verdict:
    """Judge what was counted.

    :param paused: what the engine says of an update that it paused, "" when it did not. Alone it decides nothing: tasks
        of the new spec are restarted in spite of it, and may have recovered long ago.
    """
    missing = counted.have < counted.want
    if paused and (counted.outdated or (missing and unserved(seen, problems, counted.served))):
        return Verdict("failed", paused, problems=problems, cause="engine")
    looping = crash_loop([problem for problem in problems if problem.task_id not in seen.old_ends])
    if looping is not None:
        return Verdict("failed", looping, problems=problems, cause="task")
    replicated = (seen.tree.get("Mode") or {}).get("Kind", "replicated") == "replicated"
    if missing or counted.outdated or (replicated and counted.have > counted.want):
        hopeless = given_up(seen, problems)
        if hopeless is not None and missing and not counted.outdated:
            return Verdict("failed", hopeless, problems=problems, cause="task")
        return Verdict("progressing", _waits_for(seen, counted, problems), problems=problems)
    monitor = monitor_of(seen.tree)
    youngest = min([now - seen.running_since.get(task["ID"], now) for task in counted.current], default=monitor)
    if youngest < monitor:
        reason = f"all {counted.want} tasks run, watched for {seconds(monitor)}"
        return Verdict("progressing", reason, problems=problems, look_again=monitor - youngest)
    return Verdict("converged", _summary(counted))


def _summary(counted: Counted) -> str:
    """Return what runs, and apart from it what has ended: C(2 of 3 tasks run, 1 completed)."""
    if counted.completed and not counted.running:
        return f"{counted.completed} of {counted.want} tasks completed"
    return f"{counted.running} of {counted.want} tasks run" + f", {counted.completed} completed" * bool(
        counted.completed
    )


def _left_alone(name: str, hosts: t.Sequence[str]) -> tuple[str, ...]:
    if not hosts:
        return ()
    which = f"node {hosts[0]} is paused" if len(hosts) == 1 else f"nodes {', '.join(hosts)} are paused"
    return (f"service {name}: {which}, so the engine starts and replaces none of its tasks there until that ends",)


def _waits_for(seen: Seen, counted: Counted, problems: t.Sequence[Problem]) -> str:
    text = _summary(counted)
    if counted.outdated:
        text += f", {len(counted.outdated)} still to be replaced"
    text += held_up(seen, seen.tasks)
    if problems:
        text += f", last trouble: {problems[0].state}, {describe(problems[0])}"
    return text
