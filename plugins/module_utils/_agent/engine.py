# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This node's own Docker engine: what the agent needs of it beyond what every manager offers."""

from __future__ import annotations

import contextlib
import typing as t

from .._errors import EngineError, EngineUnreachable
from .._swarm.connection import DEFAULT_HOST
from .._swarm.engine import Engine, Json
from .._swarm.tasks import SHOULD_RUN
from .membership.election import Answer

JOIN_TIMEOUT = 40
"""Seconds; the engine itself answers a join after 20 s at the latest and goes on in the background."""
_LISTEN = "0.0.0.0:2377"


class LocalEngine(Engine):
    """The local engine, at its socket. May be shared by threads: every call is one request."""

    def __init__(self, host: str = DEFAULT_HOST) -> None:
        super().__init__(host, timeout=JOIN_TIMEOUT, patience=0)  # the agent looks again anyway
        self._sdk: t.Any = None

    # -- membership ------------------------------------------------------------------------------------------------
    def membership(self) -> Answer:
        """Return what the engine says about its place in a swarm."""
        swarm = self._swarm_info()
        cluster = swarm.get("Cluster") or {}
        return Answer(
            state=str(swarm.get("LocalNodeState") or "inactive"),
            manager=bool(swarm.get("ControlAvailable")),
            swarm_id=str(cluster.get("ID") or ""),
            managers=tuple(_addresses(swarm)),
        )

    def node_id(self) -> str:
        """Return this node's id in the swarm, or C("") when it is in none."""
        return str(self._swarm_info().get("NodeID") or "")

    def manager_addresses(self) -> list[str]:
        """Return the IPv4 addresses of the managers that this node knows, without their port."""
        return _addresses(self._swarm_info())

    def _swarm_info(self) -> Json:
        return t.cast(Json, self.info().get("Swarm") or {})

    def init(self, address: str, pool: str, mask: int, autolock: bool) -> None:
        """Form a new swarm with this node as its only manager."""
        body = {
            "ListenAddr": _LISTEN,
            "AdvertiseAddr": address,
            "DefaultAddrPool": [pool],
            "SubnetSize": mask,
            "Spec": {"EncryptionConfig": {"AutoLockManagers": autolock}},
        }
        self._call("form a swarm", "POST", "/swarm/init", body=body)

    def join(self, addresses: t.Sequence[str], token: str, address: str) -> None:
        """Join the swarm of the managers at *addresses*; the token decides whether as manager or worker."""
        body = {
            "ListenAddr": _LISTEN,
            "AdvertiseAddr": address,
            "RemoteAddrs": [f"{manager}:2377" for manager in addresses],
            "JoinToken": token,
        }
        self._call("join the swarm", "POST", "/swarm/join", body=body)

    def leave(self, force: bool) -> None:
        """Leave the swarm; *force* also as a manager."""
        self._call("leave the swarm", "POST", "/swarm/leave", query={"force": str(force).lower()})

    def unlock(self, key: str) -> None:
        """Unlock the engine's swarm keys after a restart."""
        self._call("unlock the swarm", "POST", "/swarm/unlock", body={"UnlockKey": key})

    def unlock_key(self) -> str:
        """Return the key that unlocks managers, C("") when autolock is off; managers only."""
        return str(self._call("read the unlock key", "GET", "/swarm/unlockkey").get("UnlockKey") or "")

    # -- as a manager ----------------------------------------------------------------------------------------------
    def change_node(self, node: Json, changes: Json) -> None:
        """Change fields of a node's spec; *node* is the object that it was read as.

        :raises OutOfSequence: the node has changed since.
        """
        self.update_node(str(node["ID"]), int(node["Version"]["Index"]), {**node["Spec"], **changes})

    def running_tasks(self, services: t.Sequence[str]) -> list[Json]:
        """Return the tasks of *services* (ids) that are meant to run."""
        return self.tasks({"service": list(services), **SHOULD_RUN}) if services else []

    def ensure_overlay(self, name: str, subnet: str) -> bool:
        """Make the attachable overlay network *name* unless there is one, and tell whether it was made."""
        if self.network(name) is not None:
            return False
        ipam = {"Driver": "default", "Config": [{"Subnet": subnet}]}
        self.create_network({"Name": name, "Driver": "overlay", "Attachable": True, "IPAM": ipam})
        return True

    # -- containers of this node -----------------------------------------------------------------------------------
    def swarm_containers(self) -> int:
        """Return how many containers of swarm tasks run on this node."""
        return len(self._list("list containers", "/containers/json", {"label": ["com.docker.swarm.task.id"]}))

    @contextlib.contextmanager
    def api(self, doing: str) -> t.Iterator[t.Any]:
        """Give the SDK's low-level client, for containers and images; its errors come out as :class:`EngineError`."""
        from docker import APIClient
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            if self._sdk is None:
                # The SDK puts a version before every path, and engines refuse versions older than they know.
                self._sdk = APIClient(base_url=self.host, version="auto", timeout=int(self.timeout))
            yield self._sdk
        except APIError as exc:
            self._forget()
            reason = str(exc.explanation or exc).strip().rstrip(".")
            raise EngineError(f"Cannot {doing}: {reason}.", exc.status_code or 0) from exc
        except (DockerException, RequestException, OSError) as exc:
            self._forget()
            raise EngineUnreachable(f"Cannot {doing}: no engine answers at {self.host} ({exc})") from exc

    def _forget(self) -> None:
        """Ask for the version anew: after an error the engine may be another one, updated and started again."""
        sdk, self._sdk = self._sdk, None
        if sdk is not None:
            sdk.close()


def _addresses(swarm: Json) -> list[str]:
    """Return the IPv4 addresses of the managers in what the engine says about its swarm, without their port."""
    return sorted(str(manager["Addr"]).rpartition(":")[0] for manager in swarm.get("RemoteManagers") or [])
