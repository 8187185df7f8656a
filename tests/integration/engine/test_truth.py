# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deploy tells the truth: situations in which tools are known to say "ok" while nothing is."""

from __future__ import annotations

import threading
import time
import typing as t

from engine_recorder import Recorder
from lab import until
from stacks import SECOND, content, network, reference, service, stack
from workbench import Outcome, Swarm

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.stack import Deploy, Options, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine


def _one(swarm: Swarm, name: str, tag: str, replicas: int = 2, **fields: t.Any) -> t.Any:
    return stack(name, service(name, "web", swarm.images[tag], replicas, **fields))


def _image(swarm: Swarm, name: str) -> str:
    return str(swarm.spec(f"{name}_web")["TaskTemplate"]["ContainerSpec"]["Image"])


def _update(action: str, **more: t.Any) -> dict[str, t.Any]:
    return {"UpdateConfig": {"Parallelism": 1, "Monitor": SECOND, "FailureAction": action, **more}}


def test_d01_paused_update_fails_both_times(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name, "v1", **_update("pause"))).failed
    first = swarm.stack(_one(swarm, name, "crash", **_update("pause")))
    assert first.failed and "paused the update" in first.msg
    assert "exit code 7" in first.msg and "no database" in first.msg and "on node n" in first.msg
    second = swarm.stack(_one(swarm, name, "crash", **_update("pause")))
    assert second.failed and f"service {name}_web failed with the very same image" in second.msg
    assert _image(swarm, name).startswith(swarm.images["v1"])


def test_d01_a_health_check_that_fails_is_told(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name, "v1")).failed
    out = swarm.stack(_one(swarm, name, "sick"))
    assert out.failed and "unhealthy" in out.msg and "its health check failed" in out.msg
    assert _image(swarm, name).startswith(swarm.images["v1"])


def test_d02_d03_rolled_back_update_fails_once_and_is_refused_then(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name, "v1", **_update("rollback"))).failed
    first = swarm.stack(_one(swarm, name, "crash", **_update("rollback")))
    assert first.failed and "was rolled back: release 1 runs" in first.msg and "exit code 7" in first.msg
    for _attempt in range(2):
        version = swarm.client.inspect_service(f"{name}_web")["Version"]
        again = swarm.stack(_one(swarm, name, "crash", **_update("rollback")))
        assert again.failed and "force: true" in again.msg
        assert swarm.client.inspect_service(f"{name}_web")["Version"] == version
    forced = swarm.stack(_one(swarm, name, "crash", **_update("rollback")), force=True)
    assert forced.failed and "was rolled back" in forced.msg
    assert not swarm.stack(_one(swarm, name, "v2", **_update("rollback"))).failed


def test_d04_new_service_that_crashes_fails_with_its_last_words(swarm: Swarm, name: str) -> None:
    out = swarm.stack(_one(swarm, name, "crash", 1))
    assert out.failed and "exit code 7" in out.msg and "| no database" in out.msg
    assert out.data["failures"][0]["tasks"][0]["exit_code"] == 7


def test_d06_forced_update_of_another_day_is_not_undone(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name, "v1")).failed
    swarm.update(f"{name}_web", lambda spec: spec["TaskTemplate"].update(ForceUpdate=7))
    until(lambda: len(swarm.tasks(f"{name}_web")) == 2, "two tasks")
    time.sleep(2)
    before = {task["ID"] for task in swarm.tasks(f"{name}_web")}
    assert not swarm.stack(_one(swarm, name, "v1", 3)).failed
    after = {task["ID"] for task in swarm.tasks(f"{name}_web")}
    assert before < after and len(after) == 3


def test_d07_d08_mode_change_is_refused_unless_allowed(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name, "v1", 1)).failed
    before = swarm.client.inspect_service(f"{name}_web")["ID"]
    everywhere = _one(swarm, name, "v1", Mode={"Global": {}})
    refused = swarm.stack(everywhere)
    assert refused.failed and "allow_recreate: true" in refused.msg and "1 tasks stop" in refused.msg
    assert swarm.client.inspect_service(f"{name}_web")["ID"] == before
    allowed = swarm.stack(everywhere, allow_recreate=True)
    assert allowed.changed and not allowed.failed, allowed.msg
    assert len(swarm.tasks(f"{name}_web")) == 2
    assert not swarm.stack(everywhere).changed


