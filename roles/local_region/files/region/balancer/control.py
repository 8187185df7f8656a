# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The region's load balancers: one HAProxy that does what ELBv2's API says, and tells how the targets are."""

from __future__ import annotations

import ipaddress
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from region.balancer import config as haproxy_config
from region.balancer.haproxy import HAProxy, ServerStatus
from region.balancer.model import CHECKING, DRAINING, HEALTHY, INITIAL, Balancer, Health, Snapshot, Target, TargetGroup
from region.config import RegionConfig
from region.emulator import elbv2
from region.world import tls
from region.world.dns import Dns

INTERFACE = "region0"


@dataclass
class _Server:
    """A target as HAProxy has it.

    :ivar first: it has not passed a check yet: it gets no requests, and one good check is enough.
    """

    group: TargetGroup
    target: Target
    added: float
    first: bool = True
    drain_until: float | None = None
    health: Health = INITIAL

    @property
    def name(self) -> str:
        """The server's name within its backend."""
        return f"{self.target.id}.first" if self.first else self.target.id

    @property
    def path(self) -> str:
        """The server's name in HAProxy's commands."""
        return f"{self.group.key}/{self.name}"

    @property
    def definition(self) -> str:
        """Address and parameters, as a configuration line and the command to add it have them."""
        parameters = haproxy_config.first_parameters if self.first else haproxy_config.server_parameters
        return f"{self.target.address}:{self.target.port} {parameters(self.group)}"


