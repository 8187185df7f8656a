# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan refuses is what the engine would refuse or never run, and what it lets pass works."""

from __future__ import annotations

import typing as t

import docker
import pytest
from engine_recorder import Recorder
from lab import until
from stacks import SECOND, content, network, reference, service, stack
from workbench import Swarm

from ansible_collections.apiary.swarm.plugins.module_utils._swarm import constraints

Json = dict[str, t.Any]


def _published(port: int, mode: str = "ingress") -> Json:
    return {"Mode": "vip", "Ports": [{"TargetPort": 8080, "PublishedPort": port, "PublishMode": mode}]}


@pytest.mark.parametrize(("mode", "port"), [("ingress", 18101), ("host", 18102)])
def test_d71_a_renamed_service_keeps_its_port(swarm: Swarm, name: str, mode: str, port: int) -> None:
    image = swarm.images["v1"]
    shape: dict[str, t.Any] = {"replicas": 2, "EndpointSpec": _published(port, mode)}
    assert not swarm.stack(stack(name, service(name, "web", image, **shape))).failed
    renamed = swarm.stack(stack(name, service(name, "front", image, **shape)))
    assert renamed.changed and not renamed.failed, renamed.msg
    assert [item["Spec"]["Name"] for item in swarm.client.services({"name": f"{name}_"})] == [f"{name}_front"]
    moved = stack(
        name,
        service(name, "api", image, EndpointSpec=_published(port, mode)),
        service(name, "front", image, wave=1, replicas=2, EndpointSpec=_published(port + 10, mode)),
    )
    done = swarm.stack(moved)
    assert done.changed and not done.failed, done.msg


