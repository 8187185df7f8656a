# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is in another swarm than it should be is told so, and never counted as joined."""

from __future__ import annotations

from datetime import UTC, datetime

from lab import Lab, Node, until

from ansible_collections.apiary.swarm.plugins.module_utils._agent.engine import LocalEngine
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.election import Action, Do, View, decide
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import ClusterRecord, ManagerRecord


def _next_step(node: Node, role: str, cluster: Node) -> Action:
    """Return what the agent of a node would do, where the cluster's record names another node's swarm."""
    client = cluster.client()
    swarm_id = client.inspect_swarm()["ID"]
    client.close()
    record = ClusterRecord(
        cluster="b", state="ready", swarm_id=swarm_id, managers=(ManagerRecord("i-1", ip=cluster.address),)
    )
    view = View("i-9", role, LocalEngine(node.host).membership(), datetime.now(UTC), record)
    return decide(view)


def test_d27_a_node_in_another_swarm_is_not_taken_for_joined() -> None:
    with Lab(registry=False) as lab:
        manager, worker = lab.swarm(managers=1, workers=1)
        (other,) = lab.engines(1)
        other.client().init_swarm(other.address)
        until(lambda: LocalEngine(worker.host).membership().managers == (manager.address,), "the worker to know", 20)
        for node, role in ((manager, "manager"), (worker, "worker")):
            assert _next_step(node, role, manager).do is Do.NOTHING
            step = _next_step(node, role, other)
            assert step.do is Do.ALARM and "docker swarm leave --force" in step.reason, step
            assert node.client().info()["Swarm"]["LocalNodeState"] == "active", "nothing is done behind one's back"
