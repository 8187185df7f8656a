# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the verdict relies on (C(_swarm/watch/__init__.py) lists it), and what it makes of it; on real engines."""

from __future__ import annotations

import time
import typing as t
from pathlib import Path

import pytest
from lab import until
from stacks import SECOND, service, stack
from workbench import Swarm

ON_FAILURE = {"RestartPolicy": {"Condition": "on-failure", "Delay": SECOND // 5}}
ENDS = {"Command": ["sh", "-c", "echo bad config; exit 0"]}


def _running(swarm: Swarm, name: str) -> dict[str, str]:
    """Return host name → image tag of the tasks of a global service."""
    hosts = {node["ID"]: node["Description"]["Hostname"] for node in swarm.client.nodes()}
    return {
        hosts[task["NodeID"]]: task["Spec"]["ContainerSpec"]["Image"].partition("@")[0].rpartition(":")[2]
        for task in swarm.tasks(f"{name}_all")
    }


@pytest.fixture
def awake(swarm: Swarm) -> t.Iterator[None]:
    """The worker takes tasks again afterwards."""
    yield
    swarm.module("node", hostname="n2", availability="active")


@pytest.mark.usefixtures("awake")
def test_d53_the_engine_leaves_tasks_of_global_services_on_paused_nodes_alone(swarm: Swarm, name: str) -> None:
    def everywhere(tag: str, key: str = "all") -> t.Any:
        return service(name, key, swarm.images[tag], Mode={"Global": {}})

    assert not swarm.stack(stack(name, everywhere("v1"))).failed
    assert swarm.module("node", hostname="n2", availability="pause").changed
    out = swarm.stack(stack(name, everywhere("v2"), everywhere("v2", "new")), wait_timeout=20)
    assert not out.failed and [item["wanted"] for item in out.data["services"]] == [1, 1], out.msg
    sentence = "node n2 is paused, so the engine starts and replaces none of its tasks there until that ends"
    assert all(f"service {name}_{key}: {sentence}" in out.text for key in ("all", "new"))
    assert _running(swarm, name) == {"n1": "v2", "n2": "v1"} and len(swarm.tasks(f"{name}_new")) == 1
    assert swarm.module("node", hostname="n2", availability="active").changed
    until(lambda: _running(swarm, name) == {"n1": "v2", "n2": "v2"}, "the engine to make up for it", 20)
    again = swarm.stack(stack(name, everywhere("v2"), everywhere("v2", "new")), wait_timeout=20)
    assert not again.changed and not again.failed, again.msg


def test_d58_a_paused_update_whose_tasks_recovered_has_converged(swarm: Swarm, name: str, tmp_path: Path) -> None:
    """The engine says "paused" for ever, and restarts what failed all the same."""
    ok = tmp_path / "ok"
    command = ["sh", "-c", f"test -e {ok} || exit 7; sleep 1000"]
    mounts = [{"Type": "bind", "Source": str(tmp_path), "Target": str(tmp_path)}]
    good = service(name, "web", swarm.images["v1"], container={"Mounts": mounts})
    late = service(name, "web", swarm.images["v1"], container={"Mounts": mounts, "Command": command})
    swarm.create(good.spec)
    until(lambda: len(swarm.tasks(f"{name}_web")) == 1, "a task")
    swarm.update(f"{name}_web", lambda spec: spec.update(TaskTemplate=late.spec["TaskTemplate"]))

    def status() -> str:
        return str((swarm.client.inspect_service(f"{name}_web").get("UpdateStatus") or {}).get("State"))

    until(lambda: status() == "paused", "the update to be paused")
    args: dict[str, t.Any] = {"name": f"{name}_web", "command": command, "resolve_image": False, "wait_timeout": 20}
    failed = swarm.module("service", **args)
    assert failed.failed and "the engine paused the update" in failed.msg and "exit code 7" in failed.msg
    ok.touch()
    until(lambda: len(swarm.tasks(f"{name}_web")) == 1, "the task to recover")
    out = swarm.module("service", **args)
    assert status() == "paused"
    assert not out.failed and not out.changed and out.data["running"] == 1, out.msg


def test_d66_a_service_whose_tasks_completed_does_not_run(swarm: Swarm, name: str) -> None:
    shot = service(name, "shot", swarm.images["v1"], 2, container=ENDS, template=ON_FAILURE)
    out = swarm.stack(stack(name, shot), wait_timeout=20)
    assert not out.failed, out.msg
    row = out.data["services"][0]
    assert (row["state"], row["running"], row["completed"], row["wanted"]) == ("converged", 0, 2, 2)


def test_d66_what_has_a_health_check_is_meant_to_run(swarm: Swarm, name: str) -> None:
    check = {"Healthcheck": {"Test": ["CMD", "true"]}}
    web = service(name, "web", swarm.images["v1"], container={**ENDS, **check}, template=ON_FAILURE)
    out = swarm.stack(stack(name, web), wait_timeout=30)
    assert out.failed and "exit code 0, and it has a health check" in out.msg and "| bad config" in out.msg
    assert "nothing of it remains" in out.msg


def test_d67_a_service_that_ends_again_and_again_fails_soon(swarm: Swarm, name: str) -> None:
    started = time.monotonic()
    out = swarm.stack(stack(name, service(name, "web", swarm.images["v1"], container=ENDS)), wait_timeout=100)
    assert out.failed and "end again and again" in out.msg and "times in one slot: exit code 0" in out.msg
    assert "| bad config" in out.msg and "restart_policy.condition" in out.msg
    assert time.monotonic() - started < 60


@pytest.fixture(params=[1, 0])
def short_history(swarm: Swarm, request: pytest.FixtureRequest) -> t.Iterator[int]:
    """The swarm keeps so many tasks of each slot, the one that runs included."""

    def limit(number: int) -> None:
        found = swarm.client.inspect_swarm()
        spec = {**found["Spec"], "Orchestration": {"TaskHistoryRetentionLimit": number}}
        assert swarm.client.update_swarm(found["Version"]["Index"], swarm_spec=spec)

    limit(request.param)
    yield request.param
    limit(5)


def test_d68_a_crash_loop_is_seen_however_short_the_history_of_tasks(
    swarm: Swarm, name: str, short_history: int
) -> None:
    started = time.monotonic()
    slow = {"RestartPolicy": {"Condition": "any", "Delay": 2 * SECOND}}
    where = {"Placement": {"Constraints": [f"node.hostname==n{2 - short_history}"]}}
    # On a busy machine a task that ends after 0.3 s may be seen running for more than one: that would be all right.
    watch = {"Monitor": 5 * SECOND, "FailureAction": "pause"}
    crash = service(name, "web", swarm.images["crash"], template={**slow, **where}, UpdateConfig=watch)
    out = swarm.stack(stack(name, crash), wait_timeout=100)
    assert out.failed and "its tasks fail again and again" in out.msg
    assert "exit code 7" in out.msg and "| no database" in out.msg
    assert time.monotonic() - started < 60
