# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of a real swarm: labels, drains, roles and removal."""

from __future__ import annotations

import contextlib
import threading
import time
import typing as t

import pytest
from engine_recorder import Recorder
from lab import Lab, until
from stacks import SECOND, network, service, stack
from workbench import Swarm, run_module

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy import drain
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.stack import Deploy, Options, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.marks import shifted


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
    gently = {"Parallelism": 1, "Monitor": SECOND, "FailureAction": "pause", "Order": "start-first"}
    endpoint = {"Mode": "dnsrr", "Ports": ports}
    web = service(name, "web", swarm.images["v1"], EndpointSpec=endpoint, template=attached, UpdateConfig=gently)
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


@contextlib.contextmanager
def _sampled(look: t.Callable[[], t.Any]) -> t.Iterator[list[t.Any]]:
    """Collect what is seen, again and again, while the body runs."""
    seen: list[t.Any] = []
    stop = threading.Event()

    def poll() -> None:
        while not stop.is_set():
            seen.append(look())
            stop.wait(0.1)

    poller = threading.Thread(target=poll)
    poller.start()
    try:
        yield seen
    finally:
        stop.set()
        poller.join()


def _same(one: dict[str, t.Any], other: dict[str, t.Any]) -> bool:
    """Say whether two specs are equal but for an empty C(Placement) in place of none."""
    empty: dict[str, t.Any] = {"Placement": {}}
    return {**one, "TaskTemplate": {**empty, **one["TaskTemplate"]}} == {
        **other,
        "TaskTemplate": {**empty, **other["TaskTemplate"]},
    }


def _on_the_worker(swarm: Swarm, make: t.Callable[[], t.Any]) -> None:
    """Make a service whose tasks all start on n2, though they may run on n1 too."""
    assert not swarm.module("node", hostname="n1", availability="pause").failed
    make()
    assert not swarm.module("node", hostname="n1", availability="active").failed


def test_d52_a_drain_of_a_service_without_update_config(swarm: Swarm, name: str) -> None:
    """The engine then replaces one task at a time, and stops it first."""
    spec = {
        key: value for key, value in service(name, "web", swarm.images["v1"], 3).spec.items() if key != "UpdateConfig"
    }

    def make() -> None:
        swarm.create(spec)
        until(lambda: len(swarm.tasks(f"{name}_web")) == 3, "three tasks")

    _on_the_worker(swarm, make)
    reader = swarm.nodes[0].client()

    def look() -> tuple[bool, int]:
        tasks = reader.tasks({"service": f"{name}_web", "desired-state": "running"})
        running = sum(task["Status"]["State"] == "running" for task in tasks)
        return "UpdateConfig" in reader.inspect_service(f"{name}_web")["Spec"], running

    with _sampled(look) as seen:
        out = swarm.module("node", hostname="n2", availability="drain", wait_timeout=60)
    reader.close()
    assert out.changed and out.data["moved"] == [f"{name}_web"], out.msg
    assert not any(has for has, _running in seen) and min(running for _has, running in seen) == 2


def test_d52_a_drain_keeps_the_order_of_each_service_and_leaves_nothing_behind(swarm: Swarm, name: str) -> None:
    careful = {"Parallelism": 1, "Monitor": SECOND, "FailureAction": "rollback", "Order": "stop-first"}
    model = stack(name, service(name, "db", swarm.images["v1"], UpdateConfig=careful))
    _on_the_worker(swarm, lambda: swarm.stack(model))
    before = swarm.spec(f"{name}_db")
    reader = swarm.nodes[0].client()

    def look() -> tuple[str, int]:
        tasks = reader.tasks({"service": f"{name}_db"})
        spec = reader.inspect_service(f"{name}_db")["Spec"]
        return str(spec["UpdateConfig"]), sum(task["Status"]["State"] == "running" for task in tasks)

    with _sampled(look) as seen:
        out = swarm.module("node", hostname="n2", availability="drain", wait_timeout=40)
    reader.close()
    assert out.changed and out.data["moved"] == [f"{name}_db"] and _on(swarm, f"{name}_db", "n1"), out.msg
    assert {config for config, _running in seen} == {str(before["UpdateConfig"])}
    assert max(running for _config, running in seen) == 1
    assert _same(swarm.spec(f"{name}_db"), before) and not swarm.stack(model).changed


def test_d52_a_drain_that_is_interrupted_puts_back_what_was_there(swarm: Swarm, name: str) -> None:
    _on_the_worker(swarm, lambda: swarm.stack(stack(name, service(name, "web", swarm.images["v1"]))))
    before = swarm.spec(f"{name}_web")
    engine = Engine(swarm.host)
    worker = next(node for node in engine.nodes() if node["Description"]["Hostname"] == "n2")

    def interrupt(*_line: t.Any) -> None:
        assert swarm.spec(f"{name}_web") != before
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drain.drain(engine, worker, 40, listener=interrupt)
    assert _same(swarm.spec(f"{name}_web"), before)
    assert swarm.module("cluster_info").data["nodes"][1]["availability"] == "active"


