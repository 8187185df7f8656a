# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks as the engine shows them: their states, slots and exit codes. Pure; works on the engine's own JSON.

A task passes its states in one direction only (swarmkit C(api/types.proto), C(TaskState)): those of I(STARTING) in that
order, then C(running), then one of I(ENDED). What the swarm wants of it is its C(DesiredState).
"""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]

STARTING = ("new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting")
RUNNING = "running"
#: Its program ended with code 0.
COMPLETE = "complete"
#: It did not do what it should: it ended with another code, its node would not run it, or its node is gone.
FAILED = ("failed", "rejected", "orphaned")
ENDED = (COMPLETE, "shutdown", *FAILED, "remove")
#: The engine's filter for tasks that should run now.
SHOULD_RUN = {"desired-state": ["running"]}
_WANTED = ("accepted", "ready", "running")


def state_of(task: t.Mapping[str, t.Any]) -> str:
    """Return the state of a task."""
    return str((task.get("Status") or {}).get("State", ""))


def is_running(task: Json) -> bool:
    """Say whether its program runs."""
    return state_of(task) == RUNNING


def is_starting(task: Json) -> bool:
    """Say whether its program has not started yet."""
    return state_of(task) in STARTING


def has_ended(task: Json) -> bool:
    """Say whether nothing more will come of it."""
    return state_of(task) in ENDED


def stays(task: Json) -> bool:
    """Say whether it has ended and is not about to be forgotten, as tasks of jobs whose service is gone (20.10)."""
    return has_ended(task) and task.get("DesiredState") != "remove"


def has_failed(task: Json) -> bool:
    """Say whether it ended, and not well."""
    return state_of(task) in FAILED


def has_completed(task: Json) -> bool:
    """Say whether its program ended by itself with code 0."""
    return state_of(task) == COMPLETE


def is_wanted(task: Json) -> bool:
    """Say whether the swarm wants it to run, now or as soon as the one before it has stopped."""
    return task.get("DesiredState") in _WANTED


def slot_of(task: Json) -> str:
    """Return the number of its replica; for a global service the id of its node."""
    return str(task.get("Slot") or task.get("NodeID") or "")


def created(task: Json) -> str:
    """Return when it was made, in a form that sorts by time: all stamps are of the leader's clock, and UTC."""
    return str(task.get("CreatedAt", ""))


def latest(tasks: t.Iterable[Json]) -> dict[str, Json]:
    """Return slot → its newest task."""
    return {slot_of(task): task for task in sorted(tasks, key=created)}


def of_service(tasks: t.Iterable[Json], service_id: str) -> list[Json]:
    """Return the tasks of one service."""
    return [task for task in tasks if task.get("ServiceID") == service_id]


def of_iteration(tasks: t.Iterable[Json], service: Json | None) -> list[Json]:
    """Return the tasks that belong to the present iteration of a job."""
    index = (((service or {}).get("JobStatus") or {}).get("JobIteration") or {}).get("Index", 0)
    return [task for task in tasks if (task.get("JobIteration") or {}).get("Index", 0) == index]


def error_of(task: Json) -> str:
    """Return the engine's reason for its state in one line, "" when it gives none."""
    return " ".join(str((task.get("Status") or {}).get("Err") or "").split())


def container_of(task: Json) -> str:
    """Return the id of its container, "" when it has none."""
    return str(((task.get("Status") or {}).get("ContainerStatus") or {}).get("ContainerID") or "")


def exit_code(task: Json) -> int | None:
    """Return the exit code of its program, None when that has not run, has not ended, or nobody saw its end."""
    if not has_ended(task) or state_of(task) == "orphaned" or not container_of(task):
        return None
    return int(task["Status"]["ContainerStatus"].get("ExitCode", 0))
