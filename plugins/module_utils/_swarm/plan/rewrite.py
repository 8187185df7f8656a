# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine does when a service is written again: facts that fresh logins, jobs and the way back rely on. Pure.

A login is no field of a spec: who renews it sends the live spec again. The managers take every ServiceUpdate alike
(moby/swarmkit, C(manager/controlapi/service.go), C(UpdateService)):

- B(A job runs again), whatever was changed: C(JobStatus.JobIteration) goes up by one, and the managers start the runs
  of the new iteration and remove those of the one before: of a replicated job those that have not ended
  (C(orchestrator/jobs/replicated/reconciler.go), C(ReconcileService)), of a global job all, with their logs
  (C(orchestrator/jobs/global/reconciler.go)).
- B(UpdateStatus is forgotten.) An update that was paused, with old tasks still serving, therefore begins anew, because
  C(orchestrator/update/updater.go) only stops for a status that says "paused". One that is under way is cancelled and
  begun again (C(Supervisor.Update): the login makes it another goal).
- B(The present spec becomes the previous one.) During an update a second write would make the engine's own rollback go
  to the version that is failing. After one, C(docker service rollback) finds the same version and changes nothing,
  while a later update keeps the right spec to go back to.
- B(Tasks that are "dirty" are replaced.) C(orchestrator/task.go), C(IsTaskDirty): a login does not count for tasks
  that are ready, starting or running, and counts for all others. So a task that waits for a node or pulls its image
  is replaced, and until its successor runs the service is "updating", to the very spec that it had. And in a slot
  whose task has ended and is not restarted (C(restart/restart.go), C(UpdatableTasksInSlot), C(shouldRestart))
  I(the program runs again).

This is so in 20.10, which the tests ask, and in the source of all later ones up to 29. They differ where a job is
removed: up to 23.0.1 its containers run on and its tasks are kept; since 23.0.2 the managers remove them
(C(orchestrator/jobs/orchestrator.go), C(EventDeleteService)).

C(tests/integration/engine/test_rewrite_facts.py) asks a real engine for each of these.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .. import tasks as facts
from .tree import fingerprint, task_tree

Json = dict[str, t.Any]

_JOBS = ("ReplicatedJob", "GlobalJob")
_PAUSED = ("paused", "rollback_paused")
_UPDATING = ("updating", "rollback_started")
#: What M(repeats) is, in words that follow the name of a service.
REPEATS = "a task of it has ended for good, and would run again"
#: A node has such a task's image.
_PULLED = ("ready", "starting")


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """Why a service is better not written again just now.

    :ivar reason: in a few words, to follow the name of the service.
    :ivar passes: time alone ends it; otherwise somebody has to act, or it is never right.
    :ivar waiting: nothing but tasks that do not run yet would be replaced.
    :ivar job: it is a job, which nobody ought to write without need.
    """

    reason: str
    passes: bool = False
    waiting: bool = False
    job: bool = False


def is_job(spec: Json) -> bool:
    """Say whether a service runs to an end, as C(replicated-job) and C(global-job) do."""
    return any((spec.get("Mode") or {}).get(kind) is not None for kind in _JOBS)


def may_end(spec: Json) -> bool:
    """Say whether the restart policy of a service lets its program rest once it has ended well."""
    policy = (spec.get("TaskTemplate") or {}).get("RestartPolicy") or {}
    return (policy.get("Condition") or "any") != "any"


def has_rested(service: Json, tasks: t.Iterable[Json]) -> bool:
    """Say whether the program that a service has now has ended well in all its tasks, and rests.

    :param tasks: all tasks of the service, with their history.
    """
    own = fingerprint(task_tree(service["Spec"].get("TaskTemplate") or {}))
    last = [slot[-1] for slot in _slots(tasks)] if may_end(service["Spec"]) else []
    return bool(last) and all(
        facts.has_completed(task) and fingerprint(task_tree(task.get("Spec") or {})) == own for task in last
    )


def repeats(spec: Json, tasks: t.Iterable[Json]) -> bool:
    """Say whether a write would run a program again that has ended for good, in any slot.

    :param tasks: all tasks of the service, with their history.
    """
    policy = (spec.get("TaskTemplate") or {}).get("RestartPolicy") or {}
    return any(not any(map(facts.is_wanted, slot)) and _is_done(slot[-1], policy) for slot in _slots(tasks))


def is_paused(service: Json) -> bool:
    """Say whether the engine has paused the last update of a service, or the way back from it."""
    return (service.get("UpdateStatus") or {}).get("State", "") in _PAUSED


def goes_on(service: Json, tasks: t.Iterable[Json]) -> bool:
    """Say whether a paused update has left tasks behind, which any write of the service replaces.

    :param tasks: those of the service that should run.
    """
    own = fingerprint(task_tree(service["Spec"].get("TaskTemplate") or {}))
    return is_paused(service) and any(fingerprint(task_tree(task.get("Spec") or {})) != own for task in tasks)


def disturbance(service: Json, tasks: t.Iterable[Json]) -> Disturbance | None:
    """Return what writing a service again with its own spec would disturb, None when it changes nothing.

    :param tasks: all tasks of the service, with their history.
    """
    if is_job(service["Spec"]):
        return Disturbance("it is a job, which would run again", job=True)
    if is_paused(service):
        return Disturbance("its update is paused and would go on")
    if (service.get("UpdateStatus") or {}).get("State", "") in _UPDATING and service.get("PreviousSpec") != service[
        "Spec"
    ]:
        return Disturbance("it is being updated", passes=True)
    return _of_tasks(service["Spec"].get("TaskTemplate") or {}, tasks)


def _of_tasks(template: Json, tasks: t.Iterable[Json]) -> Disturbance | None:
    """Return what the tasks have against it; a program that would run again weighs more than a task that waits."""
    own = fingerprint(task_tree(template))
    waiting = 0
    for slot in _slots(tasks):
        wanted = [task for task in slot if facts.is_wanted(task)]
        if any(fingerprint(task_tree(task.get("Spec") or {})) != own for task in wanted):
            return Disturbance("tasks of another version still run", passes=True)
        if not wanted and _is_done(slot[-1], template.get("RestartPolicy") or {}):
            return Disturbance(REPEATS)
        # What its node has just refused to run may well wait for nothing but a login.
        refused = any(facts.state_of(task) == "rejected" for task in slot)
        coming = [task for task in wanted if facts.is_starting(task) and facts.state_of(task) not in _PULLED]
        waiting += bool(coming) and not refused
    return Disturbance("a task of it does not run yet", passes=True, waiting=True) if waiting else None


def _slots(tasks: t.Iterable[Json]) -> list[list[Json]]:
    """Return the tasks of each replica, or of each node for a global service, oldest first."""
    slots: dict[str, list[Json]] = {}
    for task in sorted(tasks, key=facts.created):
        if task.get("DesiredState") != "remove":
            slots.setdefault(facts.slot_of(task), []).append(task)
    return list(slots.values())


def _is_done(last: Json, policy: Json) -> bool:
    """Say whether the engine does not restart a slot after its last task, as the restart policy tells it."""
    condition, state = policy.get("Condition") or "any", facts.state_of(last)
    if condition == "none" or (condition == "on-failure" and state == "complete"):
        return True
    return bool(policy.get("MaxAttempts")) and state in ("complete", "failed", "rejected")