def _paused(swarm: Swarm, node: str) -> tuple[int, t.Any]:
    found = swarm.client.inspect_node(node)
    return found["Version"]["Index"], {**found["Spec"], "Availability": "pause"}


@pytest.mark.parametrize("availability", ["active", "drain"])
def test_d52_what_a_killed_drain_has_left_goes_with_the_next_word_on_the_node(
    swarm: Swarm, name: str, availability: str
) -> None:
    worker = next(node["ID"] for node in swarm.client.nodes() if node["Description"]["Hostname"] == "n2")
    own = {"Placement": {"Constraints": [f"node.id!={worker}"]}}
    model = stack(
        name, service(name, "web", swarm.images["v1"]), service(name, "own", swarm.images["v1"], 0, template=own)
    )
    assert not swarm.stack(model).failed
    before = [swarm.spec(f"{name}_{key}") for key in ("web", "own")]
    swarm.client.update_node(worker, *_paused(swarm, worker))
    swarm.update(f"{name}_web", lambda spec: spec.update(shifted(spec, worker) or {}))
    assert not swarm.stack(model).changed
    assert swarm.module("node", hostname="n2", availability=availability, wait_timeout=40).changed
    assert [swarm.spec(f"{name}_{key}") for key in ("web", "own")] == before


def test_d65_a_drain_waits_for_a_deploy_and_others_are_told_who_deploys(swarm: Swarm, name: str) -> None:
    slowly = {"Parallelism": 1, "Monitor": SECOND, "Delay": 3 * SECOND, "FailureAction": "pause"}

    def model(tag: str) -> t.Any:
        return stack(name, service(name, "web", swarm.images[tag], 4, UpdateConfig=slowly))

    assert not swarm.stack(model("v1")).failed
    out: list[Result] = []
    deploy = Deploy(Engine(swarm.host), model("v2"), Options(wait_timeout=60, deployed_by="ann"))
    slow = threading.Thread(target=lambda: out.append(deploy.run()))
    slow.start()
    try:
        until(lambda: swarm.client.configs({"name": f"apiary-release.{name}.2"}), "the lock")
        holder = "stack is being deployed by ann on"
        short = swarm.module("node", hostname="n2", availability="drain", wait_timeout=1)
        assert short.failed and f"{name}_web: its {holder}" in short.msg, short.msg
        assert swarm.module("cluster_info").data["nodes"][1]["availability"] == "active"
        for args in ({"env": {"A": "1"}}, {"state": "absent"}):
            refused = swarm.module("service", name=f"{name}_web", resolve_image=False, **args)
            assert refused.failed and f"stack {name} is being deployed by ann on" in refused.msg
        drained = swarm.module("node", hostname="n2", availability="drain", wait_timeout=90)
    finally:
        slow.join()
    assert not drained.failed and drained.data["moved"] == [f"{name}_web"], drained.msg
    assert out[0].changed and {item.state for item in out[0].verdicts.values()} == {"converged"}
    assert not _on(swarm, f"{name}_web", "n2") and len(swarm.tasks(f"{name}_web")) == 4
    assert not swarm.stack(model("v2")).changed


def test_d65_a_deploy_that_begins_during_a_drain_is_not_disturbed(swarm: Swarm, name: str) -> None:
    """The constraints of a drain are no edit of somebody else, whether they come or go."""
    first = stack(name, service(name, "web", swarm.images["v1"], 2))
    assert not swarm.stack(first).failed
    engine = Engine(swarm.host)
    worker = next(node for node in engine.nodes() if node["Description"]["Hostname"] == "n2")
    out: list[t.Any] = []

    def begin(*_line: t.Any) -> None:
        if not out:
            fresh = stack(name, service(name, "web", swarm.images["v2"], 2))
            out.append(Deploy(Engine(swarm.host), fresh, Options(wait_timeout=40)).run())

    done = drain.drain(engine, worker, 60, listener=begin)
    assert done.moved == [f"{name}_web"] and out[0].changed
    assert {task["Spec"]["ContainerSpec"]["Image"].partition("@")[0] for task in swarm.tasks(f"{name}_web")} == {
        swarm.images["v2"]
    }
    assert "Constraints" not in (swarm.spec(f"{name}_web")["TaskTemplate"].get("Placement") or {})
    assert not _on(swarm, f"{name}_web", "n2")


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
        assert refused.failed and "are not a majority" in refused.msg
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
