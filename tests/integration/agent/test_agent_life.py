# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents on real engines: they form a swarm by themselves, lose managers, take over, drain and leave."""

from __future__ import annotations

import json

from agent_site import CLUSTER, DEADLINE, Site, form, leader, states
from lab import until


def test_three_managers_form_one_swarm_and_survive_their_leader(site: Site) -> None:
    nodes = form(site, managers=3, workers=1)
    assert site.log.count("this node forms the swarm") == 1
    until(lambda: len(json.loads(site.parameter("managers"))["nodes"]) == 4, "the record", DEADLINE, 0.5)
    record = json.loads(site.parameter("managers"))
    assert {m["instance_id"] for m in record["managers"]} == {site.instances[node.name] for node in nodes[:3]}
    assert site.parameter("token/worker") == nodes[0].client().inspect_swarm()["JoinTokens"]["Worker"]

    first = leader(nodes[:3])
    site.terminate(first)
    rest = [node for node in nodes if node is not first]
    until(lambda: set(states(rest[0])) == {node.name for node in rest}, "the dead leader to be removed", DEADLINE, 0.5)
    # Demoted before it was removed: the managers that remain are the whole of raft.
    managers = [name for name, (role, _state, _availability) in states(rest[0]).items() if role == "manager"]
    assert sorted(managers) == sorted(node.name for node in rest if node in nodes[:3])

    other = next(node for node in rest if node in nodes[:3] and node is not leader(rest[:2]))
    other.kill()
    site.stop_agent(other)
    other.start()
    until(lambda: other.client().info()["Swarm"]["LocalNodeState"] == "locked", "it to be locked", DEADLINE, 0.1)
    site.start_agent(other, "manager")
    until(lambda: other.client().info()["Swarm"]["ControlAvailable"], "the manager to unlock itself", DEADLINE, 0.5)

    # A manager in place of the dead one.
    (fresh,) = site.lab.engines(1)
    site.launch(fresh)
    site.start_agent(fresh, "manager")
    until(lambda: states(other).get(fresh.name, ())[:2] == ("manager", "ready"), "the new manager", DEADLINE, 0.5)


def test_a_manager_takes_over_from_one_that_is_gone(site: Site) -> None:
    """The first manager creates the record and dies before it can form the swarm."""
    dead, *nodes = site.lab.engines(3)
    instance = site.launch(dead)
    record = {
        "schema": 1, "cluster": CLUSTER, "state": "initialising", "epoch": 1, "owner": instance,
        "lease_until": "2020-01-01T00:00:00Z",
    }  # fmt: skip
    site.aws("ssm", "put_parameter", Name=f"/swarm/{CLUSTER}/managers", Type="String", Value=json.dumps(record))
    for node in nodes:
        site.launch(node)
        site.start_agent(node, "manager")
    until(lambda: f"the lease of {instance} is over and it is running" in site.log, "the alarm", DEADLINE, 0.3)
    assert "epoch 2" not in site.log, "nobody takes over from one that still runs"
    site.terminate(dead)
    until(lambda: len(states(nodes[0])) == 2, "both in one swarm", DEADLINE, 0.3)
    assert site.log.count("epoch 2: this node forms the swarm") == 1
    assert json.loads(site.parameter("claim/2"))["owner"] in site.instances.values()


def test_no_second_swarm_when_all_managers_are_gone(site: Site) -> None:
    (first,) = form(site, managers=1, workers=0)
    site.terminate(first)
    (fresh,) = site.lab.engines(1)
    site.launch(fresh)
    site.start_agent(fresh, "manager")
    until(lambda: "every recorded manager is gone" in site.log, "the alarm", DEADLINE, 0.3)
    assert fresh.client().info()["Swarm"]["LocalNodeState"] == "inactive"


def test_nodes_leave_before_their_instances_end(site: Site) -> None:
    nodes = form(site, managers=3, workers=1)
    worker, manager = nodes[3], next(node for node in nodes[:3] if node is not leader(nodes[:3]))
    stays = next(node for node in nodes[:3] if node is not manager)
    until(lambda: f"{worker.name} nothing" in site.log, "the worker's agent", DEADLINE)

    site.notices(worker).write_text("Terminated")
    until(lambda: states(stays)[worker.name][1:] == ("down", "drain"), "the worker to have left", DEADLINE, 0.3)
    assert f"{worker.name} leaving: manager" in site.log

    site.notices(manager).write_text("Terminated")
    until(lambda: states(stays)[manager.name] == ("worker", "down", "drain"), "the manager to have left", DEADLINE, 0.3)
    assert len([1 for role, state, dummy in states(stays).values() if (role, state) == ("manager", "ready")]) == 2
