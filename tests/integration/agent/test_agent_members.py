# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members on real engines: old halves, ghosts, lost keys, and answers of EC2 that are wrong."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import threading
import typing as t

import docker
import pytest
from agent_site import CLUSTER, DEADLINE, Site, form, leader
from lab import Node, until

from ansible_collections.apiary.swarm.plugins.module_utils._agent.engine import LocalEngine

Json = dict[str, t.Any]


def members(manager: Node) -> list[Json]:
    """Return the swarm's nodes as a manager sees them."""
    client = manager.client(timeout=5)
    try:
        return client.nodes()
    finally:
        client.close()


def host(member: Json) -> str:
    """Return the host name that a node told, if it ever did."""
    return str(member.get("Description", {}).get("Hostname", ""))


def test_a6_a26_old_halves_and_ghosts_go_and_quorum_stays(site: Site) -> None:
    site.patience = {"answers": 2, "seconds": 2, "ghost_seconds": 20}
    nodes = form(site, managers=3, workers=1)
    first = leader(nodes[:3])
    again = next(node for node in nodes[:3] if node is not first)
    worker = nodes[3]
    before = {host(member): member["ID"] for member in members(first)}

    # A ghost: an engine that got its certificate and was never heard of again.
    (lost,) = site.lab.engines(1)
    token = first.client().inspect_swarm()["JoinTokens"]
    ghosts = [haunt(first, lost, token["Worker"])]
    shutil.rmtree(lost.root / "d" / "swarm")
    lost.start()
    ghosts.append(haunt(first, lost, token["Manager"]))

    # The agent finds its engine out of the swarm and joins it again.
    for node in (again, worker):
        node.client().leave_swarm(force=True)

    def settled() -> bool:
        found = members(first)
        return (
            sorted(map(host, found)) == sorted(node.name for node in nodes)
            and all(member["Status"]["State"] == "ready" for member in found)
            and sum(member.get("ManagerStatus", {}).get("Reachability") == "reachable" for member in found) == 3
        )

    until(settled, "each node to be one member", DEADLINE, 0.5)
    after = {host(member): member["ID"] for member in members(first)}
    assert {name for name in after if after[name] != before[name]} == {again.name, worker.name}
    record = until(lambda: whole(site, 4), "the record", DEADLINE, 0.5)
    assert {node["instance_id"]: node["node_id"] for node in record["nodes"]} == {
        site.instances[name]: node_id for name, node_id in after.items()
    }
    # One more loss, of the three that there were before: with the old half in raft it would have been the end.
    third = next(node for node in nodes[:3] if node not in (first, again))
    third.kill()
    site.stop_agent(third)
    until(lambda: leader([first, again]), "a leader", DEADLINE, 0.3)
    until(lambda: first.client(timeout=5).inspect_swarm()["ID"], "the swarm to answer", DEADLINE, 0.3)


def whole(site: Site, count: int) -> Json | None:
    """Return the record once it holds so many nodes, each with an instance of its own."""
    record = json.loads(site.parameter("managers"))
    ids = {node["instance_id"] for node in record["nodes"]}
    return record if len(record["nodes"]) == len(ids) == count and "" not in ids else None


def haunt(manager: Node, lost: Node, token: str) -> str:
    """Leave a member behind that was never heard of, and return its id.

    On a busy machine an engine may get in before its power is cut: then it is taken out again, and has another try.
    """
    for _attempt in range(10):
        left = cut_while_it_joins(manager, lost, token)
        if left["Status"]["State"] == "unknown":
            assert not left["Status"].get("Addr") and "ManagerStatus" not in left, left
            return str(left["ID"])
        watcher = manager.client()
        if "ManagerStatus" in left:
            watcher.update_node(left["ID"], left["Version"]["Index"], {"Role": "worker", "Availability": "active"})
        until(functools.partial(removed, watcher, left["ID"]), "the member to go", 60, 0.5)
        shutil.rmtree(lost.root / "d" / "swarm")
        lost.start()
    raise AssertionError("no engine was slower than its power cut")


