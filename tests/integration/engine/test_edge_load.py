# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates while requests come in through the edge."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import docker
import pytest
from lab import Node, until
from lab_processes import MORTAL
from stacks import SECOND, service, stack
from workbench import Swarm

SUPPORT = Path(__file__).resolve().parents[2] / "support"
#: Requests per second, and how many updates follow each other; C(make test-load) asks for 200 and 10.
RATE = int(os.environ.get("EDGE_LOAD_RATE", "100"))
UPDATES = int(os.environ.get("EDGE_LOAD_UPDATES", "3"))
#: Whether as many updates of a stack that no edge serves come first: what deploys cost that only share the processors.
BESIDE = "EDGE_LOAD_BESIDE" in os.environ
ROUTED = {"edge.port": "8080"}
QUIET = 5.0  # seconds of requests before the first update, to compare with
#: Ends as programs should: it answers on for a moment after the signal, while the edges learn of it.
SERVE = ["sh", "-c", "trap 'sleep 2; exit 0' TERM; httpd -f -p 8080 -h /www & wait; wait"]
HEALTHY = {"Test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"], "Interval": SECOND // 2}


@pytest.fixture
def edge(swarm: Swarm, tmp_path: Path) -> t.Iterator[Node]:
    """A node with an edge, and the network of routed services."""
    node = swarm.nodes[0]
    network = swarm.client.create_network("edge", driver="overlay", attachable=True)["Id"]
    given = {"host": node.host, "address": node.address, "folder": str(tmp_path / "edge"), "network": "edge"}
    log = tmp_path / "edge.log"
    runner = _in(node, "edge_runner.py", json.dumps(given), output=log.open("wb"))
    yield node
    print(log.read_text())
    runner.kill()
    runner.wait()
    with contextlib.suppress(docker.errors.NotFound):
        swarm.client.remove_container("apiary-edge", force=True)
    swarm.remove_network(network)


def _in(node: Node, script: str, *arguments: str, output: t.Any) -> subprocess.Popen[bytes]:
    command = [*MORTAL, *node.enter(), sys.executable, str(SUPPORT / script), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, env=os.environ)


def test_d29_updates_under_load_fail_no_request(swarm: Swarm, edge: Node, name: str) -> None:
    images = {}
    for version in ("1", "2"):
        config = {"StopSignal": "SIGTERM", "Healthcheck": HEALTHY}
        images[version] = swarm.lab.image("routed", version, SERVE, {"/www/index.html": version}, config)

    def deploy(version: str, called: str, labels: dict[str, str]) -> None:
        served = service(
            called, "web", images[version], 2, labels=labels, template={"Networks": [{"Target": "edge"}]},
            UpdateConfig={"Parallelism": 1, "Order": "start-first", "Monitor": SECOND, "FailureAction": "pause"},
        )  # fmt: skip
        out = swarm.stack(stack(called, served), wait_timeout=90)
        assert out.changed and not out.failed, out.msg

    def begin(phase: str) -> None:
        assert load.stdin is not None
        load.stdin.write(f"{phase}\n".encode())
        load.stdin.flush()

    def update(phase: str, called: str, labels: dict[str, str]) -> None:
        begin(phase)
        for number in range(UPDATES):
            deploy("2" if number % 2 == 0 else "1", called, labels)

    deploy("1", name, ROUTED)
    if BESIDE:
        deploy("1", f"{name}-beside", {})
    until(lambda: (edge.get(f"http://{edge.address}/") or "").strip() == "1", "the edge to serve", 60, 0.3)
    load = _in(swarm.nodes[1], "edge_load.py", edge.address, str(RATE), output=subprocess.PIPE)
    begin("quiet")
    time.sleep(QUIET)
    if BESIDE:
        update("beside", f"{name}-beside", {})
    update("updates", name, ROUTED)
    said, _nothing = load.communicate(timeout=60)
    result = json.loads(said)
    print(json.dumps(result, indent=1))
    quiet, updates = result["quiet"], result["updates"]
    assert set(quiet["answers"]) == {"1"} and set(updates["answers"]) == {"1", "2"}, result
    assert updates["count"] > RATE * UPDATES
