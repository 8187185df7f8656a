# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs in stacks: what runs them again, what does not, and that nothing of them is left behind."""

from __future__ import annotations

import typing as t

import pytest
from lab import until
from stacks import SECOND, service, stack
from workbench import Swarm

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import ServiceEntry, StackModel

EVERYWHERE: dict[str, t.Any] = {"GlobalJob": {}}


def once(runs: int = 1) -> dict[str, t.Any]:
    return {"ReplicatedJob": {"MaxConcurrent": runs, "TotalCompletions": runs}}


def job(swarm: Swarm, name: str, *command: str, mode: dict[str, t.Any] | None = None, label: str = "") -> ServiceEntry:
    """Return a job of a stack; it is not tried again when it fails."""
    entry = service(
        name, "job", swarm.images["v1"], container={"Command": list(command)}, labels={"step": label} if label else {},
        template={"RestartPolicy": {"Condition": "none"}}, Mode=mode or once(),
    )  # fmt: skip
    del entry.spec["UpdateConfig"]
    return entry


def web(swarm: Swarm, name: str, tag: str) -> ServiceEntry:
    return service(name, "web", swarm.images[tag], wave=1)


def runs(swarm: Swarm, name: str) -> list[tuple[int, str]]:
    """Return number of the iteration and state of each task of the job."""
    tasks = swarm.client.tasks({"service": f"{name}_job"})
    return sorted(((task["JobIteration"] or {}).get("Index", 0), task["Status"]["State"]) for task in tasks)


def containers(swarm: Swarm, name: str) -> list[str]:
    """Return the names of all running containers of a stack, on any node."""
    found = []
    for node in swarm.nodes:
        client = node.client()
        found += [item["Names"][0].strip("/") for item in client.containers()]
        client.close()
    return sorted(item for item in found if item.startswith(f"{name}_"))


