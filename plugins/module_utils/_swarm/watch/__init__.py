# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Watching services after a write: the verdict, the loop that waits for it, progress and the report.

What the engine does, that all of this relies on. Sources are files of moby/swarmkit; each line names the test that
would notice a change on a real engine.

*Updates.* C(UpdateStatus) belongs to one update: a create and a scale have none, any write deletes it, but for a
rollback that somebody asks for, which begins with C(rollback_started) (C(manager/controlapi/service.go),
C(UpdateService)). An update is C(paused) when more than C(MaxFailureRatio) of the tasks that it made (0: one) end, with
whatever code, before they ran or within the monitor period after that. From then on tasks of the old spec stay, while
those of the new spec are restarted like any others: the pause says nothing of them, and never ends by itself
(C(manager/orchestrator/update/updater.go), C(Run)). An old task that ends by itself is replaced by a new one
(C(manager/orchestrator/restart/restart.go), C(Restart)). With C(FailureAction: rollback) in its C(RollbackConfig) the
engine pauses a rollback that fails, and within a monitor period calls it C(completed) all the same (such a pause leaves
C(stopped) unset in C(Run)). C(test_d58_a_paused_update_whose_tasks_recovered_has_converged)

*Defaults.* A service without C(UpdateConfig) is updated one task at a time, stop-first; C(Parallelism: 0) in one is all
at once (C(api/defaults/service.go), C(updater.go)). C(test_d52_a_drain_of_a_service_without_update_config)

*Nodes of global services.* On a paused node tasks are neither made nor replaced, and not restarted when they fail; once
it is active again, the engine makes up for it, outside of any update. On a drained node, and on one that is down, tasks
are shut down. A write of the service shuts tasks down on paused nodes too when their node does not satisfy its
constraints; a label that is taken from a paused node does not (C(manager/orchestrator/global/global.go):
C(reconcileServices), C(reconcileOneNode), C(tickTasks); C(constraintenforcer/constraint_enforcer.go)). A global job
runs on active nodes that are ready only (C(manager/orchestrator/jobs/global/reconciler.go)).
C(test_d53_the_engine_leaves_tasks_of_global_services_on_paused_nodes_alone)

*Tasks that end.* With the restart condition C(any) a task is replaced whatever its code, for ever or until
C(MaxAttempts); with C(on-failure) one that ended with code 0 rests, in the state C(complete), and is wanted no more
(C(restart.go), C(shouldRestart)).
C(test_d66_a_service_whose_tasks_completed_does_not_run), C(test_d67_a_service_that_ends_again_and_again_fails_soon)

*History.* See C(memory.py). C(test_d68_a_crash_loop_is_seen_however_short_the_history_of_tasks)

*Labels.* A task keeps those that its service had when the task was made: see C(read_tasks) in C(live.py).
C(test_d70_a_service_that_got_the_stacks_label_by_hand)

*Leaders.* A manager that has lost its leader answers every call with an error until there is one again, some seconds
later; the loop goes on. C(test_the_leader_is_lost)
"""

from __future__ import annotations
