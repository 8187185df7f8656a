# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
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
from .. import nodes as node_facts
from ..plan.tree import SECOND, fingerprint, task_tree

Json = dict[str, t.Any]
State = t.Literal["progressing", "converged", "failed"]

#: Failures of one slot that make a crash loop.
MAX_FAILURES = 5
DEFAULT_MONITOR = 5.0
FAILED = ("failed", "rejected", "orphaned")
_WAITING = ("new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting")


@dataclasses.dataclass(frozen=True)
class Expected:
    """What a service should become.

    Attributes:
        tree: canonical form of the spec that must be live.
        replaced: ids of tasks that must go although their spec looks like ours (published ports are not part of it).
    """

    name: str
    service_id: str
    tree: Tree
    replaced: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Seen:
    """One look at a service.

    Attributes:
        service: as the engine shows it, None when it is gone.
        tree: canonical form of its spec.
        tasks: its tasks with their history.
        specs: task id → fingerprint of the spec that the task runs.
        running_since: task id → clock reading when it was first known to run.
        old_failures: ids of tasks that had failed before we looked; they make no crash loop.
    """

    service: Json | None
    tree: Tree
    tasks: t.Sequence[Json]
    nodes: t.Sequence[Json]
    specs: t.Mapping[str, str]
    running_since: t.Mapping[str, float]
    old_failures: t.AbstractSet[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Problem:
    """A task that does not do what it should.

    Attributes:
        state: the engine's word: C(failed), C(rejected), C(pending), ...
        error: the engine's reason, "" when it gives none.
        exit_code: of the program, None when it never ran.
        node: host name, "" when it has not been given to a node.
    """

    task_id: str
    slot: str
    node_id: str
    state: str
    error: str
    exit_code: int | None = None
    container_id: str = ""
    node: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Where a service stands.

    Attributes:
        reason: why it failed, or what it still waits for.
        cause: for a failure: C(task) when our version's own tasks failed, C(engine) when the engine paused or rolled
            back, C(foreign) when somebody else interfered, C(deadline) when time ran out.
        running: wanted tasks that run (or have completed) now.
        look_again: seconds after which time alone may change the verdict, None when it cannot.
    """

    state: State
    reason: str
    running: int = 0
    wanted: int = 0
    problems: tuple[Problem, ...] = ()
    cause: str = ""
    look_again: float | None = None


def judge(expected: Expected, seen: Seen, now: float) -> Verdict:
    """Return the verdict on one service at clock reading I(now)."""
    service = seen.service
    if service is None:
        return Verdict("failed", "somebody removed the service", cause="foreign")
    ours = fingerprint(_task_part(expected.tree))
    problems = _problems(seen, ours)
    status = service.get("UpdateStatus") or {}
    state, message = status.get("State", ""), status.get("Message", "")
    if _without_replicas(seen.tree) != _without_replicas(expected.tree):
        if state.startswith("rollback"):
            reason = f"the engine rolled it back: {message}"
            return Verdict("failed", reason, problems=problems, cause="engine")
        return Verdict("failed", "somebody else changed the service", problems=problems, cause="foreign")
    if state in ("paused", "rollback_paused"):
        return Verdict("failed", f"the engine paused the update: {message}", problems=problems, cause="engine")
    # "updating" is no reason to wait: when a node has died the engine goes on saying so for minutes, waiting for a
    # task there to stop, while all that is wanted runs.
    return _judge_tasks(expected, seen, ours, now, problems)


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


def _without_replicas(tree: Tree) -> Tree:
    """A scale by somebody else during the wait is no conflict: it changes how many, not what."""
    mode = {key: value for key, value in (tree.get("Mode") or {}).items() if key != "Replicas"}
    return {**tree, "Mode": mode}


def _judge_tasks(expected: Expected, seen: Seen, ours: str, now: float, problems: tuple[Problem, ...]) -> Verdict:
    mode = seen.tree.get("Mode") or {}
    kind = mode.get("Kind", "replicated")
    if kind.endswith("-job"):
        return _judge_job(seen, problems, mode)
    up = {node["ID"] for node in seen.nodes if node_facts.is_up(node)}
    wanted_now = [task for task in seen.tasks if task.get("DesiredState") in ("running", "ready")]
    current = [
        task
        for task in wanted_now
        if task["Status"]["State"] == "running"
        and task.get("NodeID") in up
        and seen.specs.get(task["ID"]) == ours
        and task["ID"] not in expected.replaced
    ]
    outdated = [task for task in wanted_now if seen.specs.get(task["ID"]) != ours or task["ID"] in expected.replaced]
    done = _completed(seen, ours)
    if kind == "global":
        targets = {node["ID"] for node in node_facts.eligible(seen.nodes, _template(seen))}
        places = {str(task.get("NodeID")) for task in current} | done
        have, want = len(places & targets), len(targets)
    else:
        have, want = len({str(task.get("Slot")) for task in current} | done), int(mode.get("Replicas", 1))
    looping = _crash_loop([problem for problem in problems if problem.task_id not in seen.old_failures])
    if looping is not None:
        return Verdict("failed", looping, have, want, problems, "task")
    if have < want or outdated or (kind == "replicated" and have > want):
        given_up = _given_up(seen, problems)
        if given_up is not None and have < want and not outdated:
            return Verdict("failed", given_up, have, want, problems, "task")
        # Tasks on a dead node may be wanted no more, and yet the engine waits for them to stop.
        open_tasks = [task for task in seen.tasks if task["Status"]["State"] in (*_WAITING, "running")]
        dead = {str(task.get("NodeID")) for task in open_tasks if task.get("NodeID")} - up
        lost = [node_facts.name_of(node) for node in seen.nodes if node["ID"] in dead]
        homeless = sum(task["Status"]["State"] == "new" for task in wanted_now)
        reason = _waits_for(have, want, len(outdated), homeless, lost, problems)
        return Verdict("progressing", reason, have, want, problems)
    monitor = monitor_of(seen.tree)
    youngest = min([now - seen.running_since.get(task["ID"], now) for task in current], default=monitor)
    if youngest < monitor:
        reason = f"all {want} tasks run, watched for {monitor:g} s"
        return Verdict("progressing", reason, have, want, problems, look_again=monitor - youngest)
    return Verdict("converged", f"{have} of {want} tasks run", have, want)


def _judge_job(seen: Seen, problems: tuple[Problem, ...], mode: Tree) -> Verdict:
    iteration = (((seen.service or {}).get("JobStatus") or {}).get("JobIteration") or {}).get("Index", 0)
    tasks = [task for task in seen.tasks if (task.get("JobIteration") or {}).get("Index", 0) == iteration]
    complete = [task for task in tasks if task["Status"]["State"] == "complete"]
    if mode["Kind"] == "global-job":
        want = len(node_facts.eligible(seen.nodes, _template(seen)))
    else:
        want = int(mode.get("TotalCompletions", 1))
    ids = {task["ID"] for task in tasks}
    own = tuple(problem for problem in problems if problem.task_id in ids)
    if len(complete) >= want:
        return Verdict("converged", f"{len(complete)} of {want} runs completed", len(complete), want)
    active = [task for task in tasks if task["Status"]["State"] in (*_WAITING, "running")]
    failed = [problem for problem in own if problem.state in FAILED]
    if failed and (not active or len(failed) >= MAX_FAILURES):
        return Verdict("failed", f"the job failed: {describe(failed[0])}", len(complete), want, own, "task")
    return Verdict("progressing", f"{len(complete)} of {want} runs completed", len(complete), want, own)


def _completed(seen: Seen, ours: str) -> set[str]:
    """Return the slots (or nodes) of a service that is meant to end, whose last task of our spec ended well."""
    policy = (seen.tree.get("TaskTemplate") or {}).get("RestartPolicy") or {}
    if policy.get("Condition", "any") == "any":
        return set()
    return {
        key
        for key, task in _latest(seen.tasks).items()
        if task["Status"]["State"] == "complete" and seen.specs.get(task["ID"]) == ours
    }


def _problems(seen: Seen, ours: str) -> tuple[Problem, ...]:
    """Return the failed and the stuck tasks of our spec, newest first."""
    found = [
        task
        for task in seen.tasks
        if seen.specs.get(task["ID"]) == ours
        and (task["Status"]["State"] in FAILED or (task["Status"]["State"] in _WAITING and task["Status"].get("Err")))
    ]
    found.sort(key=lambda task: str(task.get("CreatedAt", "")), reverse=True)
    names = {node["ID"]: node_facts.name_of(node) for node in seen.nodes}
    return tuple(_problem(task, names) for task in found)


def _problem(task: Json, names: t.Mapping[str, str]) -> Problem:
    status = task["Status"]
    container = status.get("ContainerStatus") or {}
    ran = bool(container.get("ContainerID")) and status["State"] in FAILED
    return Problem(
        task["ID"],
        str(task.get("Slot") or task.get("NodeID") or ""),
        str(task.get("NodeID") or ""),
        str(status["State"]),
        " ".join(str(status.get("Err") or "").split()),
        int(container.get("ExitCode", 0)) if ran else None,
        str(container.get("ContainerID") or ""),
        names.get(str(task.get("NodeID")), ""),
    )


def describe(problem: Problem) -> str:
    """Return a problem in a few words."""
    if problem.exit_code is not None and "exit (" in problem.error:
        return f"exit code {problem.exit_code}"
    return problem.error or problem.state


def _crash_loop(problems: t.Sequence[Problem]) -> str | None:
    failures: dict[str, int] = {}
    for problem in problems:
        if problem.state in FAILED:
            failures[problem.slot] = failures.get(problem.slot, 0) + 1
    worst = max(failures.values(), default=0)
    if worst < MAX_FAILURES:
        return None
    last = next(problem for problem in problems if problem.state in FAILED)
    return f"its tasks fail again and again, {worst} times in one slot: {describe(last)}"


def _given_up(seen: Seen, problems: t.Sequence[Problem]) -> str | None:
    """Say so when the engine will not try a failed slot again (restart condition or attempts used up)."""
    policy = (seen.tree.get("TaskTemplate") or {}).get("RestartPolicy") or {}
    if policy.get("Condition", "any") == "any" and not policy.get("MaxAttempts"):
        return None
    failed = {problem.task_id: problem for problem in problems if problem.state in FAILED}
    for task in _latest(seen.tasks).values():
        if task["ID"] in failed and task.get("DesiredState") not in ("running", "ready"):
            return f"the engine does not restart it any more: {describe(failed[task['ID']])}"
    return None


def _latest(tasks: t.Iterable[Json]) -> dict[str, Json]:
    """Return the newest task of each slot, or of each node for a global service."""
    latest: dict[str, Json] = {}
    for task in sorted(tasks, key=lambda item: str(item.get("CreatedAt", ""))):
        latest[str(task.get("Slot") or task.get("NodeID") or "")] = task
    return latest


def _waits_for(
    have: int, want: int, outdated: int, homeless: int, lost: t.Sequence[str], problems: t.Sequence[Problem]
) -> str:
    text = f"{have} of {want} tasks run"
    if outdated:
        text += f", {outdated} still to be replaced"
    if homeless:  # the engine gives no reason, and has no other
        text += f", {homeless} got no address in their networks yet"
    if lost:
        text += f", some are on {', '.join(sorted(lost))}, which is down"
    if problems:
        text += f", last trouble: {problems[0].state}, {describe(problems[0])}"
    return text


def _template(seen: Seen) -> Json:
    return dict(((seen.service or {}).get("Spec") or {}).get("TaskTemplate") or {})
