# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""The calls to this node's own Docker engine that the agent needs, with errors in one sentence."""

from __future__ import annotations

import contextlib
import typing as t

from .._errors import SwarmError
from .election import Answer

Json = dict[str, t.Any]

JOIN_TIMEOUT = 40
"""Seconds; the engine itself answers a join after 20 s at the latest and goes on in the background."""


class EngineError(SwarmError):
    """The engine refused a call or does not answer.

    :ivar status: HTTP status of its answer, 0 when there was none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Engine:
    """The local engine, at its socket. May be shared by threads: every call is one request."""

    def __init__(self, address: str = "unix:///var/run/docker.sock", timeout: int = JOIN_TIMEOUT) -> None:
        self._address = address
        self._timeout = timeout
        self._connected: t.Any = None

    # -- membership ------------------------------------------------------------------------------------------------
    def membership(self) -> Answer:
        """Return what the engine says about its place in a swarm."""
        swarm = self._swarm_info()
        cluster = swarm.get("Cluster") or {}
        return Answer(
            state=str(swarm.get("LocalNodeState") or "inactive"),
            manager=bool(swarm.get("ControlAvailable")),
            swarm_id=str(cluster.get("ID") or ""),
        )

    def node_id(self) -> str:
        """Return this node's id in the swarm, or C("") when it is in none."""
        return str(self._swarm_info().get("NodeID") or "")

    def manager_addresses(self) -> list[str]:
        """Return the IPv4 addresses of the managers that this node knows, without their port."""
        managers = self._swarm_info().get("RemoteManagers") or []
        return sorted(str(manager["Addr"]).rpartition(":")[0] for manager in managers)

    def _swarm_info(self) -> Json:
        with self._call("describe itself") as api:
            return t.cast(Json, api.info().get("Swarm") or {})

    def init(self, address: str, pool: str, mask: int, autolock: bool) -> None:
        """Form a new swarm with this node as its only manager."""
        with self._call("form a swarm") as api:
            api.init_swarm(
                advertise_addr=address,
                listen_addr="0.0.0.0:2377",
                default_addr_pool=[pool],
                subnet_size=mask,
                swarm_spec=api.create_swarm_spec(autolock_managers=autolock),
            )

    def join(self, addresses: t.Sequence[str], token: str, address: str) -> None:
        """Join the swarm of the managers at *addresses*; the token decides whether as manager or worker."""
        with self._call("join the swarm") as api:
            api.join_swarm(
                [f"{manager}:2377" for manager in addresses],
                token,
                listen_addr="0.0.0.0:2377",
                advertise_addr=address,
            )

    def leave(self, force: bool) -> None:
        """Leave the swarm; *force* also as a manager."""
        with self._call("leave the swarm") as api:
            api.leave_swarm(force=force)

    def unlock(self, key: str) -> None:
        """Unlock the engine's swarm keys after a restart."""
        with self._call("unlock the swarm") as api:
            api.unlock_swarm(key)

    # -- as a manager ----------------------------------------------------------------------------------------------
    def swarm(self) -> Json:
        """Return the swarm object, with its join tokens."""
        with self._call("inspect the swarm") as api:
            return t.cast(Json, api.inspect_swarm())

    def unlock_key(self) -> str:
        """Return the key that unlocks managers, C("") when autolock is off."""
        with self._call("read the unlock key") as api:
            return str(api.get_unlock_key().get("UnlockKey") or "")

    def nodes(self) -> list[Json]:
        """Return all node objects."""
        with self._call("list nodes") as api:
            return t.cast("list[Json]", api.nodes())

    def update_node(self, node: Json, changes: Json) -> None:
        """Change fields of a node's spec; *node* is the object that it was read as."""
        with self._call(f"update node {node['ID']}") as api:
            api.update_node(node["ID"], node["Version"]["Index"], {**node["Spec"], **changes})

    def remove_node(self, node_id: str) -> None:
        """Remove a node from the swarm even when it is not down yet."""
        with self._call(f"remove node {node_id}") as api:
            api.remove_node(node_id, force=True)

    def services(self) -> list[Json]:
        """Return all services."""
        with self._call("list services") as api:
            return t.cast("list[Json]", api.services())

    def running_tasks(self, services: t.Sequence[str]) -> list[Json]:
        """Return the tasks of *services* (ids) that are meant to run."""
        if not services:
            return []
        with self._call("list tasks") as api:
            return t.cast("list[Json]", api.tasks(filters={"service": list(services), "desired-state": ["running"]}))

    def ensure_overlay(self, name: str, subnet: str) -> bool:
        """Make the attachable overlay network *name* unless there is one, and tell whether it was made."""
        from docker.types import IPAMConfig, IPAMPool

        with self._call(f"make network {name}") as api:
            if any(network["Name"] == name for network in api.networks(names=[name])):
                return False
            api.create_network(
                name, driver="overlay", attachable=True, ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
            )
            return True

    def swarm_containers(self) -> int:
        """Return how many containers of swarm tasks run on this node."""
        with self._call("list containers") as api:
            return len(api.containers(filters={"label": "com.docker.swarm.task.id"}, quiet=True))

    # -- containers ------------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def api(self, doing: str) -> t.Iterator[t.Any]:
        """Give the low-level client for calls that have no method here; its errors come out as :class:`EngineError`."""
        with self._call(doing) as client:
            yield client

    @contextlib.contextmanager
    def _call(self, doing: str) -> t.Iterator[t.Any]:
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            if self._connected is None:
                from docker import APIClient

                self._connected = APIClient(base_url=self._address, version="auto", timeout=self._timeout)
            yield self._connected
        except APIError as exc:
            reason = str(exc.explanation or exc).strip().rstrip(".")
            raise EngineError(f"The engine could not {doing}: {reason}.", exc.status_code or 0) from exc
        except (DockerException, RequestException, OSError) as exc:
            self._connected = None
            raise EngineError(f"The engine does not answer, so it could not {doing}: {exc}") from exc
