# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The container that nginx runs in: a plain one, attached to the swarm's edge network, so that it reaches tasks."""

from __future__ import annotations

import hashlib
import json
import typing as t
from dataclasses import asdict, dataclass
from pathlib import Path

from ..._errors import EngineError
from ..engine import LocalEngine

NAME = "apiary-edge"
IMAGE = "apiary/edge:local"
FOLDER = "/etc/edge"
"""Where the container sees the configuration."""

_SPEC_LABEL = "apiary.edge.spec"
_NGINX = ["/usr/sbin/nginx", "-e", "stderr"]


@dataclass(frozen=True)
class ContainerOptions:
    """How the container is made.

    :ivar folder: Folder with the configuration on the host.
    :ivar user: User and group that nginx runs as; it needs no privilege at all.
    :ivar port: Port on the host.
    """

    folder: str
    network: str
    user: str = "33:33"
    port: int = 80
    log_driver: str = "awslogs"
    log_options: tuple[tuple[str, str], ...] = ()
    image: str = IMAGE

    def digest(self, image_id: str) -> str:
        """Return what changes when the container has to be made anew."""
        return hashlib.sha256(json.dumps([asdict(self), image_id], sort_keys=True).encode()).hexdigest()[:16]


def attached(container: t.Mapping[str, t.Any], network: str, ids: t.Collection[str]) -> bool:
    """Tell whether a running container is on the network of that name as it is now.

    A node that leaves its swarm takes its containers off the swarm's attachable networks and removes those; the
    containers go on without (moby daemon/cluster/swarm.go: Leave; daemon/daemon.go: DaemonLeavesCluster;
    daemon/network.go: clearAttachableNetworks). When it joins again the network comes back under its name, and in a new
    swarm with a new id; the container is on neither.

    :param container: one of the engine's list of containers.
    :param ids: what the engine here calls the networks of that name.
    """
    found = (container.get("NetworkSettings") or {}).get("Networks", {}).get(network) or {}
    return bool(found.get("EndpointID") and found.get("IPAddress")) and found.get("NetworkID") in ids


def _ids(api: t.Any, network: str) -> set[str]:
    """Return the ids of the networks of that very name (the engine's filter takes parts of names)."""
    return {str(item["Id"]) for item in api.networks(names=[network]) if item["Name"] == network}


class EdgeContainer:
    """The node's edge container. The engine restarts it; this class makes it and talks to nginx in it."""

    def __init__(self, engine: LocalEngine, options: ContainerOptions, log: t.Callable[[str], None]) -> None:
        self._engine = engine
        self._options = options
        self._log = log

    def ensure(self) -> bool:
        """Make sure that the right container runs; tell whether something was done.

        :raises EngineError: the engine refuses, for one because the node is not in the swarm yet.
        """
        with self._engine.api("run the edge") as api:
            image = api.images(name=self._options.image, quiet=True)
            wanted = self._options.digest(str(image[0]) if image else "")
            found = api.containers(all=True, filters={"name": f"^/{NAME}$"})
            if found and found[0]["Labels"].get(_SPEC_LABEL) == wanted:
                if found[0]["State"] == "running":
                    network = self._options.network
                    if attached(found[0], network, _ids(api, network)):
                        return False
                    self._log(f"edge has lost its network {network}, as when its node left the swarm and joined again")
                elif self._start(api):
                    self._log("edge started")
                    return True
            if found:
                api.remove_container(NAME, force=True)
            self._create(api, wanted)
            api.start(NAME)
            self._log(f"edge made from {self._options.image}")
            return True

    def _start(self, api: t.Any) -> bool:
        """Start the container that is there; one that cannot start, its network being another now, is made anew."""
        from docker.errors import APIError

        try:
            api.start(NAME)
        except APIError:
            return False
        return True

    def test(self, config: str) -> None:
        """Let nginx check a file of the folder.

        :raises EngineError: nginx refuses it; the message ends with nginx's own words.
        """
        with self._engine.api("test the edge's configuration") as api:
            run = api.exec_create(NAME, [*_NGINX, "-t", "-q", "-c", f"{FOLDER}/{config}"])
            output = t.cast(bytes, api.exec_start(run["Id"])).decode(errors="replace")
            status = api.exec_inspect(run["Id"])["ExitCode"]
        if status != 0:
            raise EngineError(f"nginx refuses the new routes, so the last ones stay: {output.strip()}")

    def reload(self) -> None:
        """Let nginx take up its configuration; requests in flight are finished by the old workers."""
        with self._engine.api("reload the edge") as api:
            api.kill(NAME, signal="HUP")

    def _create(self, api: t.Any, digest: str) -> None:
        options = self._options
        host = api.create_host_config(
            port_bindings={80: options.port},
            binds=[f"{Path(options.folder)}:{FOLDER}:ro"],
            restart_policy={"Name": "always"},
            read_only=True,
            tmpfs={"/tmp": "mode=1777"},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            log_config={"Type": options.log_driver, "Config": dict(options.log_options)},
            network_mode=options.network,
        )
        api.create_container(
            options.image,
            [*_NGINX, "-g", "daemon off;", "-c", f"{FOLDER}/nginx.conf"],
            name=NAME,
            user=options.user,
            ports=[80],
            host_config=host,
            labels={_SPEC_LABEL: digest},
            stop_signal="SIGQUIT",
            networking_config=api.create_networking_config({options.network: api.create_endpoint_config()}),
        )
