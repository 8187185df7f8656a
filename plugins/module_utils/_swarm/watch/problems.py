# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that do not do what they should, and what that says of their service. Pure."""

from __future__ import annotations

import collections
import typing as t

from .. import nodes as node_facts
from ..plan.rewrite import may_end
from ..routes import PORT
from ..tasks import (
    COMPLETE,
    FAILED,
    container_of,
    created,
    error_of,
    exit_code,
    has_ended,
    is_starting,
    is_wanted,
    latest,
    slot_of,
    state_of,
)
from .terms import MAX_FAILURES, Json, Problem, Seen


def serves(seen: Seen) -> str:
    """Say what makes a service one that others count on, "" when nothing does: then its tasks may end."""
    if (seen.tree.get("EndpointSpec") or {}).get("Ports"):
        return "a published port"
    if PORT in (seen.tree.get("Labels") or {}):
        return "a route"
    container = (seen.tree.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    test = (container.get("Healthcheck") or {}).get("Test") or ["NONE"]
    return "" if test[0] == "NONE" else "a health check"


def problems_of(seen: Seen, ours: str) -> tuple[Problem, ...]:
    """Return the tasks of our spec that failed, ended though they should run, or are stuck; newest first."""
    ended = FAILED if may_end(seen.tree) and not serves(seen) else (*FAILED, COMPLETE)
    found = [
        task
        for task in (*seen.tasks, *seen.forgotten)
        if seen.specs.get(task["ID"]) == ours and (state_of(task) in ended or (is_starting(task) and error_of(task)))
    ]
    found.sort(key=created, reverse=True)
    names = {node["ID"]: node_facts.name_of(node) for node in seen.nodes}
    return tuple(_problem(task, names, seen.words.get(task["ID"], ())) for task in found)


def _problem(task: Json, names: t.Mapping[str, str], words: tuple[str, ...]) -> Problem:
    return Problem(
        task["ID"],
        slot_of(task),
        str(task.get("NodeID") or ""),
        state_of(task),
        error_of(task),
        exit_code(task),
        container_of(task),
        names.get(str(task.get("NodeID")), ""),
        words,
    )


def describe(problem: Problem) -> str:
    """Return a problem in a few words."""
    if problem.state == COMPLETE or (problem.exit_code is not None and "exit (" in problem.error):
        return f"exit code {problem.exit_code or 0}"
    return problem.error or problem.state


def held_up(seen: Seen, tasks: t.Sequence[Json]) -> str:
    """Return what keeps tasks from starting or stopping, to follow a count: C(, 1 got no address ...); "" for nothing.

    The engine gives no reason for either.
    """
    text = ""
    # What is wanted of a run of a job is that it completes.
    homeless = sum(state_of(task) == "new" for task in tasks if is_wanted(task) or task.get("DesiredState") == COMPLETE)
    if homeless:
        text += f", {homeless} got no address in their networks yet"
    # Tasks on a dead node may be wanted no more, and yet the engine waits for them to stop.
    places = {task.get("NodeID") for task in tasks if not has_ended(task)}
    lost = sorted(
        node_facts.name_of(node) for node in seen.nodes if node["ID"] in places and not node_facts.is_up(node)
    )
    return text + (f", some are on {', '.join(lost)}, which is down" if lost else "")


def crash_loop(problems: t.Sequence[Problem]) -> str | None:
    """Say so when one slot has seen too many ends, however the engine takes them."""
    ended = [problem for problem in problems if problem.has_ended]
    worst = max(collections.Counter(problem.slot for problem in ended).values(), default=0)
    if worst < MAX_FAILURES:
        return None
    verb = "end" if all(problem.state == COMPLETE for problem in ended) else "fail"
    return f"its tasks {verb} again and again, {worst} times in one slot: {describe(ended[0])}"


def given_up(seen: Seen, problems: t.Sequence[Problem]) -> str | None:
    """Say so when the engine will not try a slot again that has ended (restart condition or attempts used up)."""
    policy = (seen.tree.get("TaskTemplate") or {}).get("RestartPolicy") or {}
    if not may_end(seen.tree) and not policy.get("MaxAttempts"):
        return None
    ended = {problem.task_id: problem for problem in problems if problem.has_ended}
    for task in latest(seen.tasks).values():
        problem = ended.get(task["ID"])
        if problem is not None and not is_wanted(task):
            text = f"the engine does not restart it any more: {describe(problem)}"
            return text if problem.state != COMPLETE or not serves(seen) else f"{text}, and it has {serves(seen)}"
    return None


def unserved(seen: Seen, problems: t.Sequence[Problem], served: t.AbstractSet[str]) -> Problem | None:
    """Return the problem of a slot in which nothing runs and the last task that ended did so too early."""
    ended = {problem.task_id: problem for problem in problems if problem.has_ended}
    for slot, task in latest(task for task in seen.tasks if has_ended(task)).items():
        if slot not in served and task["ID"] in ended:
            return ended[task["ID"]]
    return None