def removed(client: t.Any, node_id: str) -> bool:
    client.remove_node(node_id, force=True)
    return True


def cut_while_it_joins(manager: Node, lost: Node, token: str) -> Json:
    """Let an engine begin to join, and cut its power once it has its certificate; return what is left."""
    watcher = manager.client(timeout=5)
    known = {member["ID"] for member in watcher.nodes()}

    def begin() -> None:
        with contextlib.suppress(docker.errors.APIError, OSError):
            client = lost.client(timeout=20)
            client.join_swarm([f"{manager.address}:2377"], token, advertise_addr=lost.address)

    def fresh() -> Json | None:
        return next((member for member in watcher.nodes() if member["ID"] not in known), None)

    thread = threading.Thread(target=begin)
    thread.start()
    try:
        until(fresh, "the certificate", 20, 0.01)
    finally:
        lost.kill()
        thread.join(30)
    left = t.cast(Json, fresh())
    watcher.close()
    return left


@pytest.mark.parametrize("stored", ["", "SWMKEY-1-ofaformerclusterofthesamename0000000000000000000"])
def test_a17_a_swarm_whose_key_was_lost_with_the_power_is_formed_anew(site: Site, stored: str) -> None:
    (node,) = site.lab.engines(1)
    instance = site.launch(node)
    record = {
        "schema": 1, "cluster": CLUSTER, "state": "initialising", "epoch": 1, "owner": instance,
        "lease_until": "2020-01-01T00:00:00Z",
    }  # fmt: skip
    site.aws("ssm", "put_parameter", Name=f"/swarm/{CLUSTER}/managers", Type="String", Value=json.dumps(record))
    if stored:
        site.aws("ssm", "put_parameter", Name=f"/swarm/{CLUSTER}/unlock", Type="SecureString", Value=stored)
    # What the agent does, up to the loss of power.
    engine = LocalEngine(node.host)
    engine.init(node.address, "10.128.0.0/10", 22, autolock=True)
    lost = engine.swarm()["ID"]
    node.kill()
    node.start()
    until(lambda: engine.membership().state == "locked", "the engine to be locked", DEADLINE, 0.1)

    site.start_agent(node, "manager")
    until(lambda: json.loads(site.parameter("managers"))["state"] == "ready", "the record", DEADLINE, 0.3)
    assert engine.membership().manager
    assert json.loads(site.parameter("managers"))["swarm_id"] == engine.swarm()["ID"] != lost
    assert site.parameter("unlock") == engine.unlock_key()


def test_a17_a_published_swarm_is_never_left_for_its_key(site: Site) -> None:
    """The record is ready, others may have joined: without its key this is for a person to decide."""
    (node,) = form(site, managers=1, workers=0)
    engine = LocalEngine(node.host)
    swarm_id = engine.swarm()["ID"]
    site.stop_agent(node)
    site.aws("ssm", "delete_parameter", Name=f"/swarm/{CLUSTER}/unlock")
    node.kill()
    node.start()
    site.start_agent(node, "manager")
    until(lambda: "there is no unlock key" in site.log, "the agent to say so", DEADLINE, 0.3)
    assert engine.membership().state == "locked"
    assert json.loads(site.parameter("managers"))["swarm_id"] == swarm_id


def test_a10_a_ready_node_stays_whatever_ec2_says(site: Site) -> None:
    """EC2 calls two workers terminated. One of them is down, and goes; the other one speaks to the managers."""
    manager, ready, dead = form(site, managers=1, workers=2)
    until(lambda: whole(site, 3), "the record", DEADLINE, 0.3)
    site.aws("ec2", "terminate_instances", InstanceIds=[site.instances[ready.name]])
    site.terminate(dead)
    until(lambda: dead.name not in map(host, members(manager)), "the dead one to be removed", DEADLINE, 0.3)
    assert sorted(map(host, members(manager))) == sorted((manager.name, ready.name))
    record = until(lambda: whole(site, 2), "the record", DEADLINE, 0.3)
    assert {node["instance_id"] for node in record["nodes"]} == {site.instances[n.name] for n in (manager, ready)}
