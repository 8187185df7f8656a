# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of a real swarm: labels, drains, roles and removal."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest
from engine_recorder import Recorder
from lab import Lab, until
from stacks import network, service, stack
from workbench import Swarm, run_module


@pytest.fixture(autouse=True)
def _all_active(swarm: Swarm) -> t.Iterator[None]:
    yield
    for node in ("n1", "n2"):
        swarm.module("node", hostname=node, availability="active", labels={}, labels_state="replace")


def _on(swarm: Swarm, service_name: str, node: str) -> bool:
    ids = {item["ID"]: item["Description"]["Hostname"] for item in swarm.client.nodes()}
    return any(ids.get(task["NodeID"]) == node for task in swarm.tasks(service_name))


def test_labels_and_availability(swarm: Swarm, recorder: Recorder) -> None:
    args: dict[str, t.Any] = {"hostname": "n2", "labels": {"disk": "ssd"}, "availability": "pause"}
    check = swarm.module("node", check=True, diff=True, **{**args, "docker_host": recorder.host})
    assert check.changed and check.data["node"]["labels"] == {"disk": "ssd"} and recorder.writes() == []
    assert swarm.module("node", **args).changed
    assert not swarm.module("node", **args).changed
    assert swarm.module("node", hostname="n2", labels={"zone": "a"}).data["node"]["labels"] == {
        "disk": "ssd",
        "zone": "a",
    }
    assert swarm.module("node", hostname="n2", labels_to_remove=["zone"]).changed
    emptied = swarm.module("node", hostname="n2", labels={}, labels_state="replace")
    assert emptied.changed and emptied.data["node"]["labels"] == {}
    assert not swarm.module("node", hostname="n2", labels={}, labels_state="replace").changed


def test_d26_drain_without_a_gap(swarm: Swarm, name: str) -> None:
    ports = [{"TargetPort": 8080, "PublishedPort": 8091, "PublishMode": "host"}]
    net = network(name, "net")  # published ports need one here: the engines have no bridge of their own
    attached = {"Networks": [{"Target": net.name}], "Placement": {"Constraints": ["node.labels.only!=n1"]}}
    web = service(name, "web", swarm.images["v1"], EndpointSpec={"Mode": "dnsrr", "Ports": ports}, template=attached)
    other = service(name, "other", swarm.images["v1"], template={"Placement": {"Constraints": ["node.hostname==n1"]}})
    model = stack(name, web, other, networks={"net": net})
    assert not swarm.module("node", hostname="n1", availability="pause").failed
    alone = stack(name, web, networks={"net": net})
    assert not swarm.stack(alone).failed
    assert not swarm.module("node", hostname="n1", availability="active").failed
    assert not swarm.stack(model).failed
    before = {task["ID"] for task in swarm.tasks(f"{name}_other")}
    missed, stop = [], threading.Event()

    def poll() -> None:
        while not stop.is_set():
            if not any(node.get(f"http://{node.address}:8091/", 1) for node in swarm.nodes):
                missed.append(time.monotonic())
            time.sleep(0.05)

    poller = threading.Thread(target=poll)
    poller.start()
    out = swarm.module("node", hostname="n2", availability="drain", wait_timeout=40)
    assert not [task for task in swarm.client.tasks({"node": "n2"}) if task["Status"]["State"] == "running"]
    stop.set()
    poller.join()
    assert out.changed and out.data["moved"] == [f"{name}_web"], out.msg
    assert _on(swarm, f"{name}_web", "n1") and not _on(swarm, f"{name}_web", "n2") and missed == []
    assert not swarm.module("node", hostname="n2", availability="drain").changed
    # Nothing of the drain is left in the service, and what ran elsewhere was left alone.
    placement = swarm.spec(f"{name}_web")["TaskTemplate"]["Placement"]
    assert placement["Constraints"] == ["node.labels.only!=n1"]
    assert {task["ID"] for task in swarm.tasks(f"{name}_other")} == before
    moved = {task["ID"] for task in swarm.tasks(f"{name}_web")}
    assert not swarm.stack(model).changed and {task["ID"] for task in swarm.tasks(f"{name}_web")} == moved


def test_drain_refuses_to_stop_what_can_run_nowhere_else(swarm: Swarm, name: str) -> None:
    bound = service(name, "db", swarm.images["v1"], template={"Placement": {"Constraints": ["node.hostname==n2"]}})
    assert not swarm.stack(stack(name, bound)).failed
    out = swarm.module("node", hostname="n2", availability="drain", wait_timeout=20)
    assert out.failed and f"{name}_db: no other node may run it" in out.msg and "force: true" in out.msg
    assert len(swarm.tasks(f"{name}_db")) == 1
    assert swarm.module("cluster_info").data["nodes"][1]["availability"] == "active"
    forced = swarm.module("node", hostname="n2", availability="drain", wait_timeout=20, force=True)
    assert forced.changed and not forced.failed and swarm.tasks(f"{name}_db") == []


def test_unknown_node_and_the_only_manager(swarm: Swarm) -> None:
    unknown = swarm.module("node", hostname="n9", availability="drain")
    assert unknown.failed and "There is no node n9; the swarm has n1, n2." in unknown.msg
    assert not swarm.module("node", hostname="n9", state="absent").changed
    last = swarm.module("node", hostname="n1", role="worker")
    assert last.failed and "Manager n1 stays" in last.msg
    up = swarm.module("node", hostname="n2", state="absent")
    assert up.failed and "is up" in up.msg


def test_cluster_info(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(stack(name, service(name, "web", swarm.images["v1"], 2))).failed
    info = swarm.module("cluster_info").data
    assert info["managers"] == {"total": 1, "reachable": 1, "may_fail": 0, "leader": "n1"}
    assert [(node["hostname"], node["role"], node["state"]) for node in info["nodes"]] == [
        ("n1", "manager", "ready"), ("n2", "worker", "ready")]  # fmt: skip
    web = next(item for item in info["services"] if item["name"] == f"{name}_web")
    assert web["stack"] == name and web["running"] == web["wanted"] == 2
    assert "services" not in swarm.module("cluster_info", services=False).data
    worker = run_module("cluster_info", {"docker_host": swarm.nodes[1].host})
    assert worker.failed and "not a swarm manager" in worker.msg


def test_d28_dead_manager_is_replaced_and_the_next_loss_is_survived() -> None:
    with Lab(registry=False) as lab:
        first, second, third = lab.swarm(managers=3)
        args = {"docker_host": first.host}
        third.kill()
        until(lambda: run_module("cluster_info", args).data["managers"]["reachable"] == 2, "the loss to be seen", 40)
        until(lambda: any(n["state"] == "down" for n in run_module("cluster_info", args).data["nodes"]), "down", 40)
        refused = run_module("node", {**args, "hostname": second.name, "role": "worker"})
        assert refused.failed and "are no majority" in refused.msg
        gone = run_module("node", {**args, "hostname": third.name, "state": "absent"})
        assert gone.changed and not gone.failed, gone.msg
        fresh = lab.engines(1)[0]
        client = first.client()
        token = client.inspect_swarm()["JoinTokens"]["Manager"]
        fresh.client().join_swarm([f"{first.address}:2377"], token, advertise_addr=fresh.address)
        until(lambda: run_module("cluster_info", args).data["managers"]["reachable"] == 3, "three managers", 40)
        second.kill()
        until(lambda: run_module("cluster_info", args).data["managers"]["reachable"] == 2, "the loss to be seen", 40)
        client.create_config("still-writable", b"x")
        client.close()