def test_d09_secrets_with_a_similar_name_are_left_alone(swarm: Swarm, name: str) -> None:
    for other in ("vault", "vpn"):
        swarm.client.create_secret(f"{name}_app_{other}", b"x")
    for text in ("one", "two", "three"):
        secret = content(name, "app", text)
        web = service(name, "web", swarm.images["v1"], container={"Secrets": [reference("Secret", secret)]})
        out = swarm.stack(stack(name, web, secrets={"app": secret}), keep_releases=1)
        assert not out.failed, out.msg
    assert not swarm.module("stack", name=name, state="absent").failed
    left = {item["Spec"]["Name"] for item in swarm.client.secrets()}
    assert {f"{name}_app_vault", f"{name}_app_vpn"} <= left
    assert not [item for item in left if item.startswith(f"{name}_app_") and not item.endswith(("vault", "vpn"))]


def test_d10_d11_secret_in_use_rotates_and_stays_while_something_refers_to_it(swarm: Swarm, name: str) -> None:
    def deploy(text: str) -> Outcome:
        secret = content(name, "key", text)
        web = service(name, "web", swarm.images["v1"], container={"Secrets": [reference("Secret", secret)]})
        return swarm.stack(stack(name, web, secrets={"key": secret}), keep_releases=1)

    assert not deploy("one").failed
    old = content(name, "key", "one").name
    live = next(item for item in swarm.client.secrets() if item["Spec"]["Name"] == old)
    borrower = service(name, "borrower", swarm.images["v1"], Name=f"{name}x_borrower", Labels={}).spec
    borrower["TaskTemplate"]["ContainerSpec"]["Secrets"] = [
        {"SecretID": live["ID"], "SecretName": old, "File": {"Name": "k", "UID": "0", "GID": "0", "Mode": 292}}
    ]
    swarm.create(borrower)
    for text in ("two", "three"):
        out = deploy(text)
        assert not out.failed, out.msg
    names = {item["Spec"]["Name"] for item in swarm.client.secrets() if item["Spec"]["Name"].startswith(f"{name}_key")}
    assert names == {old, content(name, "key", "three").name}


def test_d12_pinned_service_stays_pinned(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name, "v1")).failed
    pinned = _image(swarm, name)
    assert not swarm.stack(_one(swarm, name, "v1", env={"LEVEL": "debug"})).failed
    assert "@sha256:" in pinned and _image(swarm, name) == pinned


def test_d13_new_content_under_the_same_tag_is_seen(swarm: Swarm, name: str) -> None:
    image = swarm.lab.image(name, "latest", files={"/a": "one"})
    model = stack(name, service(name, "web", image))
    assert not swarm.stack(model).failed
    first = _image(swarm, name)
    swarm.lab.image(name, "latest", files={"/a": "two"})
    out = swarm.stack(model, diff=True)
    assert out.changed and _image(swarm, name) != first
    assert any("new content under the same tag" in line for line in out.data["summary"])


def test_d14_registry_that_is_away_stops_the_deploy(swarm: Swarm, name: str, recorder: Recorder) -> None:
    swarm.nodes[0].client().pull(swarm.images["v1"])
    swarm.lab.stop_registry()
    try:
        out = swarm.stack(_one(swarm, name, "v1"), docker_host=recorder.host)
    finally:
        swarm.lab.start_registry()
    assert out.failed and f"Cannot pin {swarm.images['v1']}" in out.msg and "does not answer" in out.msg
    assert recorder.writes() == []