def test_d49_the_plan_says_that_a_job_runs_again(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(stack(name, job(swarm, name, "true"))).failed
    assert runs(swarm, name) == [(0, "complete")]
    again = swarm.stack(stack(name, job(swarm, name, "true")))
    assert not again.changed and runs(swarm, name) == [(0, "complete")]
    edited = stack(name, job(swarm, name, "true", label="two"))
    check = swarm.stack(edited, check=True)
    assert f"~ service {name}_job: runs again" in check.data["summary"]
    assert [item["runs_again"] for item in check.data["plan"]["services"]] == [True]
    assert not swarm.stack(edited).failed
    assert runs(swarm, name) == [(0, "complete"), (1, "complete")]


def test_d49_the_way_back_starts_no_job(swarm: Swarm, name: str) -> None:
    def model(tag: str, *command: str) -> StackModel:
        return stack(name, job(swarm, name, *command), web(swarm, name, tag))

    assert not swarm.stack(model("v1", "true")).failed
    # The job's new version ends well, what comes after it does not: it has run, and is not run again.
    bad = swarm.stack(model("crash", "sh", "-c", "true"))
    assert bad.failed and "was rolled back: release 1 runs" in bad.msg, bad.msg
    assert runs(swarm, name) == [(0, "complete"), (1, "complete")]
    assert swarm.spec(f"{name}_job")["TaskTemplate"]["ContainerSpec"]["Command"] == ["sh", "-c", "true"]
    # It fails itself: the old one is there again and does not run; the next deploy runs the new one again.
    bad = swarm.stack(model("v2", "false"))
    assert bad.failed and "exit code 1" in bad.msg and "release 1 remains" in bad.msg, bad.msg
    assert [state for index, state in runs(swarm, name) if index >= 2] == ["failed"]
    good = swarm.stack(model("v2", "sh", "-c", "exit 0"))
    assert not good.failed, good.msg
    assert runs(swarm, name)[-1][1] == "complete"

    # Going back by hand runs nothing either.
    before = runs(swarm, name)
    back = swarm.module("stack", name=name, state="rolled_back", release=1, wait_timeout=30)
    assert not back.failed, back.msg
    assert swarm.spec(f"{name}_web")["TaskTemplate"]["ContainerSpec"]["Image"].startswith(swarm.images["v1"])
    assert runs(swarm, name) == before and f"job {name}_job stays as it is now" in back.text


def test_d49_a_new_job_that_is_still_running_is_stopped_on_the_way_back(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(stack(name, web(swarm, name, "v1"))).failed
    slow = stack(name, job(swarm, name, "sleep", "100"), web(swarm, name, "v2"))
    bad = swarm.stack(slow, wait_timeout=5)
    assert bad.failed and "0 of 1 runs completed" in bad.msg, bad.msg
    assert containers(swarm, name) == [item for item in containers(swarm, name) if item.startswith(f"{name}_web")] != []


def test_d49_a_job_on_all_nodes_that_failed_runs_with_the_next_deploy(swarm: Swarm, name: str) -> None:
    """The way back has put it to rest with a constraint; that is nobody's wish, and goes with the next deploy."""
    good = stack(name, job(swarm, name, "true", mode=EVERYWHERE))
    assert not swarm.stack(good).failed
    bad = swarm.stack(stack(name, job(swarm, name, "false", mode=EVERYWHERE)))
    assert bad.failed and "release 1 remains" in bad.msg, bad.msg
    again = swarm.stack(good)
    assert not again.failed and f"~ service {name}_job: runs again" in again.data["summary"], again.msg
    last = max(runs(swarm, name))[0]
    assert [state for index, state in runs(swarm, name) if index == last] == ["complete"] * 2
    assert not swarm.stack(good).changed


def shot(swarm: Swarm, name: str, *command: str, mode: dict[str, t.Any] | None = None) -> ServiceEntry:
    """Return a service of a stack whose program ends, and is run again when it fails."""
    policy = {"RestartPolicy": {"Condition": "on-failure", "Delay": SECOND // 5}}
    mode = mode or {"Replicated": {"Replicas": 1}}
    return service(name, "shot", swarm.images["v1"], container={"Command": list(command)}, template=policy, Mode=mode)


def shots(swarm: Swarm, name: str) -> list[tuple[str, str]]:
    """Return last word of the command and state of each task of the program that ends, oldest first."""
    tasks = sorted(swarm.client.tasks({"service": f"{name}_shot"}), key=lambda task: str(task["CreatedAt"]))
    return [(task["Spec"]["ContainerSpec"]["Command"][-1], task["Status"]["State"]) for task in tasks]


@pytest.mark.parametrize("mode", [{"Replicated": {"Replicas": 1}}, {"Global": {}}], ids=["replicated", "global"])
def test_d49_the_way_back_repeats_no_program_that_has_ended(swarm: Swarm, name: str, mode: dict[str, t.Any]) -> None:
    """What holds for jobs holds for services that have ended well: what they did stays done."""
    number = 2 if "Global" in mode else 1

    def model(tag: str, text: str) -> StackModel:
        return stack(name, shot(swarm, name, "sh", "-c", text, mode=mode), web(swarm, name, tag))

    assert not swarm.stack(model("v1", "true")).failed
    one = [("true", "complete")] * number
    assert shots(swarm, name) == one
    # The new version ends well, what comes after it does not: it has run, and the old one does not run after it.
    check = swarm.stack(model("crash", "exit 0"), check=True)
    assert f"~ service {name}_shot: runs again" in check.data["summary"]
    bad = swarm.stack(model("crash", "exit 0"))
    assert bad.failed and "was rolled back: release 1 runs" in bad.msg, bad.msg
    two = [*one, *[("exit 0", "complete")] * number]
    assert shots(swarm, name) == two
    # Nor does it when one goes back by hand.
    good = swarm.stack(model("v2", "exit 0"))
    assert not good.failed and shots(swarm, name) == two, good.msg
    back = swarm.module("stack", name=name, state="rolled_back", release=1, wait_timeout=30)
    assert not back.failed and shots(swarm, name) == two, back.msg
    assert f"service {name}_shot stays as it is now: going back does not repeat what has ended" in back.text
    # It fails itself: it is stopped, the old one does not run, and the next deploy runs what it brings.
    bad = swarm.stack(model("v1", "exit 3"), wait_timeout=30)
    assert bad.failed and "exit code 3" in bad.msg, bad.msg
    assert [text for text, state in shots(swarm, name) if state != "complete"].count("exit 0") == 0
    assert not any(state in ("running", "pending") for _text, state in shots(swarm, name))
    good = swarm.stack(model("v1", "exit 0"))
    assert not good.failed and shots(swarm, name)[-1] == ("exit 0", "complete"), good.msg
    assert not swarm.stack(model("v1", "exit 0")).changed


def test_d52_a_drain_repeats_no_program_that_has_ended(swarm: Swarm, name: str) -> None:
    """One of two replicas has ended; to move the other one would run it again."""
    slot = {"Env": ["SLOT={{.Task.Slot}}"], "Command": ["sh", "-c", "[ $SLOT = 1 ] || sleep 1000"]}
    entry = service(
        name, "shot", swarm.images["v1"], 2, container=slot, template={"RestartPolicy": {"Condition": "none"}}
    )
    assert not swarm.stack(stack(name, entry)).failed
    states = [("shot", "complete"), ("shot", "running")]

    def seen() -> list[tuple[str, str]]:
        found = swarm.client.tasks({"service": f"{name}_shot"})
        return sorted(("shot", task["Status"]["State"]) for task in found)

    until(lambda: seen() == states, "one replica to end")
    node = next(task["NodeID"] for task in swarm.tasks(f"{name}_shot"))
    drained = swarm.module("node", hostname=node, availability="drain", wait_timeout=10)
    assert drained.failed and f"{name}_shot: a task of it has ended for good, and would run again" in drained.msg
    assert seen() == states


@pytest.mark.parametrize("mode", [once(2), EVERYWHERE], ids=["replicated", "global"])
@pytest.mark.parametrize("command", [["sleep", "100"], ["true"]], ids=["runs", "has-ended"])
def test_d64_a_stack_with_a_job_is_removed_with_its_containers(
    swarm: Swarm, name: str, mode: dict[str, t.Any], command: list[str]
) -> None:
    state = "complete" if command == ["true"] else "running"
    assert not swarm.stack(stack(name, job(swarm, name, *command, mode=mode)), wait=False).failed
    until(lambda: [found for _index, found in runs(swarm, name)] == [state] * 2, f"two tasks {state}")
    gone = swarm.module("stack", name=name, state="absent", wait_timeout=20)
    assert not gone.failed, gone.msg
    assert containers(swarm, name) == []


def test_d64_a_job_that_left_the_file_and_one_that_is_removed_by_name_are_stopped(swarm: Swarm, name: str) -> None:
    running = stack(name, job(swarm, name, "sleep", "100"), web(swarm, name, "v1"))
    for remove in ("file", "name"):
        assert not swarm.stack(running, wait=False).failed
        until(lambda: len(containers(swarm, name)) == 2, "job and service to run")
        if remove == "file":
            done = swarm.stack(stack(name, web(swarm, name, "v1")))
        else:
            done = swarm.module("service", name=f"{name}_job", state="absent", wait_timeout=20)
        assert not done.failed, done.msg
        assert len(containers(swarm, name)) == 1


def test_a_job_with_no_run_wanted_has_converged(swarm: Swarm, name: str) -> None:
    for _attempt in range(2):
        done = swarm.stack(stack(name, job(swarm, name, "true", mode=once(0))))
        assert not done.failed, done.msg
    assert not done.changed and runs(swarm, name) == []
    more = swarm.stack(stack(name, job(swarm, name, "true", mode=once(1))))
    assert more.changed and not more.failed and [state for _index, state in runs(swarm, name)] == ["complete"]


def test_a_migration_of_a_service_with_a_long_name(swarm: Swarm, name: str) -> None:
    from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import Migration

    long = "x" * (62 - len(name))
    for tag in ("v1", "v2"):
        model = stack(name, service(name, long, swarm.images[tag]), migrate=[Migration(long, ["true"], timeout=20)])
        done = swarm.stack(model)
        assert not done.failed, done.msg
    out = swarm.module("job", service=f"{name}_{long}", command=["true"], wait_timeout=20)
    assert not out.failed and len(out.data["job"]) == 63 and out.data["job"].endswith("-job"), out.msg
