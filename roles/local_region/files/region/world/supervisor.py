# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The region's first process: lays the network, starts the engine and the API, and ends when one of them does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from region.config import RegionConfig
from region.world import lifecycle, namespaces, packages, tls

DOCKER_SOCKET = "/run/docker.sock"
BRIDGE = "region0"


def main(config: RegionConfig, host: namespaces.HostWorld) -> None:
    """Run as the init of the region's PID namespace until a part of the region ends."""
    namespaces.unshare(namespaces.CLONE_NEWNET)
    _lay_network(config)
    _bind_files(config)
    _fork_package_mirror(config, host)
    host.forget()
    api = [sys.executable, "-m", "region", "api", "--config", str(config.state_dir / "config.json")]
    parts = {_spawn(config, "engine", _dockerd(config)): "the Docker engine", _spawn(config, "api", api): "the API"}
    signal.signal(signal.SIGTERM, lambda *dummy: os._exit(0))
    while True:
        pid, status = os.wait()  # as init, this process also reaps what its grandchildren leave behind
        if pid in parts:
            code = os.waitstatus_to_exitcode(status)
            print(f"{parts[pid]} ended with status {code}: the region goes down", flush=True)
            os._exit(1)


def _lay_network(config: RegionConfig) -> None:
    first = config.load_balancer_network.split("/")[0]
    addresses = (
        config.api_address,
        config.registry_address,
        config.packages_address,
        config.imds_address,
        config.dns_address,
        first,
    )
    # A bridge without ports stands in for a dummy interface, which not every kernel has.
    commands = [["link", "set", "lo", "up"], ["link", "add", BRIDGE, "type", "bridge"], ["link", "set", BRIDGE, "up"]]
    commands += [["addr", "add", f"{address}/32", "dev", BRIDGE] for address in addresses]
    for command in commands:
        subprocess.run(["ip", *command], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _bind_files(config: RegionConfig) -> None:
    """Resolve and trust AWS's own host names in this mount namespace, for the engine and for every "run" command."""
    tls.ensure_ca(config)
    resolv = config.state_dir / "resolv.conf"
    resolv.write_text(f"nameserver {config.dns_address}\noptions timeout:2 attempts:2\n")
    namespaces.bind(resolv, Path("/etc/resolv.conf"))
    namespaces.bind(config.ca_file.with_name("bundle.crt"), Path("/etc/ssl/certs/ca-certificates.crt"))


def _fork_package_mirror(config: RegionConfig, host: namespaces.HostWorld) -> None:
    """Serve Debian packages to the nodes: listening inside the region, fetching as the host does."""
    sock = socket.create_server((config.packages_address, 80), backlog=64)
    if os.fork() == 0:
        try:
            namespaces.die_with_parent()
            host.enter()  # its network, and its resolv.conf and apt configuration
            packages.serve(sock, config)
        finally:
            os._exit(1)
    sock.close()


def _dockerd(config: RegionConfig) -> list[str]:
    root = config.state_dir / "engine"
    return [
        "dockerd",
        f"--host=unix://{DOCKER_SOCKET}",
        f"--data-root={root}",
        "--exec-root=/run/docker",
        "--pidfile=/run/docker.pid",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        f"--cgroup-parent=/{lifecycle.cgroup_parent(config)}",
        "--storage-driver=overlay2",
        "--log-level=warn",
    ]


def _spawn(config: RegionConfig, name: str, command: list[str]) -> int:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "DOCKER_HOST"):
        environment.pop(variable, None)
    with (config.state_dir / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log).pid


def wait_for_engine(timeout: float = 30.0) -> None:
    """Block until the region's engine listens.

    :raises RegionError: when it does not within *timeout* seconds.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(DOCKER_SOCKET) == 0:
                return
        time.sleep(0.05)
    raise lifecycle.RegionError("the region's Docker engine did not start; see engine.log")