class LoadBalancers:
    """Follows ELBv2's API: each load balancer has an address of its own on C(region0) and a name in the resolver.

    Targets come and go by HAProxy's runtime commands; only a change of listeners, rules or target groups' settings
    needs a reload, which loses no request and keeps the targets' health.
    """

    def __init__(self, config: RegionConfig, dns: Dns, clock: Callable[[], float] = time.monotonic) -> None:
        """Serve the region *config* and keep the names of *dns*; *clock* counts seconds."""
        self._config = config
        self._dns = dns
        self._clock = clock
        self._directory = config.state_dir / "loadbalancer"
        self._haproxy = HAProxy(self._directory, config.state_dir / "log" / "loadbalancer.log")
        self._addresses: dict[str, str] = {}
        self._servers: dict[tuple[str, str], _Server] = {}  # by the group's ARN and the target's id
        self._structure = ""

    def sync(self) -> None:
        """Bring the load balancers to what the API says, and the API to what they see. Call it each second.

        Always call it from the same thread, one that lives as long as the region: HAProxy ends with it.

        :raises ChildError: HAProxy refuses a configuration or does not answer; the next call tries again.
        """
        snapshot = elbv2.snapshot()
        self._assign_addresses(snapshot.balancers)
        self._retire(snapshot)
        if any(balancer.listeners for balancer in snapshot.balancers):
            self._configure(snapshot)
            self._follow_targets(snapshot)
            self._read_health()
        elif self._haproxy.running:
            self.stop()
        elbv2.board.replace(
            {key: (server.target.port, server.health) for key, server in self._servers.items()},
        )
        self._dns.set_hosts({one.dns_name: self._addresses[one.arn] for one in snapshot.balancers})
        elbv2.activate([balancer.arn for balancer in snapshot.balancers])

    def stop(self) -> None:
        """End HAProxy and forget all targets."""
        self._haproxy.stop()
        self._servers.clear()
        self._structure = ""

    def _assign_addresses(self, balancers: tuple[Balancer, ...]) -> None:
        """Give each load balancer an address of its own, and take back those of deleted ones."""
        wanted = {balancer.arn for balancer in balancers}
        for arn in set(self._addresses) - wanted:
            _ip("addr", "del", f"{self._addresses.pop(arn)}/32", "dev", INTERFACE)
        for arn in sorted(wanted - set(self._addresses)):
            hosts = ipaddress.ip_network(self._config.load_balancer_network).hosts()
            address = next(str(host) for host in hosts if str(host) not in self._addresses.values())
            _ip("addr", "replace", f"{address}/32", "dev", INTERFACE)
            self._addresses[arn] = address

    def _retire(self, snapshot: Snapshot) -> None:
        """Forget the targets of groups that no load balancer uses any more: their backends go."""
        for key in [key for key in self._servers if key[0] not in snapshot.groups]:
            del self._servers[key]

    def _configure(self, snapshot: Snapshot) -> None:
        """Start or reload HAProxy if listeners, rules or groups' settings are other than they were."""
        structure = haproxy_config.render(snapshot, self._addresses, self._directory, {})
        if not self._haproxy.running:
            self._servers.clear()  # after a crash nothing is known about any target
        elif structure == self._structure:
            return
        self._write_files(snapshot)
        servers: dict[str, list[str]] = {}
        for (arn, _target), server in self._servers.items():
            server.group = snapshot.groups[arn]
            servers.setdefault(server.group.key, []).append(f"{server.name} {server.definition}")
        self._haproxy.apply(haproxy_config.render(snapshot, self._addresses, self._directory, servers))
        self._structure = structure

    def _write_files(self, snapshot: Snapshot) -> None:
        """Write what the configuration refers to: error pages and listeners' certificates."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for name, status in haproxy_config.ERROR_FILES.values():
            (self._directory / name).write_text(haproxy_config.error_file(status))
        for balancer in snapshot.balancers:
            for listener in balancer.listeners:
                if listener.protocol not in ("HTTPS", "TLS"):
                    continue
                names = [*listener.certificate_names, balancer.dns_name]
                certificate, key = tls.issue(self._config, listener.key, names)
                bundle = self._directory / f"{listener.key}.pem"
                bundle.touch(mode=0o600)
                bundle.write_bytes(certificate.read_bytes() + key.read_bytes())

    def _follow_targets(self, snapshot: Snapshot) -> None:
        """Add new targets, drain deregistered ones, and remove those whose time is over."""
        now = self._clock()
        wanted = {(group.arn, one.id): (group, one) for group in snapshot.groups.values() for one in group.targets}
        for key, server in list(self._servers.items()):
            entry = wanted.get(key)
            if entry is not None and entry[1] == server.target:
                if server.drain_until is not None:  # registered again while it drained
                    server.drain_until = None
                    self._haproxy.command(f"set server {server.path} state {'drain' if server.first else 'ready'}")
            elif entry is not None:  # the same target on another port or address
                self._remove(key, server)
            elif server.drain_until is None:
                server.drain_until = now + snapshot.groups[key[0]].deregistration_delay
                server.health = DRAINING
                self._haproxy.command(f"set server {server.path} state drain")
            elif now >= server.drain_until:
                self._remove(key, server)
        for key in wanted.keys() - self._servers.keys():
            server = _Server(*wanted[key], added=now)
            self._add(server, "state drain")
            self._servers[key] = server

    def _add(self, server: _Server, *settings: str) -> None:
        """Add a server to its backend. In state C(drain) it is checked but gets no requests."""
        self._haproxy.command(
            f"add server {server.path} {server.definition}",
            *(f"set server {server.path} {setting}" for setting in settings),
            f"enable health {server.path}",
        )

    def _remove(self, key: tuple[str, str], server: _Server) -> None:
        """Close what is left of a server's connections and take it out."""
        self._haproxy.command(
            f"set server {server.path} state maint",
            f"shutdown sessions server {server.path}",
            f"del server {server.path}",
        )
        # HAProxy keeps a server as long as a connection to it lingers; the next round tries again.
        if (server.group.key, server.name) not in self._haproxy.servers():
            del self._servers[key]

    def _read_health(self) -> None:
        """Take over what HAProxy's checks have found."""
        now = self._clock()
        statuses = self._haproxy.servers()
        for server in list(self._servers.values()):
            status = statuses.get((server.group.key, server.name))
            if status is None or server.drain_until is not None:
                continue
            if server.first and self._passed_first_check(server, status, now):
                continue
            server.health = health_of(server, status)

    def _passed_first_check(self, server: _Server, status: ServerStatus, now: float) -> bool:
        """Let a new target take requests after its first good check; a target that fails too long is unhealthy.

        :returns: whether its state is known now.
        """
        check = server.group.check
        good = status.check in ("L4OK", "L6OK", "L7OK", "L7OKC")
        if not good and now - server.added < check.interval * check.unhealthy_threshold:
            return False
        old = server.path
        server.first = False
        server.health = HEALTHY if good else health_of(server, status)
        # In this order: a server that leaves maintenance for "ready" counts as healthy for a moment.
        self._add(server, "state drain", f"health {'up' if good else 'down'}", "state ready")
        self._haproxy.command(f"set server {old} state maint", f"del server {old}")
        return True


def health_of(server: _Server, status: ServerStatus) -> Health:
    """Return a target's health in AWS's words."""
    if status.status.startswith("UP"):
        return HEALTHY
    if server.first:
        return CHECKING
    if status.check == "INI":
        return server.health  # the first check by the regular interval is still to come
    if status.check == "L7STS":
        return Health(
            "unhealthy", "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status.code}]"
        )
    if status.check.endswith("TOUT"):
        return Health("unhealthy", "Target.Timeout", "Request timed out")
    return Health("unhealthy", "Target.FailedHealthChecks", "Health checks failed")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=30)
