# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's edge after its node left the swarm and joined again."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

import docker
import pytest
from lab import Node, until
from workbench import Swarm

from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge import image
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.container import (
    FOLDER,
    NAME,
    ContainerOptions,
    EdgeContainer,
)
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.nginx import EdgeOptions, render
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.routes import Routes
from ansible_collections.apiary.swarm.plugins.module_utils._agent.engine import LocalEngine

NETWORK = "edge-rejoined"


@pytest.fixture
def guest(swarm: Swarm) -> t.Iterator[Node]:
    """A further worker, and the network of routed services; both are gone afterwards."""
    network = swarm.client.create_network(NETWORK, driver="overlay", attachable=True)["Id"]
    (node,) = swarm.lab.engines(1, prefix="guest")
    join(swarm, node)
    yield node
    with contextlib.suppress(docker.errors.APIError):
        node.client().remove_container(NAME, force=True)
    node.client().leave_swarm(force=True)
    node.kill()
    for member in swarm.client.nodes():
        if member["Description"]["Hostname"] == node.name:
            swarm.client.remove_node(member["ID"], force=True)
    swarm.remove_network(network)


def join(swarm: Swarm, node: Node) -> None:
    """Let a node join as a worker and wait until it is Ready."""
    manager = swarm.nodes[0]
    token = swarm.client.inspect_swarm()["JoinTokens"]["Worker"]
    node.client().join_swarm([f"{manager.address}:2377"], token, advertise_addr=node.address)
    until(lambda: node.client().info()["Swarm"]["LocalNodeState"] == "active", "the node to join", 40)


def networks(node: Node) -> dict[str, t.Any]:
    """Return the networks that the edge's container is on."""
    return t.cast("dict[str, t.Any]", node.client().inspect_container(NAME)["NetworkSettings"]["Networks"])


def test_a6_e16_the_edge_of_a_node_that_joined_again_is_on_the_network(
    swarm: Swarm, guest: Node, tmp_path: Path
) -> None:
    engine, lines = LocalEngine(guest.host), list[str]()
    image.build(engine)
    folder = guest.root / "edge"
    folder.mkdir()
    (folder / "nginx.conf").write_text(render(Routes(), EdgeOptions("n", routes_file=f"{FOLDER}/routes.json")))
    edge = EdgeContainer(engine, ContainerOptions(str(folder), NETWORK, log_driver="json-file"), lines.append)
    assert edge.ensure()
    assert not edge.ensure(), "nothing to do while all is well"
    serves = f"http://{guest.address}/_edge/health"
    until(lambda: guest.get(serves) is not None, "the edge to serve", 20, 0.2)

    guest.client().leave_swarm(force=True)
    until(lambda: guest.client().info()["Swarm"]["LocalNodeState"] == "inactive", "the node to be out", 20)
    # The fact behind it: the container goes on, without the network that its engine has lost.
    left = guest.client().inspect_container(NAME)
    assert (left["State"]["Running"], left["NetworkSettings"]["Networks"]) == (True, {})
    join(swarm, guest)

    until(edge.ensure, "the edge to be repaired", 40, 0.3)
    found = networks(guest)[NETWORK]
    assert found["IPAddress"] and found["EndpointID"]
    assert found["NetworkID"] == swarm.client.inspect_network(NETWORK)["Id"]
    assert not edge.ensure()
    assert sum("has lost its network" in line for line in lines) == 1
    until(lambda: guest.get(serves) is not None, "the edge to serve", 20, 0.2)
