# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a failure: which service, which task on which node, why, and its last words."""

from __future__ import annotations

import typing as t

from ..._errors import EngineError
from ..engine import Engine
from ..nodes import name_of
from ..plan.migrations import MigrationPlan
from ..tasks import COMPLETE
from .terms import Problem, Verdict

Json = dict[str, t.Any]

LOG_LINES = 20
#: Tasks shown for one service; the others fail for the same reason as a rule.
_TASKS = 3
_SIGKILL_EXIT = 137
#: The engine's words for a container whose program never ran: there is no log to ask for.
_NEVER_RAN = "starting container failed"
#: All that a task says of a failed pull, whatever the reason.
_NO_IMAGE = "No such image: "

#: Image → in one sentence why its registry does not give it, "" when it does.
Ask = t.Callable[[str], str]


def collect(
    engine: Engine, verdicts: t.Mapping[str, Verdict], nodes: t.Sequence[Json], ask: Ask | None = None
) -> list[Json]:
    """Return one entry for each service that failed, with what its tasks left behind.

    Logs are read while the tasks still exist, so this comes before anything is undone.

    :param ask: asks a registry for an image that a node could not pull, for the engine does not say why.
    """
    names = {node["ID"]: name_of(node) for node in nodes}
    return [
        {
            "service": service,
            "reason": verdict.reason,
            "cause": verdict.cause,
            "running": verdict.running,
            "wanted": verdict.wanted,
            "completed": verdict.completed,
            "tasks": [_task(engine, problem, more, names, ask) for problem, more in _telling(verdict.problems)],
        }
        for service, verdict in sorted(verdicts.items())
        if verdict.state == "failed"
    ]


def _telling(problems: t.Sequence[Problem]) -> list[tuple[Problem, int]]:
    """Return a problem of each kind with the number of others like it; failed tasks before those that merely wait.

    The newest one of a kind, unless the last words of another are known already: it may be forgotten.
    """
    ordered = sorted(problems, key=lambda problem: (problem.exit_code is None, not problem.words))
    kinds: dict[tuple[str, str, int | None], list[Problem]] = {}
    for problem in ordered:
        kinds.setdefault((problem.state, problem.error, problem.exit_code), []).append(problem)
    return [(alike[0], len(alike) - 1) for alike in kinds.values()][:_TASKS]


def _task(engine: Engine, problem: Problem, more: int, names: t.Mapping[str, str], ask: Ask | None) -> Json:
    entry: Json = {
        "id": problem.task_id,
        "slot": problem.slot,
        "node": names.get(problem.node_id, problem.node_id),
        "state": problem.state,
        "error": problem.error,
        "exit_code": problem.exit_code,
        "more": more,
        "logs": list(problem.words),
        "logs_problem": "",
    }
    if problem.container_id:
        entry.update(_last_words(engine, problem))
    hint = _hint(problem, bool(entry.get("oom")), ask)
    return {**entry, "hint": hint} if hint else entry


def _last_words(engine: Engine, problem: Problem) -> Json:
    found: Json = {}
    try:
        if not problem.words and _NEVER_RAN not in problem.error:
            found["logs"] = engine.task_logs(problem.task_id, LOG_LINES)
    except EngineError as exc:
        found["logs_problem"] = exc.message
    try:
        container = engine.container(problem.container_id)
    except EngineError:
        container = None
    if container is not None:  # only a task of this very node shows more
        state = container.get("State") or {}
        found["oom"] = bool(state.get("OOMKilled"))
        checks = (state.get("Health") or {}).get("Log") or []
        if checks:
            found["health_check"] = str(checks[-1].get("Output", "")).strip()
    return found


def _hint(problem: Problem, out_of_memory: bool, ask: Ask | None) -> str:
    if out_of_memory:
        return "the kernel killed it because it used more memory than its limit"
    if problem.exit_code == _SIGKILL_EXIT and "unhealthy" not in problem.error:
        return "it was killed (SIGKILL), often by the kernel for lack of memory"
    if problem.error.startswith(_NO_IMAGE):
        why = ask(problem.error[len(_NO_IMAGE) :]) if ask else ""
        return why or (
            "the node could not pull the image, or the registry refused the login that came with the service "
            "(the engine does not say which)"
        )
    if problem.state == COMPLETE:
        return (
            "its program ended by itself, and a service is meant to keep running: for one that may end set "
            "deploy.restart_policy.condition to on-failure or none, or make it a job (deploy.mode: replicated-job)"
        )
    if "unhealthy" in problem.error:
        return "its health check failed"
    return ""


def text(failures: t.Sequence[Json], now: str) -> str:
    """Return the failures for people.

    :param now: one sentence on the state that the stack is in.
    """
    lines = []
    for failure in failures:
        lines.append(f"service {failure['service']}: {failure['reason']}")
        for task in failure["tasks"]:
            lines += _task_lines(task)
    return "\n".join([now, *lines])


def _task_lines(task: Json) -> list[str]:
    where = f" on node {task['node']}" if task["node"] else ""
    code = f", exit code {task['exit_code']}" if task["exit_code"] is not None else ""
    error = f": {task['error']}" if task["error"] else ""
    more = f" ({task['more']} more like it)" if task["more"] else ""
    lines = [f"  task {task['id'][:12]} (slot {task['slot']}){where} {task['state']}{code}{error}{more}"]
    if task.get("hint"):
        lines.append(f"    {task['hint']}")
    if task.get("health_check"):
        lines.append(f"    health check said: {task['health_check']}")
    lines += [f"    | {line}" for line in task["logs"]]
    if task["logs_problem"]:
        lines.append(f"    its log cannot be read here: {task['logs_problem']}")
    return lines


def of_migration(plan: MigrationPlan, logs: t.Sequence[str], node: str, seconds: float) -> Json:
    """Return a migration that has ended well, for the user."""
    return {**plan.to_dict(), "seconds": round(seconds, 1), "node": node, "logs": list(logs[-LOG_LINES:])}
