# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that the local region's instances stand in, on an engine of their own."""

from __future__ import annotations

import concurrent.futures
import ipaddress
from pathlib import Path

from region.config import RegionConfig
from region.machines.nodes import Nodes, NodeSpec
from workbench import Swarm

AT_ONCE = 6


def test_launches_at_once_share_the_network_of_their_vpc(swarm: Swarm, tmp_path: Path) -> None:
    config = RegionConfig(name="test", state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")
    with swarm.nodes[0].client() as client:
        for number in range(8):
            nodes = Nodes(config, str(swarm.nodes[0].socket))
            vpc, addresses = f"vpc-{number:017x}", ipaddress.ip_network(f"10.21{number}.0.0/16")
            specs = [
                NodeSpec(f"i-{one}", "ami", vpc, str(addresses), str(addresses[one + 9])) for one in range(AT_ONCE)
            ]
            try:
                with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                    list(pool.map(nodes.ensure_network, specs))
                assert len(client.networks(names=[vpc])) == 1
            finally:
                for network in client.networks(names=[vpc]):
                    client.remove_network(network["Id"])
