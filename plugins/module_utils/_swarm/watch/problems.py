# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Tasks that do not do what they should, and what that says of their service. Pure."""

from __future__ import annotations

import typing as t

from .. import nodes as node_facts
from ..tasks import (
    FAILED,
    container_of,
    created,
    error_of,
    exit_code,
    has_failed,
    is_starting,
    is_wanted,
    latest,
    slot_of,
    state_of,
)
from .terms import MAX_FAILURES, Json, Problem, Seen


def problems_of(seen: Seen, ours: str) -> tuple[Problem, ...]:
    """Return the failed and the stuck tasks of our spec, newest first."""
    found = [
        task
        for task in seen.tasks
        if seen.specs.get(task["ID"]) == ours and (has_failed(task) or (is_starting(task) and error_of(task)))
    ]
    found.sort(key=created, reverse=True)
    names = {node["ID"]: node_facts.name_of(node) for node in seen.nodes}
    return tuple(_problem(task, names) for task in found)


def _problem(task: Json, names: t.Mapping[str, str]) -> Problem:
    return Problem(
        task["ID"],
        slot_of(task),
        str(task.get("NodeID") or ""),
        state_of(task),
        error_of(task),
        exit_code(task),
        container_of(task),
        names.get(str(task.get("NodeID")), ""),
    )


def describe(problem: Problem) -> str:
    """Return a problem in a few words."""
    if problem.exit_code is not None and "exit (" in problem.error:
        return f"exit code {problem.exit_code}"
    return problem.error or problem.state


def crash_loop(problems: t.Sequence[Problem]) -> str | None:
    failures: dict[str, int] = {}
    for problem in problems:
        if problem.state in FAILED:
            failures[problem.slot] = failures.get(problem.slot, 0) + 1
    worst = max(failures.values(), default=0)
    if worst < MAX_FAILURES:
        return None
    last = next(problem for problem in problems if problem.state in FAILED)
    return f"its tasks fail again and again, {worst} times in one slot: {describe(last)}"


def given_up(seen: Seen, problems: t.Sequence[Problem]) -> str | None:
    """Say so when the engine will not try a failed slot again (restart condition or attempts used up)."""
    policy = (seen.tree.get("TaskTemplate") or {}).get("RestartPolicy") or {}
    if policy.get("Condition", "any") == "any" and not policy.get("MaxAttempts"):
        return None
    failed = {problem.task_id: problem for problem in problems if problem.state in FAILED}
    for task in latest(seen.tasks).values():
        if task["ID"] in failed and not is_wanted(task):
            return f"the engine does not restart it any more: {describe(failed[task['ID']])}"
    return None
