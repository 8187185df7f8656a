# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A laboratory of real engines with AWS's API beside them, and agents that run on its nodes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from lab import GATEWAY, Lab, Node, until

RUNNER = Path(__file__).with_name("agent_runner.py")
PORT = 5999
REGION = "us-east-1"
CLUSTER = "demo"
DEADLINE = 180
"""Seconds, on a machine that has much else to do."""


class Site:
    """Engines, instances that stand for them in EC2, and their agents.

    :ivar log: what all agents have said.
    :ivar patience: how patient the agents that start from now on are, as in :mod:`absence`.
    """

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.log_file = folder / "agents.log"
        self.env = {
            **os.environ,
            "AWS_ENDPOINT_URL": f"http://{GATEWAY}:{PORT}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }
        self.patience: dict[str, float] = {}
        self.agents: dict[str, subprocess.Popen[bytes]] = {}
        self.instances: dict[str, str] = {}
        self._aws = subprocess.Popen(
            [*lab.enter("--net", "--pid"), sys.executable, "-m", "moto.server", "-H", "0.0.0.0", "-p", str(PORT)],
            stdout=(folder / "aws.log").open("wb"),
            stderr=subprocess.STDOUT,
            env=self.env,
        )
        until(lambda: self.aws("ec2", "describe_vpcs"), "AWS's API", 60, 0.3)
        vpc = self.aws("ec2", "create_vpc", CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
        self._subnet = self.aws("ec2", "create_subnet", VpcId=vpc, CidrBlock="10.99.0.0/16")["Subnet"]["SubnetId"]

    @property
    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def aws(self, service: str, call: str, **arguments: t.Any) -> dict[str, t.Any]:
        """Make one call to AWS from inside the laboratory."""
        code = (
            "import boto3, json, sys; s, c, a = sys.argv[1:];"
            "print(json.dumps(getattr(boto3.client(s), c)(**json.loads(a)), default=str))"
        )
        run = subprocess.run(
            [*self.lab.enter("--net"), sys.executable, "-c", code, service, call, json.dumps(arguments)],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if run.returncode != 0:
            raise ValueError(run.stderr.strip().splitlines()[-1])
        return t.cast("dict[str, t.Any]", json.loads(run.stdout))

    def launch(self, node: Node) -> str:
        """Make the instance that the node is; return its id."""
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "swarm:cluster", "Value": CLUSTER}]}]
        made = self.aws(
            "ec2",
            "run_instances",
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            SubnetId=self._subnet,
            PrivateIpAddress=node.address,
            TagSpecifications=tags,
        )
        self.instances[node.name] = made["Instances"][0]["InstanceId"]
        return self.instances[node.name]

    def terminate(self, node: Node) -> None:
        """Cut a node's power and end its instance."""
        node.kill()
        self.stop_agent(node)
        self.aws("ec2", "terminate_instances", InstanceIds=[self.instances[node.name]])

    def start_agent(self, node: Node, role: str) -> None:
        """Boot the node's agent."""
        given = {
            "settings": {"cluster": CLUSTER, "region": REGION, "role": role},
            "instance_id": self.instances[node.name],
            "address": node.address,
            "host": node.host,
            "name": node.name,
            "notices": str(self.notices(node)),
            "patience": self.patience,
        }
        self.agents[node.name] = subprocess.Popen(
            [*node.enter(), sys.executable, str(RUNNER), json.dumps(given)],
            env=self.env,
            stdout=self.log_file.open("ab"),
            stderr=subprocess.STDOUT,
        )

    def stop_agent(self, node: Node) -> None:
        """Kill the node's agent."""
        agent = self.agents.pop(node.name, None)
        if agent is not None:
            agent.kill()
            agent.wait(10)

    def notices(self, node: Node) -> Path:
        """The file that plays the metadata service's notice."""
        return self.folder / f"{node.name}.notice"

    def parameter(self, name: str) -> str:
        """Return a parameter of the cluster, decrypted."""
        found = self.aws("ssm", "get_parameter", Name=f"/swarm/{CLUSTER}/{name}", WithDecryption=True)
        return str(found["Parameter"]["Value"])

    def close(self) -> None:
        """End agents and AWS."""
        for process in [*self.agents.values(), self._aws]:
            process.kill()
            process.wait(10)


def states(node: Node) -> dict[str, tuple[str, str, str]]:
    """Return host name → (role, state, availability) as a manager sees it."""
    with_client = node.client(timeout=5)
    try:
        return {
            found["Description"].get("Hostname", ""): (
                found["Spec"]["Role"],
                found["Status"]["State"],
                found["Spec"]["Availability"],
            )
            for found in with_client.nodes()
        }
    finally:
        with_client.close()


def leader(nodes: t.Sequence[Node]) -> Node:
    """Return the node that leads."""
    for node in nodes:
        for found in node.client(timeout=5).nodes():
            if found.get("ManagerStatus", {}).get("Leader"):
                return next(n for n in nodes if n.name == found["Description"]["Hostname"])
    raise ValueError("nobody leads")


def form(site: Site, managers: int, workers: int) -> list[Node]:
    """Boot nodes at the same moment and wait until they are one swarm."""
    nodes = site.lab.engines(managers + workers)
    for node in nodes:
        site.launch(node)
    for index, node in enumerate(nodes):
        site.start_agent(node, "manager" if index < managers else "worker")

    def formed() -> bool:
        seen = states(nodes[0])
        roles = [role for role, state, _availability in seen.values() if state == "ready"]
        return roles.count("manager") == managers and roles.count("worker") == workers

    until(formed, "all nodes in one swarm", DEADLINE, 0.3)
    until(lambda: json.loads(site.parameter("managers"))["state"] == "ready", "the record", DEADLINE, 0.3)
    return nodes
