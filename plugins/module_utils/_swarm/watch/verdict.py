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

import datetime
import typing as t

from ..._diff import Tree
from .. import nodes as node_facts
from ..plan.tree import SECOND, fingerprint, task_tree
from ..tasks import has_completed, has_ended, is_running, is_wanted, latest, slot_of, state_of
from .jobs import judge_job
from .problems import crash_loop, describe, given_up, problems_of
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
        return judge_job(seen, problems, mode)
    up = {node["ID"] for node in seen.nodes if node_facts.is_up(node)}
    wanted_now = [task for task in seen.tasks if is_wanted(task)]
    current = [
        task
        for task in wanted_now
        if is_running(task)
        and task.get("NodeID") in up
        and seen.specs.get(task["ID"]) == ours
        and task["ID"] not in expected.replaced
    ]
    outdated = [task for task in wanted_now if seen.specs.get(task["ID"]) != ours or task["ID"] in expected.replaced]
    done = _completed(seen, ours)
    if kind == "global":
        targets = {node["ID"] for node in node_facts.eligible(seen.nodes, seen.template)}
        places = {str(task.get("NodeID")) for task in current} | done
        have, want = len(places & targets), len(targets)
    else:
        have, want = len({slot_of(task) for task in current} | done), int(mode.get("Replicas", 1))
    looping = crash_loop([problem for problem in problems if problem.task_id not in seen.old_failures])
    if looping is not None:
        return Verdict("failed", looping, have, want, problems, "task")
    if have < want or outdated or (kind == "replicated" and have > want):
        hopeless = given_up(seen, problems)
        if hopeless is not None and have < want and not outdated:
            return Verdict("failed", hopeless, have, want, problems, "task")
        # Tasks on a dead node may be wanted no more, and yet the engine waits for them to stop.
        open_tasks = [task for task in seen.tasks if not has_ended(task)]
        dead = {str(task.get("NodeID")) for task in open_tasks if task.get("NodeID")} - up
        lost = [node_facts.name_of(node) for node in seen.nodes if node["ID"] in dead]
        homeless = sum(state_of(task) == "new" for task in wanted_now)
        reason = _waits_for(have, want, len(outdated), homeless, lost, problems)
        return Verdict("progressing", reason, have, want, problems)
    monitor = monitor_of(seen.tree)
    youngest = min([now - seen.running_since.get(task["ID"], now) for task in current], default=monitor)
    if youngest < monitor:
        reason = f"all {want} tasks run, watched for {monitor:g} s"
        return Verdict("progressing", reason, have, want, problems, look_again=monitor - youngest)
    return Verdict("converged", f"{have} of {want} tasks run", have, want)


def _completed(seen: Seen, ours: str) -> set[str]:
    """Return the slots (or nodes) of a service that is meant to end, whose last task of our spec ended well."""
    policy = (seen.tree.get("TaskTemplate") or {}).get("RestartPolicy") or {}
    if policy.get("Condition", "any") == "any":
        return set()
    return {
        key for key, task in latest(seen.tasks).items() if has_completed(task) and seen.specs.get(task["ID"]) == ours
    }


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