def test_d71_a_failed_rename_gives_the_port_back(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(stack(name, service(name, "web", swarm.images["v1"], EndpointSpec=_published(18103)))).failed
    # On a busy machine a task that ends after 0.3 s may be seen running for more than one: that would be all right.
    watch = {"Monitor": 5 * SECOND, "FailureAction": "pause"}
    crash = service(name, "front", swarm.images["crash"], EndpointSpec=_published(18103), UpdateConfig=watch)
    failed = swarm.stack(stack(name, crash))
    assert failed.failed and "release 1 runs" in failed.msg, failed.msg
    assert [item["Spec"]["Name"] for item in swarm.client.services({"name": f"{name}_"})] == [f"{name}_web"]


def test_d72_two_services_of_a_file_on_one_port(swarm: Swarm, name: str, recorder: Recorder) -> None:
    shape: dict[str, t.Any] = {"EndpointSpec": _published(18104)}
    model = stack(name, *(service(name, key, swarm.images["v1"], **shape) for key in ("a", "b")))
    refused = swarm.stack(model, docker_host=recorder.host)
    assert refused.failed and f"ingress port 18104/tcp is taken by service {name}_a" in refused.msg
    assert recorder.writes() == []


@pytest.mark.parametrize("kind", ["secret", "config"])
def test_d62_an_object_of_others_with_the_declared_name(swarm: Swarm, name: str, recorder: Recorder, kind: str) -> None:
    thing = content(name, "pw", "x")
    made = getattr(swarm.client, f"create_{kind}")(thing.name, b"other")["ID"]
    web = service(name, "web", swarm.images["v1"], container={f"{kind.title()}s": [reference(kind.title(), thing)]})
    refused = swarm.stack(stack(name, web, **{f"{kind}s": {"pw": thing}}), docker_host=recorder.host)
    assert refused.failed and f"{kind} {thing.name} exists and belongs to no stack: declare it as" in refused.msg
    assert recorder.writes() == []
    getattr(swarm.client, f"remove_{kind}")(made)


def test_d60_labels_of_objects_follow_the_file_and_come_back_when_a_deploy_fails(swarm: Swarm, name: str) -> None:
    def model(tag: str, **labels: str) -> t.Any:
        config, secret, net = content(name, "conf", "c"), content(name, "pw", "s"), network(name, "net")
        for thing in (config, secret):
            thing.spec["Labels"].update(labels)
        web = service(name, "web", swarm.images[tag], container={
            "Configs": [reference("Config", config)], "Secrets": [reference("Secret", secret)]},
            template={"Networks": [{"Target": net.name}]})  # fmt: skip
        return stack(name, web, configs={"conf": config}, secrets={"pw": secret}, networks={"net": net})

    def labels() -> list[str | None]:
        things = [*swarm.client.configs({"name": f"{name}_conf"}), *swarm.client.secrets({"name": f"{name}_pw"})]
        return [item["Spec"]["Labels"].get("team") for item in things]

    assert not swarm.stack(model("v1")).failed
    changed = swarm.stack(model("v1", team="red"))
    assert changed.changed and not changed.failed and labels() == ["red", "red"], changed.msg
    assert not swarm.stack(model("v1", team="red")).changed
    assert swarm.stack(model("crash", team="blue")).failed and labels() == ["red", "red"]
    assert not swarm.stack(model("v1")).failed and labels() == [None, None]
    other = model("v1")
    other.networks["net"].spec["Options"] = {"encrypted": ""}
    assert 'driver_opts.encrypted none, the file says ""' in swarm.stack(other, check=True).text.replace('\\"', '"')


def test_d63_what_the_engine_is_too_old_for(swarm: Swarm, name: str, recorder: Recorder) -> None:
    check = {"Healthcheck": {"Test": ["CMD", "true"], "StartInterval": 1_000_000_000}}
    says = "healthcheck.start_interval needs Engine API 1.44, the manager has 1.41"
    model = stack(name, service(name, "web", swarm.images["v1"], container=check))
    old: dict[str, t.Any] = {
        "docker_host": recorder.host,
        "api_version": "1.41",
    }  # what Docker 20.10 has and newer ones speak, too
    assert says in swarm.stack(model, **old).msg
    args: dict[str, t.Any] = {"name": name, "image": swarm.images["v1"], **old}
    assert says in swarm.module("service", **args, healthcheck={"test": ["CMD", "true"], "start_interval": "1s"}).msg
    assert recorder.writes() == []


NEVER = {
    "cpus": {"Resources": {"Reservations": {"NanoCPUs": 4096 * 10**9}}},
    "memory": {"Resources": {"Reservations": {"MemoryBytes": 2**50}}},
    "gpu": {"Resources": {"Reservations": {"GenericResources": [{"DiscreteResourceSpec": {"Kind": "g", "Value": 1}}]}}},
    "arch": {"Placement": {"Constraints": ["node.platform.arch==amd64"]}},
    "unknown": {"Placement": {"Constraints": ["node.rol!=worker"]}},
    "ip": {"Placement": {"Constraints": ["node.ip!=nonsense"]}},
}
TOO_MANY = {"max": ({"Placement": {"MaxReplicas": 1}}, 3)}


def test_d73_d75_the_scheduler_agrees(swarm: Swarm, name: str) -> None:
    """Each of these is refused by the plan; made behind its back, a task of each stays without a node."""
    shapes: dict[str, t.Any] = {key: (template, 1) for key, template in NEVER.items()} | TOO_MANY
    entries = [service(name, key, swarm.images["v1"], count, template=shape) for key, (shape, count) in shapes.items()]
    refused = swarm.stack(stack(name, *entries))
    assert refused.failed
    for item in entries:
        assert f"service {item.full_name}:" in refused.msg
        swarm.create(item.spec)

    def stuck() -> bool:
        return all(
            any(task["Status"]["State"] == "pending" and task["Status"].get("Err") for task in swarm.client.tasks({
                "service": item.full_name}))
            for item in entries
        )  # fmt: skip

    until(stuck, "a task of each service to stay without a node", 30)


def test_d73_start_first_finds_no_room(swarm: Swarm, name: str) -> None:
    image = swarm.images["v1"]
    first: dict[str, t.Any] = {"UpdateConfig": {"Order": "start-first", "Parallelism": 1, "Monitor": 10**9}}
    few: dict[str, t.Any] = {"template": {"Placement": {"MaxReplicas": 1}}}
    assert not swarm.stack(stack(name, service(name, "web", image, 2, **first, **few))).failed
    refused = swarm.stack(stack(name, service(name, "web", image, 2, {"A": "1"}, **first, **few)))
    assert refused.failed and "start-first needs room for one more task" in refused.msg
    forced = swarm.stack(
        stack(name, service(name, "web", image, 2, {"A": "1"}, **first, **few)), force=True, wait_timeout=4
    )
    assert forced.failed and "max replicas per node limit exceed" in forced.msg


EXPRESSIONS = [
    "node.labels.owner == team@x", "node.labels.x == a:b/c (d)*", "node.labels.x!=a b", "node.labels.a/b == x",
    "node.labels.x ==", "== x", "a==x", "aa==x", "_a==x", "1a==x", "node.role", "node.role = manager",
    "node.labels.x=='y'", "node.labels.x==a==b", "node.labels.x!=a!=b", "node.labels.x==ä", "Node.Role != WORKER",
    "node.labels.x==a,b", "node.labels.x==a\tb", "node.labels.x==^a$|b?+[c]\\", "node.labels.a-b_c.d==1",
]  # fmt: skip


def test_d75_constraints_are_read_as_the_engine_does(swarm: Swarm, name: str) -> None:
    differ = []
    for number, text in enumerate(EXPRESSIONS):
        entry = service(name, f"s{number}", swarm.images["v1"], 0, template={"Placement": {"Constraints": [text]}})
        path = f"{swarm.client.base_url}/services/create"
        refused = swarm.client.post(path, json=entry.spec).status_code >= 400
        differ += [text] if refused != bool(constraints.problem(text)) else []
    assert differ == []


def test_an_external_network_that_was_made_anew(swarm: Swarm, name: str) -> None:
    """Its old self may still be in the engine's list while the tasks that used it go."""
    net = network(f"{name}-x", "ext")
    entry = service(name, "web", swarm.images["v1"], 2, template={"Networks": [{"Target": net.name}]})
    net.external = True
    model = stack(name, entry, networks={"ext": net})
    first = swarm.client.create_network(net.name, driver="overlay")["Id"]
    assert not swarm.stack(model).failed
    swarm.client.remove_service(f"{name}_web")

    def removed() -> bool:
        try:
            swarm.client.remove_network(first)
        except docker.errors.NotFound:
            return True
        except docker.errors.APIError:
            return False
        return True

    until(removed, "the network to go", 20)
    # Docker 20.10 takes the name at once, Docker 26 only when no engine's list has it any more.
    until(lambda: swarm.client.create_network(net.name, driver="overlay"), "the name to be free", 20)
    again = swarm.stack(model)
    assert not again.failed, again.msg
    swarm.client.remove_service(f"{name}_web")
    until(lambda: not swarm.client.tasks({"label": f"com.docker.stack.namespace={name}"}), "the tasks to go", 20)
    swarm.client.remove_network(net.name)
