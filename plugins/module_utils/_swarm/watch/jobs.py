# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on a job: it has converged when as many of its runs as are wanted have completed. Pure."""

from __future__ import annotations

import collections

from ..._diff import Tree
from .. import nodes as node_facts
from ..tasks import FAILED, has_completed, has_ended, is_running, is_starting, of_iteration, state_of
from .problems import describe, held_up
from .terms import MAX_FAILURES, Problem, Seen, Verdict


def judge_job(seen: Seen, problems: tuple[Problem, ...], mode: Tree) -> Verdict:
    """Return the verdict on a job; only the runs of its present iteration count."""
    tasks = of_iteration(seen.tasks, seen.service)
    complete = [task for task in tasks if has_completed(task)]
    if mode["Kind"] == "global-job":
        want = len(node_facts.eligible(seen.nodes, seen.template))
    else:
        want = int(mode.get("TotalCompletions", 1))
    ids = {task["ID"] for task in tasks}
    own = tuple(problem for problem in problems if problem.task_id in ids)
    text, done = f"{len(complete)} of {want} runs completed", len(complete)
    running = sum(is_running(task) for task in tasks)
    if done >= want:
        return Verdict("converged", text, running, want, completed=done)
    active = [task for task in tasks if not has_ended(task)]
    states = collections.Counter(state_of(task) for task in active if is_starting(task) and state_of(task) != "new")
    text += "".join(f", {number} {state}" for state, number in states.items()) + held_up(seen, active)
    failed = [problem for problem in own if problem.state in FAILED]
    if failed and (not active or len(failed) >= MAX_FAILURES):
        return Verdict("failed", f"the job failed: {describe(failed[0])}", running, want, own, "task", completed=done)
    return Verdict("progressing", text, running, want, own, completed=done)
