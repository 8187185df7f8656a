# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge of one node of the laboratory, as the units run it: a manager's route feed, and nginx that follows it.

Runs inside the node's namespaces; its only argument is JSON with C(host), C(address), C(folder) and C(network).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge import image as edge_image
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.container import ContainerOptions, EdgeContainer
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.feed import Feed
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.follow import Edge
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.nginx import EdgeOptions
from ansible_collections.apiary.swarm.plugins.module_utils._agent.engine import LocalEngine

FEED_PORT = 7955


def main(text: str) -> None:
    """Run for ever."""
    given = json.loads(text)
    engine = LocalEngine(given["host"])

    def log(line: str) -> None:
        print(line, flush=True)

    edge_image.build(engine)
    Feed(engine, given["network"], given["address"], FEED_PORT, log)
    options = ContainerOptions(folder=given["folder"], network=given["network"], log_driver="json-file")
    container = EdgeContainer(engine, options, log)
    folder = Path(given["folder"])
    Edge(engine, container, folder, EdgeOptions(node="n1"), given["address"], FEED_PORT, log).run()


if __name__ == "__main__":
    main(sys.argv[1])
