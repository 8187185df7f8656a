# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes other waiters hang, or say "done" too soon; each on real engines."""

from __future__ import annotations

import contextlib
import threading
import time
import typing as t

import pytest
from lab import until
from stacks import SECOND, service, stack
from workbench import Outcome, Swarm


def _one(swarm: Swarm, name: str, tag: str = "v1", replicas: int = 2, **fields: t.Any) -> t.Any:
    return stack(name, service(name, "web", swarm.images[tag], replicas, **fields))


def _status(swarm: Swarm, name: str) -> str | None:
    status = swarm.client.inspect_service(f"{name}_web").get("UpdateStatus") or {}
    return status.get("State")


def test_trap_an_update_that_replaces_no_task_has_no_status(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name)).failed
    before = {task["ID"] for task in swarm.tasks(f"{name}_web")}
    out = swarm.stack(_one(swarm, name, labels={"note": "new"}), wait_timeout=15)
    assert out.changed and not out.failed, out.msg
    assert _status(swarm, name) is None
    assert {task["ID"] for task in swarm.tasks(f"{name}_web")} == before


def test_trap_the_status_of_an_older_update_is_not_believed(swarm: Swarm, name: str) -> None:
    """Completed, and then the very next update fails: the first words of the engine may still be the old ones."""
    for tag in ("v1", "v2"):
        assert not swarm.stack(_one(swarm, name, tag)).failed
    assert _status(swarm, name) == "completed"
    out = swarm.stack(_one(swarm, name, "crash"))
    assert out.failed and "exit code 7" in out.msg
    good = swarm.stack(_one(swarm, name, "v1"))
    assert not good.failed, good.msg


def test_trap_no_replicas(swarm: Swarm, name: str) -> None:
    started = time.monotonic()
    assert not swarm.stack(_one(swarm, name, replicas=0), wait_timeout=15).failed
    changed = swarm.stack(_one(swarm, name, "v2", replicas=0), wait_timeout=15)
    assert changed.changed and not changed.failed, changed.msg
    assert _status(swarm, name) is None and time.monotonic() - started < 15
    grown = swarm.stack(_one(swarm, name, "v2", replicas=1))
    assert not grown.failed and len(swarm.tasks(f"{name}_web")) == 1
    assert not swarm.stack(_one(swarm, name, "v2", replicas=0)).failed


@pytest.fixture
def drained(swarm: Swarm) -> t.Iterator[None]:
    """The worker takes no tasks."""
    assert not swarm.module("node", hostname="n2", availability="drain").failed
    yield
    swarm.module("node", hostname="n2", availability="active")


@pytest.mark.usefixtures("drained")
def test_trap_a_global_service_with_a_drained_node(swarm: Swarm, name: str) -> None:
    out = swarm.stack(_one(swarm, name, Mode={"Global": {}}), wait_timeout=20)
    assert not out.failed, out.msg
    assert out.data["services"][0]["wanted"] == 1


def test_trap_nodes_that_are_down(swarm: Swarm, name: str) -> None:
    """A global service must not wait for a dead node, and a task there does not count for a replicated one."""
    worker = swarm.nodes[1]
    everywhere = service(name, "all", swarm.images["v1"], Mode={"Global": {}})
    assert not swarm.stack(stack(name, everywhere, service(name, "web", swarm.images["v1"], 2))).failed
    worker.kill()
    try:
        until(lambda: swarm.module("cluster_info").data["nodes"][1]["state"] == "down", "the loss to be seen", 60)
        fresh = service(name, "all", swarm.images["v2"], Mode={"Global": {}})
        out = swarm.stack(stack(name, fresh, service(name, "web", swarm.images["v2"], 2)), wait_timeout=100)
        assert not out.failed, out.msg
        assert {item["name"]: item["wanted"] for item in out.data["services"]} == {f"{name}_all": 1, f"{name}_web": 2}
        here = swarm.client.info()["Swarm"]["NodeID"]
        running = [task for task in swarm.tasks(f"{name}_web") if task["NodeID"] == here]
        assert len(running) == 2
    finally:
        worker.start()
        until(lambda: swarm.module("cluster_info").data["nodes"][1]["state"] == "ready", "the node to be back", 60)


def test_trap_somebody_else_updates_during_the_wait(swarm: Swarm, name: str) -> None:
    slowly: dict[str, t.Any] = {
        "UpdateConfig": {"Parallelism": 1, "Monitor": SECOND, "Delay": 3 * SECOND, "FailureAction": "pause"}
    }
    assert not swarm.stack(_one(swarm, name, **slowly)).failed
    out: list[Outcome] = []
    args: dict[str, t.Any] = {"name": f"{name}_web", "image": swarm.images["v2"], "wait_timeout": 30}
    with _in_background(lambda: out.append(swarm.module("service", **args))):
        until(lambda: _status(swarm, name) == "updating", "the update")
        swarm.update(f"{name}_web", lambda spec: spec["Labels"].update(by="hand"))
    assert out[0].failed and "somebody else changed the service" in out[0].msg


@contextlib.contextmanager
def _in_background(run: t.Callable[[], t.Any]) -> t.Iterator[None]:
    thread = threading.Thread(target=run)
    # The runner of modules replaces standard output, which only one thread may do at a time.
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_trap_the_engine_gives_up_after_max_attempts(swarm: Swarm, name: str) -> None:
    policy = {"RestartPolicy": {"Condition": "on-failure", "Delay": SECOND // 5, "MaxAttempts": 2}}
    started = time.monotonic()
    out = swarm.stack(_one(swarm, name, "crash", 1, template=policy), wait_timeout=60)
    assert out.failed and "does not restart it any more: exit code 7" in out.msg
    assert time.monotonic() - started < 60


def test_trap_rollback_of_a_create_has_nothing_to_go_back_to(swarm: Swarm, name: str) -> None:
    action = {"UpdateConfig": {"Monitor": SECOND, "FailureAction": "rollback"}}
    out = swarm.stack(_one(swarm, name, "crash", 1, **action), wait_timeout=30)
    assert out.failed and f"its services were removed ({name}_web): nothing of it remains" in out.msg
    none = swarm.module("stack", name=name, state="rolled_back")
    assert none.failed and "has no release before the present one to go back to" in none.msg
