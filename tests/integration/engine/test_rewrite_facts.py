# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real engine does when a service is written again, as plan/rewrite.py says; and what a fresh login spares."""

from __future__ import annotations

import typing as t

import pytest
from lab import REGISTRY, until
from stacks import SECOND, service, stack
from workbench import Swarm

LOGIN = [{"registry": REGISTRY, "username": "anybody", "password": "anything"}]  # an open registry takes any
ONCE: dict[str, t.Any] = {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}
EVERYWHERE: dict[str, t.Any] = {"GlobalJob": {}}


def spec(name: str, image: str, *command: str, **fields: t.Any) -> dict[str, t.Any]:
    """Return the spec of a service that carries no stack's label."""
    template = {"ContainerSpec": {"Image": image, "Command": list(command)}, **fields.pop("template", {})}
    return {"Name": name, "TaskTemplate": template, "EndpointSpec": {"Mode": "dnsrr"}, **fields}


def write_again(swarm: Swarm, name: str) -> None:
    """Send a service the spec that it has, with another login, as nothing of ours would."""
    live = swarm.client.inspect_service(name)
    answer = swarm.client.post(
        f"{swarm.client.base_url}/services/{live['ID']}/update", json=live["Spec"],
        params={"version": live["Version"]["Index"]}, headers={"X-Registry-Auth": "e30="},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text


def history(swarm: Swarm, name: str) -> list[tuple[str, str]]:
    """Return id and state of all tasks of a service, oldest first."""
    tasks = sorted(swarm.client.tasks({"service": name}), key=lambda task: str(task["CreatedAt"]))
    return [(task["ID"], task["Status"]["State"]) for task in tasks]


def updating(swarm: Swarm, name: str) -> str:
    """Return the engine's word for the state of a service's update, "" for none."""
    return str((swarm.client.inspect_service(name).get("UpdateStatus") or {}).get("State", ""))


def states(swarm: Swarm, name: str) -> list[str]:
    return sorted(state for _task, state in history(swarm, name))


def left(swarm: Swarm, *names: str) -> dict[str, str]:
    """Renew the logins of some services; return those that were left alone, and why. The others got it."""
    out = swarm.module("registry_auth", registry_auth=LOGIN, services=list(names))
    assert not out.failed, out.msg
    found = {item["name"]: item["reason"] for item in out.data["left_alone"]}
    assert sorted([*found, *out.data["services"]]) == sorted(names)
    assert all(f"Service {name} keeps the login that it has: {reason}" in out.text for name, reason in found.items())
    return found


@pytest.mark.parametrize(("mode", "runs"), [(ONCE, 1), (EVERYWHERE, 2)], ids=["replicated", "global"])
def test_d41_a_fresh_login_starts_no_job(swarm: Swarm, name: str, mode: dict[str, t.Any], runs: int) -> None:
    job = f"{name}_job"
    swarm.create(spec(job, swarm.images["v1"], "true", Mode=mode))
    until(lambda: states(swarm, job) == ["complete"] * runs, "the job to end")
    before = swarm.client.inspect_service(job)
    assert left(swarm, job) == {job: "it is a job, which would run again"}
    assert swarm.client.inspect_service(job)["Version"] == before["Version"]

    write_again(swarm, job)  # the fact
    after = swarm.client.inspect_service(job)["JobStatus"]["JobIteration"]
    assert after["Index"] == before["JobStatus"]["JobIteration"].get("Index", 0) + 1
    until(lambda: {task["JobIteration"].get("Index", 0) for task in swarm.client.tasks({"service": job})} >= {1},
          "the job to run again")  # fmt: skip


@pytest.mark.parametrize("condition", ["none", "on-failure"])
def test_d41_a_fresh_login_does_not_repeat_a_program_that_has_ended(swarm: Swarm, name: str, condition: str) -> None:
    once = f"{name}_once"
    policy = {"RestartPolicy": {"Condition": condition}}
    swarm.create(spec(once, swarm.images["v1"], "true", template=policy, Mode={"Replicated": {"Replicas": 1}}))
    until(lambda: states(swarm, once) == ["complete"], "the program to end")
    assert left(swarm, once) == {once: "a task of it has ended for good, and would run again"}
    assert states(swarm, once) == ["complete"]

    write_again(swarm, once)  # the fact
    until(lambda: states(swarm, once) == ["complete", "complete"], "the program to run again")


def test_d42_a_fresh_login_does_not_wake_a_paused_update(swarm: Swarm, name: str) -> None:
    web = f"{name}_web"
    assert not swarm.stack(stack(name, service(name, "web", swarm.images["v1"], 2))).failed
    serving = {task["ID"] for task in swarm.tasks(web)}

    def break_it(live: dict[str, t.Any]) -> None:
        live["TaskTemplate"]["ContainerSpec"]["Image"] = swarm.images["crash"]
        live["TaskTemplate"]["RestartPolicy"] = {"Condition": "none"}
        live["UpdateConfig"] = {"Parallelism": 1, "Delay": 2 * SECOND, "Monitor": 5 * SECOND, "FailureAction": "pause"}

    swarm.update(web, break_it)
    until(lambda: updating(swarm, web) == "paused", "the pause")
    old = serving & {task["ID"] for task in swarm.tasks(web)}
    assert len(old) == 1
    paused = swarm.client.inspect_service(web)
    for _attempt in range(2):
        assert left(swarm, web) == {web: "its update is paused and would go on"}
    # Nor does a drain; and a plan says what even a label does.
    node = next(task["NodeID"] for task in swarm.tasks(web) if task["ID"] in old)
    drained = swarm.module("node", hostname=node, availability="drain", wait_timeout=10)
    assert drained.failed and f"{web}: its last update is paused, and would go on" in drained.msg
    plan = swarm.module("service", check=True, name=web, labels={"a": "b"})
    assert "its last update was paused, and with this change it goes on" in plan.text and "restarts 1 task" in plan.text
    assert swarm.client.inspect_service(web) == paused
    assert old <= {task["ID"] for task in swarm.tasks(web)}

    write_again(swarm, web)  # the fact
    begun = paused["UpdateStatus"]["StartedAt"]
    until(lambda: swarm.client.inspect_service(web).get("UpdateStatus", {}).get("StartedAt", begun) != begun,
          "the update to begin anew")  # fmt: skip


def test_a1_a_fresh_login_replaces_no_task_that_waits(swarm: Swarm, name: str) -> None:
    """The engine would replace it, and then be "updating" for as long as no node takes it."""
    web = f"{name}_web"
    nowhere = {"Placement": {"Constraints": ["node.hostname==nowhere"]}}
    swarm.create(spec(web, swarm.images["v1"], "sleep", "100", template=nowhere, Mode={"Replicated": {"Replicas": 1}}))
    until(lambda: states(swarm, web) == ["pending"], "the task to wait")
    before = history(swarm, web)
    assert left(swarm, web) == {web: "a task of it does not run yet"}
    assert history(swarm, web) == before

    write_again(swarm, web)  # the fact
    until(lambda: updating(swarm, web) == "updating", "the update")
    assert left(swarm, web) == {web: "a task of it does not run yet"}  # there is nothing that it is updated to


def test_a1_a_fresh_login_restarts_nothing_and_makes_the_spec_its_own_predecessor(swarm: Swarm, name: str) -> None:
    web = f"{name}_web"
    for tag in ("v1", "v2"):
        assert not swarm.stack(stack(name, service(name, "web", swarm.images[tag], 2))).failed
    before = history(swarm, web)
    assert left(swarm, web) == {}
    live = swarm.client.inspect_service(web)
    assert live["PreviousSpec"] == live["Spec"] and "UpdateStatus" not in live
    assert history(swarm, web) == before

    # An update that fails later still finds the right way back.
    def break_it(spec: dict[str, t.Any]) -> None:
        spec["TaskTemplate"]["ContainerSpec"]["Image"] = swarm.images["crash"]
        spec["UpdateConfig"] = {"Parallelism": 1, "Monitor": 5 * SECOND, "FailureAction": "rollback"}

    swarm.update(web, break_it)
    until(lambda: updating(swarm, web) == "rollback_completed", "the way back", 60)
    assert (
        swarm.spec(web)["TaskTemplate"]["ContainerSpec"]["Image"]
        == live["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    )
