# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services may be written again with their own spec, as a decision table."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan.rewrite import Disturbance, disturbance, is_job

TEMPLATE = {"ContainerSpec": {"Image": "r.test/app:1@sha256:a"}}
OTHER: dict[str, t.Any] = {"ContainerSpec": {"Image": "r.test/app:2@sha256:b"}}


def service(update: str = "", mode: str = "Replicated", **template: t.Any) -> dict[str, t.Any]:
    status = {"UpdateStatus": {"State": update}} if update else {}
    return {"ID": "s", "Spec": {"Name": "web", "Mode": {mode: {}}, "TaskTemplate": {**TEMPLATE, **template}}, **status}


def task(state: str, desired: str = "running", slot: int = 1, at: int = 0, **spec: t.Any) -> dict[str, t.Any]:
    return {
        "ID": f"{slot}-{at}", "ServiceID": "s", "Slot": slot, "DesiredState": desired, "Status": {"State": state},
        "CreatedAt": f"2026-01-01T00:00:{at:02}Z", "Spec": {**TEMPLATE, **spec},
    }  # fmt: skip


NONE: dict[str, t.Any] = {"RestartPolicy": {"Condition": "none"}}
FAILURE: dict[str, t.Any] = {"RestartPolicy": {"Condition": "on-failure"}}
TWICE: dict[str, t.Any] = {"RestartPolicy": {"Condition": "any", "MaxAttempts": 2}}
DONE = Disturbance("a task of it has ended for good, and would run again")
PAUSED = Disturbance("its update is paused and would go on")
UPDATING = Disturbance("it is being updated", passes=True)
JOB = Disturbance("it is a job, which would run again", job=True)
OLD = Disturbance("tasks of another version still run", passes=True)
WAITS = Disturbance("a task of it does not run yet", passes=True, waiting=True)

TABLE: list[tuple[str, dict[str, t.Any], list[dict[str, t.Any]], Disturbance | None]] = [
    ("all run", service(), [task("running"), task("running", slot=2)], None),
    ("nothing is wanted", service(), [], None),
    ("d41: a job", service(mode="ReplicatedJob"), [task("complete", "complete")], JOB),
    ("d41: a job on all nodes", service(mode="GlobalJob"), [], JOB),
    ("d42: paused", service("paused"), [task("running")], PAUSED),
    ("d42: its rollback paused", service("rollback_paused"), [task("running")], PAUSED),
    ("an update", service("updating"), [task("running")], UPDATING),
    ("a rollback", service("rollback_started"), [task("running")], UPDATING),
    ("an update that ended", service("completed"), [task("running")], None),
    ("a rollback that ended", service("rollback_completed"), [task("running")], None),
    ("an update that the engine has not begun to note", service(), [task("running", **OTHER)], OLD),
    ("a task that ended and is restarted", service(), [task("failed", "shutdown"), task("running", at=1)], None),
    ("a task about to be restarted", service(), [task("failed", "shutdown")], None),
    ("one that ended for good", service(**NONE), [task("complete", "shutdown", **NONE)], DONE),
    ("one of two has", service(**NONE), [task("complete", "shutdown", **NONE), task("running", slot=2, **NONE)], DONE),
    ("a success is not restarted", service(**FAILURE), [task("complete", "shutdown", **FAILURE)], DONE),
    ("a failure is", service(**FAILURE), [task("failed", "shutdown", **FAILURE)], None),
    ("attempts used up", service(**TWICE), [task("failed", "shutdown", **TWICE)], DONE),
    ("one that left a drained node", service(**TWICE), [task("shutdown", "shutdown", **TWICE)], None),
    ("it waits for a node", service(), [task("running"), task("pending", slot=2)], WAITS),
    ("it pulls its image", service(), [task("preparing")], WAITS),
    ("its node refused the one before", service(), [task("rejected", "shutdown"), task("preparing", at=1)], None),
    ("a login's own update", {**service("updating"), "PreviousSpec": service()["Spec"]}, [task("running")], None),
    ("another one", {**service("updating"), "PreviousSpec": service(**NONE)["Spec"]}, [task("running")], UPDATING),
    ("it has pulled", service(), [task("ready", "ready"), task("starting", slot=2)], None),
    ("scaled away", service(**NONE), [task("complete", "remove", **NONE)], None),
]


@pytest.mark.parametrize(("what", "found", "tasks", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_d41_d42_what_a_second_write_would_disturb(
    what: str, found: dict[str, t.Any], tasks: list[dict[str, t.Any]], expected: Disturbance | None
) -> None:
    assert disturbance(found, tasks) == expected


def test_jobs_are_known_by_their_mode_even_when_it_is_empty() -> None:
    assert is_job({"Mode": {"GlobalJob": {}}}) and is_job({"Mode": {"ReplicatedJob": {"MaxConcurrent": 1}}})
    assert not is_job({"Mode": {"Global": {}}}) and not is_job({})
