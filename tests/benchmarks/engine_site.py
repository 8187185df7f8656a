# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One real engine with a registry beside it, and many tiny services on it."""

from __future__ import annotations

import datetime
import sys
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager

from measure import ROOT

sys.path.insert(0, str(ROOT / "tests" / "support"))

import docker
from lab import Lab, Node, until

STACK = "bench"


class Site:
    """The engine.

    :ivar image: a tiny image that the registry holds and the engine has.
    """

    def __init__(self, node: Node, image: str) -> None:
        self.node = node
        self.image = image
        self.client: docker.APIClient = node.client()

    def clear(self) -> None:
        """Remove everything that a run leaves, and wait until its containers are gone too."""
        for service in self.client.services():
            self.client.remove_service(service["ID"])
        for config in self.client.configs():
            self.client.remove_config(config["ID"])
        until(lambda: not self.client.containers(all=True), "the containers to go", 180, 0.2)
        until(self._no_networks, "the networks to go", 60, 0.2)

    def _no_networks(self) -> bool:
        left = [item for item in self.client.networks(filters={"scope": "swarm"}) if not item["Ingress"]]
        for network in left:
            self.client.remove_network(network["Id"])
        return not left

    def settle(self, count: int) -> None:
        """Wait until *count* tasks run, and nothing else is on its way."""
        until(lambda: self.running() == [count, count], f"{count} tasks to run", 300, 0.2)

    def running(self) -> list[int]:
        """Return how many tasks should run, and how many of them do."""
        tasks = self.client.tasks({"desired-state": "running"})
        return [len(tasks), sum(task["Status"]["State"] == "running" for task in tasks)]

    def last_start(self) -> float:
        """Return when the last running task began to run, in seconds since 1970."""
        stamps = [task["Status"]["Timestamp"] for task in self.client.tasks({"desired-state": "running"})]
        return max(datetime.datetime.fromisoformat(f"{stamp[:26].rstrip('Z')}+00:00").timestamp() for stamp in stamps)

    def versions(self) -> dict[str, str]:
        """Return the versions of the engine and its API."""
        found: dict[str, t.Any] = self.client.version()
        return {"dockerd": found["Version"], "API": found["ApiVersion"]}


@contextmanager
def site() -> Iterator[Site]:
    """Start an engine that is a swarm of its own."""
    with Lab() as lab:
        (node,) = lab.swarm()
        image = lab.image("tiny", "v1", keep_local=True)
        found = Site(node, image)
        try:
            yield found
        finally:
            found.client.close()


def service_names(count: int) -> list[str]:
    """Return the names of *count* services in their stack file."""
    return [f"s{number:03}" for number in range(count)]


def environments(count: int, value: str) -> dict[str, dict[str, str]]:
    """Return service → environment; *value* is in the first one's only."""
    names = service_names(count)
    return {name: {"LEVEL": value if name == names[0] else "info", "NAME": name} for name in names}


def stack_file(image: str, count: int, value: str) -> dict[str, t.Any]:
    """Return the Compose file: one replica of each service on one overlay network."""
    return {
        "version": "3.8",
        "networks": {"net": {"driver": "overlay"}},
        "services": {
            name: {"image": image, "environment": env, "networks": ["net"], "deploy": {"endpoint_mode": "dnsrr"}}
            for name, env in environments(count, value).items()
        },
    }