def test_d16_rollback_after_a_scale_brings_the_version_back_and_keeps_the_scale(swarm: Swarm, name: str) -> None:
    for tag in ("v1", "v2"):
        assert not swarm.stack(_one(swarm, name, tag)).failed
    swarm.update(f"{name}_web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=3))
    out = swarm.module("stack", name=name, state="rolled_back", wait_timeout=40)
    assert out.changed and not out.failed, out.msg
    assert _image(swarm, name).startswith(swarm.images["v1"])
    assert swarm.spec(f"{name}_web")["Mode"]["Replicated"]["Replicas"] == 3
    assert not swarm.module("stack", name=name, state="rolled_back", release=1).changed
    back = swarm.module("stack", name=name, state="rolled_back", release=2, wait_timeout=40)
    assert back.changed and _image(swarm, name).startswith(swarm.images["v2"])
    unknown = swarm.module("stack", name=name, state="rolled_back", release=99)
    assert unknown.failed and "has no release 99" in unknown.msg


def test_d17_start_first_with_a_host_port_is_refused_when_no_node_is_free(swarm: Swarm, name: str) -> None:
    ports = [{"TargetPort": 8080, "PublishedPort": 8090, "PublishMode": "host"}]
    fields = {**_update("pause", Order="start-first"), "EndpointSpec": {"Mode": "dnsrr", "Ports": ports}}
    assert not swarm.stack(_one(swarm, name, "v1", 2, **fields)).failed
    out = swarm.stack(_one(swarm, name, "v2", 2, **fields))
    assert out.failed and "start-first cannot work with host port 8090" in out.msg
    assert _image(swarm, name).startswith(swarm.images["v1"])


def test_d18_constraint_that_no_node_satisfies_is_refused(swarm: Swarm, name: str) -> None:
    nowhere = {"Placement": {"Constraints": ["node.labels.disk==ssd"]}}
    out = swarm.stack(_one(swarm, name, "v1", template=nowhere))
    assert out.failed and '"node.labels.disk==ssd" matches none of the 2 nodes' in out.msg
    forced = swarm.stack(_one(swarm, name, "v1", template=nowhere), force=True, wait_timeout=3)
    assert forced.failed and "no suitable node" in forced.msg and "0 of 2 tasks run" in forced.msg


def test_d19_d20_check_and_diff_show_all_but_secrets(swarm: Swarm, name: str, recorder: Recorder) -> None:
    assert not swarm.stack(_one(swarm, name, "v1", env={"DB_PASSWORD": "old-secret", "X": "1"})).failed
    model = _one(swarm, name, "v2", env={"DB_PASSWORD": "new-secret", "X": "1"})
    out = swarm.stack(model, check=True, diff=True, docker_host=recorder.host)
    assert out.changed and recorder.writes() == []
    assert "old-secret" not in out.text and "new-secret" not in out.text
    assert "Env.DB_PASSWORD: (hidden) new value" in out.data["diff"]["after"]
    assert "Env.X" not in out.data["diff"]["after"]
    assert "v2" in out.data["diff"]["after"]


def test_d22_one_shot_in_a_stack_is_done_when_it_ended(swarm: Swarm, name: str) -> None:
    once = {"RestartPolicy": {"Condition": "none"}}
    shot = service(name, "shot", swarm.images["v1"], container={"Command": ["true"]}, template=once)
    job = service(name, "job", swarm.images["v1"], container={"Command": ["true"]}, template=once,
                  Mode={"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 2}}, UpdateConfig=None)  # fmt: skip
    out = swarm.stack(stack(name, shot, job), wait_timeout=20)
    assert not out.failed, out.msg
    assert {item["state"] for item in out.data["services"]} == {"converged"}
    again = swarm.stack(stack(name, shot, job), wait_timeout=20)
    assert not again.changed and not again.failed, again.msg


def test_d22_one_shot_that_fails_is_a_failure(swarm: Swarm, name: str) -> None:
    once = {"RestartPolicy": {"Condition": "none"}}
    shot = service(name, "shot", swarm.images["crash"], template=once)
    out = swarm.stack(stack(name, shot), wait_timeout=20)
    assert out.failed and "does not restart it any more: exit code 7" in out.msg


def test_d23_host_network_changes_once(swarm: Swarm, name: str) -> None:
    model = _one(
        swarm, name, "v1", 1, container={"Command": ["sleep", "1000"]}, template={"Networks": [{"Target": "host"}]}
    )
    assert not swarm.stack(model).failed
    for _attempt in range(2):
        assert not swarm.stack(model).changed


def test_d31_requests_do_not_grow_with_the_stack(swarm: Swarm, name: str, recorder: Recorder) -> None:
    model = stack(name, *(service(name, f"s{i}", swarm.images["v1"], 0) for i in range(30)))
    assert not swarm.stack(model).failed
    recorder.requests.clear()
    out = swarm.stack(model, docker_host=recorder.host)
    assert not out.changed and not out.failed
    assert len([path for _method, path in recorder.requests if "/distribution/" not in path]) <= 8


def test_d32_two_deploys_at_once(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name, "v1")).failed
    out: list[Result] = []
    first = Deploy(Engine(swarm.host), _one(swarm, name, "v2"), Options(wait_timeout=40))
    slow = threading.Thread(target=lambda: out.append(first.run()))
    slow.start()
    until(
        lambda: any(f"apiary-release.{name}.2" == item["Spec"]["Name"] for item in swarm.client.configs()), "the lock"
    )
    second = swarm.stack(_one(swarm, name, "v1", 3))
    slow.join()
    assert second.failed and "Another deploy" in second.msg and "release 2" in second.msg
    assert out[0].changed and _image(swarm, name).startswith(swarm.images["v2"])


def test_new_ports_and_new_places_are_waited_for_though_tasks_look_the_same(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name, "v1")).failed
    first = {task["ID"] for task in swarm.tasks(f"{name}_web")}
    ports = [{"TargetPort": 8080, "PublishedPort": 8095, "PublishMode": "host"}]
    fields: dict[str, t.Any] = {"EndpointSpec": {"Mode": "dnsrr", "Ports": ports}}
    out = swarm.stack(_one(swarm, name, "v1", **fields))
    assert not out.failed and "because Ports change" in out.data["summary"][0], out.msg
    second = {task["ID"] for task in swarm.tasks(f"{name}_web")}
    assert first.isdisjoint(second) and len(second) == 2
    moved = swarm.stack(
        _one(swarm, name, "v1", 1, template={"Placement": {"Constraints": ["node.hostname==n2"]}}, **fields)
    )
    assert not moved.failed, moved.msg
    worker = next(node["ID"] for node in swarm.client.nodes() if node["Description"]["Hostname"] == "n2")
    assert [task["NodeID"] for task in swarm.tasks(f"{name}_web")] == [worker]


def test_d30_log_driver_that_cannot_start_is_a_failure_with_its_reason(swarm: Swarm, name: str) -> None:
    options = {"awslogs-region": "eu-west-1", "awslogs-group": "/none"}
    logs = {"LogDriver": {"Name": "awslogs", "Options": {**options, "awslogs-endpoint": "http://127.0.0.1:9"}}}
    out = swarm.stack(_one(swarm, name, "v1", 1, template=logs), wait_timeout=90)
    assert out.failed and "failed to create Cloudwatch log stream" in out.msg, out.msg
    assert "cannot be read" not in out.msg


def test_x03_a_stack_can_be_deployed_again_right_after_its_removal(swarm: Swarm, name: str) -> None:
    net = network(name, "net")
    web = service(name, "web", swarm.images["v1"], 2, template={"Networks": [{"Target": net.name}]})
    for _attempt in range(2):
        assert not swarm.stack(stack(name, web, networks={"net": net})).failed
        assert not swarm.module("stack", name=name, state="absent").failed


def test_x05_a_deploy_without_a_change_leaves_the_engines_own_rollback_target_alone(swarm: Swarm, name: str) -> None:
    for tag in ("v1", "v2", "v2"):
        assert not swarm.stack(_one(swarm, name, tag)).failed
    previous = swarm.client.inspect_service(f"{name}_web")["PreviousSpec"]
    assert previous["TaskTemplate"]["ContainerSpec"]["Image"].startswith(swarm.images["v1"])


def test_d70_a_service_that_got_the_stacks_label_by_hand(swarm: Swarm, name: str) -> None:
    """Its tasks keep the labels that it had when they were made, so a filter by label finds none of them."""
    entry = service(name, "web", swarm.images["v1"])
    swarm.create({**entry.spec, "Labels": {}})
    until(lambda: len(swarm.tasks(f"{name}_web")) == 1, "a task")
    swarm.update(f"{name}_web", lambda spec: spec.update(Labels=entry.spec["Labels"]))
    label = f"com.docker.stack.namespace={name}"
    assert swarm.client.tasks({"label": label}) == [] and len(swarm.client.services({"label": label})) == 1
    out = swarm.stack(stack(name, entry), wait_timeout=15)
    assert not out.failed and out.data["services"][0]["running"] == 1, out.msg
    new = swarm.stack(_one(swarm, name, "v2", 1), wait_timeout=15)
    assert not new.failed and _image(swarm, name).startswith(swarm.images["v2"]), new.msg


def test_d70_tasks_of_a_service_with_a_label_by_hand_are_waited_for_when_the_stack_goes(
    swarm: Swarm, name: str
) -> None:
    entry = service(name, "web", swarm.images["v1"])
    swarm.create({**entry.spec, "Labels": {}})
    until(lambda: len(swarm.tasks(f"{name}_web")) == 1, "a task")
    swarm.update(f"{name}_web", lambda spec: spec.update(Labels=entry.spec["Labels"]))
    task = swarm.tasks(f"{name}_web")[0]["ID"]
    assert not swarm.module("stack", name=name, state="absent", wait_timeout=20).failed
    left = swarm.client.tasks({"id": task})  # a task that ended may be shown for a moment
    assert [item["Status"]["State"] for item in left if item["Status"]["State"] == "running"] == []


def test_absent_says_that_it_removes_the_records_of_releases(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(_one(swarm, name, "v1", 0)).failed
    swarm.client.remove_service(f"{name}_web")
    for check in (True, False):
        out = swarm.module("stack", name=name, state="absent", check=check)
        assert out.changed and out.data["summary"] == ["- release 1"]
    assert not swarm.module("stack", name=name, state="absent").changed


def test_d69_rolled_back_twice_never_brings_the_bad_version_back(swarm: Swarm, name: str) -> None:
    for tag in ("v1", "v2"):
        assert not swarm.stack(_one(swarm, name, tag, 1)).failed
    back = swarm.module("stack", name=name, state="rolled_back", wait_timeout=40)
    assert back.changed and back.data["release"]["restores"] == 1, back.msg
    for _attempt in range(2):
        again = swarm.module("stack", name=name, state="rolled_back", wait_timeout=40)
        assert again.failed and not again.changed
        assert "runs release 1 again (restored by release 3)" in again.msg and "release: <number>" in again.msg
        assert _image(swarm, name).startswith(swarm.images["v1"])


def test_d52_taking_the_last_constraint_away_does_not_end_the_managers(swarm: Swarm, name: str) -> None:
    """Docker 20.10 panics for ever once a service has no placement at all and its tasks do (swarmkit issue 2947)."""
    bound = _one(swarm, name, "v1", 1, template={"Placement": {"Constraints": ["node.hostname!=n9"]}})
    assert not swarm.stack(bound, resolve_image=False).failed
    before = {task["ID"] for task in swarm.tasks(f"{name}_web")}
    out = swarm.stack(_one(swarm, name, "v1", 1), resolve_image=False, wait_timeout=20)
    assert out.changed and not out.failed, out.msg
    assert swarm.spec(f"{name}_web")["TaskTemplate"]["Placement"] == {}
    assert {task["ID"] for task in swarm.tasks(f"{name}_web")} == before
