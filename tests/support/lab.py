# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A laboratory of real Docker engines, without containers and without a service manager.

Every node is one C(dockerd) in its own mount, PID, UTS and network namespace, joined by a bridge that lives in a
network namespace of the laboratory, so nothing appears on the host. All processes are descendants of one init: when
that dies, by order or by accident, everything dies with it. Engines are this machine's, or as lab_engines.py says.

    with Lab() as lab:
        manager, worker = lab.swarm(managers=1, workers=1)
        image = lab.image("app", "v1", command=["sleep", "infinity"])
        manager.client().create_service(...)

Needs root, C(dockerd), C(docker-registry), C(busybox) (static), C(unshare), C(nsenter) and C(ip).
A kernel without IPVS cannot serve VIPs nor the ingress network: use C(dnsrr) and host-mode ports.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import docker
import lab_engines
from lab_images import BUSYBOX, archive
from lab_processes import MORTAL, children, kill, namespace, remove_groups
from lab_registry import Registry

GATEWAY = "10.99.0.1"
REGISTRY = f"{GATEWAY}:5000"
SPACES = ("--mount", "--pid", "--net", "--fork", "--mount-proc", "--kill-child")

_REAPER = """
import os, signal, time
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.2)
"""

# The node's first process: private run-time folders and host names, its address, then the engine. The shell stays as
# PID 1 because it collects orphans, which dockerd would not do.
_NODE = """
set -eu
hostname "$LAB_NAME"
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /etc/docker
mount -t tmpfs tmpfs /etc/docker
cp /etc/hosts /run/hosts
mount --bind /run/hosts /etc/hosts
until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
ip link set lo up
ip addr add "$LAB_ADDRESS/16" dev eth0
ip link set eth0 up
ip route add default via 10.99.0.1
sysctl -qw net.ipv4.ip_forward=1 || true
if [ -n "$LAB_DISK" ]; then mkdir -p "$LAB_DATA" && mount -t tmpfs -o "size=$LAB_DISK" tmpfs "$LAB_DATA"; fi
"$@" >>"$LAB_LOG" 2>&1 </dev/null &
wait $!
"""


class LabError(RuntimeError):
    """The laboratory could not do what was asked: the message says what and shows the end of the log."""


def missing() -> str | None:
    """Say in one sentence what this machine lacks for a laboratory, or None when it has everything."""
    if os.geteuid() != 0:
        return "the laboratory needs root, because it makes network namespaces"
    tools = [name for name in ("dockerd", "docker-registry", "unshare", "nsenter", "ip") if shutil.which(name) is None]
    if not BUSYBOX.exists():
        tools.append("busybox-static")
    return f"the laboratory needs {', '.join(tools)}" if tools else None


def until(test: t.Callable[[], t.Any], what: str, timeout: float = 30.0, pause: float = 0.05) -> t.Any:
    """Call I(test) until it answers something true and return that; docker errors count as "not yet".

    :raises LabError: after I(timeout) seconds.
    """
    deadline = time.monotonic() + timeout
    problem = ""
    while time.monotonic() < deadline:
        try:
            answer = test()
        except (docker.errors.DockerException, OSError, ValueError) as exc:
            problem, answer = f" (last error: {exc})", None
        if answer:
            return answer
        time.sleep(pause)
    raise LabError(f"gave up after {timeout:g} s waiting for {what}{problem}")


class Node:
    """One engine of the laboratory.

    :ivar name: host name, also the node's name in the swarm.
    :ivar address: IPv4 address on the laboratory's network.
    :ivar host: the engine's address for clients (C(unix:///...)).
    :ivar engine: the Debian release whose engine it runs, or C(host) for this machine's own.
    """

    def __init__(self, lab: Lab, index: int, name: str) -> None:
        self.lab = lab
        self.name = name
        self.index = index
        self.address = f"10.99.1.{index}"
        self.root = lab.root / name
        self.root.mkdir()
        self.socket = self.root / "s"
        self.host = f"unix://{self.socket}"
        self.log = self.root / "log"
        self.engine = lab_engines.chosen(index)
        self._outer: subprocess.Popen[bytes] | None = None
        self.pid = 0

    def client(self, timeout: int = 300) -> docker.APIClient:
        """Return a fresh low-level client (the caller may close it)."""
        return docker.APIClient(base_url=self.host, version="auto", timeout=timeout)

    def start(self) -> Node:
        """Start the engine (also again, after M(kill)) and wait until it answers."""
        args = [
            *lab_engines.enter(self.engine), "dockerd", f"--data-root={self.root}/d", f"--pidfile={self.root}/pid",
            f"--host={self.host}", "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false",
            "--insecure-registry=10.99.0.0/16", f"--cgroup-parent=/{self.lab.name}",
            "--exec-opt=native.cgroupdriver=cgroupfs", "--log-level=warn", *self.lab.engine_options,
        ]  # fmt: skip
        self.socket.unlink(missing_ok=True)
        (self.root / "pid").unlink(missing_ok=True)
        env = {
            **os.environ, "LAB_NAME": self.name, "LAB_ADDRESS": self.address, "LAB_LOG": str(self.log),
            "LAB_DISK": self.lab.disks.get(self.name, ""), "LAB_DATA": f"{self.root}/d",
            # No instance is below it: its log driver would ask 169.254.169.254 for half a minute.
            "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
        self._outer = subprocess.Popen(
            [
                *MORTAL, *self.lab.enter("--pid", "--net"),
                *("unshare", "--uts", "--ipc", *SPACES, "sh", "-c", _NODE, "node", *args),
            ],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.log.open("ab"),
            start_new_session=True,
        )  # fmt: skip
        self.pid = until(self._first_process, f"the first process of {self.name}", 10)
        port = f"n{self.index}"
        # The old end of a cable disappears a moment after its namespace: wait for that on a restart.
        until(lambda: self.lab.ip_quiet("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns",
                                        str(self.pid)), f"the cable of {self.name}", 10)  # fmt: skip
        self.lab.ip("link", "set", port, "master", "lab", "up")
        until(self._answers, f"the engine of {self.name} (log {self.log})", 40, 0.1)
        return self

    def _first_process(self) -> int:
        # Popen -> nsenter (forks for --pid) -> unshare (forks for --pid) -> shell
        assert self._outer is not None
        if self._outer.poll() is not None:
            raise LabError(f"node {self.name} did not start: {self.tail()}")
        level = [self._outer.pid]
        for dummy in range(2):
            level = [child for pid in level for child in children(pid)]
        if not level:
            return 0
        # Only once it is in its own network namespace may the cable be plugged in.
        own = namespace(level[0], "net")
        comm = Path(f"/proc/{level[0]}/comm").read_text().strip()
        return level[0] if own != self.lab.netns and comm == "sh" else 0

    def _answers(self) -> bool:
        assert self._outer is not None
        if self._outer.poll() is not None:
            raise LabError(f"the engine of {self.name} stopped: {self.tail()}")
        client = self.client(timeout=5)
        try:
            return bool(client.ping())
        finally:
            client.close()

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of the engine's log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def kill(self) -> None:
        """Cut the power: every process of the node dies at once. M(start) boots it again with its disk."""
        if self.pid:
            kill(self.pid)
        if self._outer is not None:
            self._outer.wait(10)
        self.pid = 0

    def pause(self) -> None:
        """Freeze every process of the node."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Undo M(pause)."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        family = [self.pid]
        for pid in family:
            family += children(pid)
        for pid in family:
            os.kill(pid, number)

    def cut(self) -> None:
        """Pull the network cable."""
        self.lab.ip("link", "set", f"n{self.index}", "down")

    def plug(self) -> None:
        """Undo M(cut)."""
        self.lab.ip("link", "set", f"n{self.index}", "up")

    def enter(self) -> list[str]:
        """Return the command prefix that runs a program in the node's namespaces."""
        return ["nsenter", "-t", str(self.pid), "--mount", "--uts", "--net", "--pid", "--"]

    def run(self, *command: str, timeout: float = 30, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program of the host inside the node (so C(10.99.x.x) and the node's ports are reachable)."""
        return subprocess.run([*self.enter(), *command], capture_output=True, text=True, timeout=timeout, check=check)

    def get(self, url: str, timeout: float = 3) -> str | None:
        """Fetch I(url) from inside the node; None when nothing answers."""
        try:
            out = self.run(str(BUSYBOX), "wget", "-q", "-O", "-", url, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            return None
        return out.stdout if out.returncode == 0 else None


class Lab:
    """Context manager for one laboratory; several may live side by side.

    :param engine_options: further options for every C(dockerd), e.g. C(["--default-ulimit=nofile=100"]).
    :param registry: start the open registry at C(10.99.0.1:5000).
    :param disks: name of a node → size of its disk, such as C(64m); that disk is empty again after M(Node.kill).
    :param keep: leave the folder with the logs in place afterwards.
    """

    def __init__(
        self,
        engine_options: t.Sequence[str] = (),
        registry: bool = True,
        keep: bool = False,
        disks: t.Mapping[str, str] | None = None,
    ) -> None:
        self.name = f"lab-{secrets.token_hex(3)}"
        self.engine_options = list(engine_options)
        self.root = Path()
        self.nodes: list[Node] = []
        self.disks = dict(disks or {})
        self.netns = ""
        self._with_registry = registry
        self._keep = keep
        self._registries: dict[int, Registry] = {}
        self._init: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def __enter__(self) -> Lab:
        problem = missing()
        if problem:
            raise LabError(problem)
        self.root = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir="/tmp"))
        try:
            self._boot()
            if self._with_registry:
                self.start_registry()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *dummy: object) -> None:
        self.close()

    def _boot(self) -> None:
        self._init = subprocess.Popen(
            [*MORTAL, "unshare", *SPACES, sys.executable, "-c", _REAPER],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        outer = self._init.pid
        host = namespace(os.getpid(), "net")

        def inner() -> int:
            found = children(outer)
            if not found or namespace(found[0], "net") == host:
                return 0
            return found[0] if b"-c" in Path(f"/proc/{found[0]}/cmdline").read_bytes() else 0

        self._pid = until(inner, "the laboratory's first process", 10)
        self.netns = namespace(self._pid, "net")
        self.ip("link", "set", "lo", "up")
        # With an address of its own: otherwise it takes one of its ports', and another one when that node is killed.
        self.ip("link", "add", "lab", "address", "02:00:0a:63:00:01", "type", "bridge")
        self.ip("addr", "add", f"{GATEWAY}/16", "dev", "lab")
        self.ip("link", "set", "lab", "up")

    def enter(self, *spaces: str) -> list[str]:
        """Return the command prefix for the laboratory's own namespaces, by nsenter's option names."""
        return ["nsenter", "-t", str(self._pid), *spaces, "--"]

    def ip(self, *args: str) -> None:
        """Run C(ip) in the laboratory's network namespace."""
        out = subprocess.run([*self.enter("--net"), "ip", *args], capture_output=True, text=True, check=False)
        if out.returncode != 0:
            raise LabError(f"ip {' '.join(args)}: {out.stderr.strip()}")

    def ip_quiet(self, *args: str) -> bool:
        """Run C(ip) and say whether it worked."""
        return subprocess.run([*self.enter("--net"), "ip", *args], capture_output=True, check=False).returncode == 0

    # -- nodes ---------------------------------------------------------------------------------------------------
    def engines(self, count: int, prefix: str = "n") -> list[Node]:
        """Start I(count) engines at the same time that belong to no swarm."""
        first = len(self.nodes) + 1
        fresh = [Node(self, first + i, f"{prefix}{first + i}") for i in range(count)]
        self.nodes += fresh
        # PDEATHSIG follows the thread that forks, so processes are started from this thread; booting overlaps anyway
        # because an engine needs most of its time after its process exists.
        for node in fresh:
            node.start()
        return fresh

    def swarm(self, managers: int = 1, workers: int = 0) -> list[Node]:
        """Start engines and make one swarm of them; managers come first in the answer."""
        nodes = self.engines(managers + workers)
        leader = nodes[0].client()
        leader.init_swarm(nodes[0].address, default_addr_pool=["10.128.0.0/10"], subnet_size=22)
        tokens = leader.inspect_swarm()["JoinTokens"]
        for index, node in enumerate(nodes[1:], start=1):
            role = "Manager" if index < managers else "Worker"
            node.client().join_swarm([f"{nodes[0].address}:2377"], tokens[role], advertise_addr=node.address)
        until(lambda: sum(n["Status"]["State"] == "ready" for n in leader.nodes()) == len(nodes), "all nodes Ready")
        leader.close()
        return nodes

    # -- registry and images -------------------------------------------------------------------------------------
    def start_registry(self, port: int = 5000, user: str = "", password: str = "") -> str:
        """Start a registry on I(port) and return its C(host:port); with I(user) it demands that login."""
        registry = self._registries[port] = Registry(self.enter, self.root / f"registry-{port}", f"{GATEWAY}:{port}")
        registry.start(user, password)
        until(registry.answers, f"the registry {registry.address}", 10)
        return registry.address

    def set_password(self, port: int, user: str, password: str) -> None:
        """Set the only login of the registry on I(port); a running registry sees it at its next request."""
        self._registries[port].set_password(user, password)

    def stop_registry(self, port: int = 5000) -> None:
        """Stop the registry on I(port); its content stays."""
        self._registries[port].stop()

    def image(
        self,
        name: str,
        tag: str = "latest",
        command: t.Sequence[str] = ("sleep", "infinity"),
        files: t.Mapping[str, str] | None = None,
        config: t.Mapping[str, t.Any] | None = None,
        registry: str = REGISTRY,
        auth: t.Mapping[str, str] | None = None,
        keep_local: bool = False,
    ) -> str:
        """Build an image of busybox and push it; return its reference C(host:port/name:tag).

        :param command: the image's CMD.
        :param files: path to text; made executable.
        :param config: further fields of the image's configuration, e.g. C(Healthcheck) or C(StopSignal); a task is
            killed at once by default, so that tests need not wait for a grace period.
        :param auth: C(username)/C(password) for the push.
        :param keep_local: leave the image on the first node (normally only the registry keeps it).
        """
        client = self.nodes[0].client()
        reference = f"{registry}/{name}:{tag}"
        settings = {"Env": ["PATH=/bin"], "StopSignal": "SIGKILL", "Cmd": list(command), **(config or {})}
        try:
            for _line in client.load_image(archive(reference, settings, files or {})):
                pass
            options: dict[str, t.Any] = {"auth_config": dict(auth)} if auth else {}
            for line in client.push(f"{registry}/{name}", tag, stream=True, decode=True, **options):
                if "error" in line:
                    raise LabError(f"push {reference}: {line['error']}")
            if not keep_local:
                client.remove_image(reference)
        finally:
            client.close()
        return reference

    # -- the end -------------------------------------------------------------------------------------------------
    def close(self) -> None:
        """End every process, then remove the folder and the control groups. Safe to call twice."""
        if self._pid:
            kill(self._pid)
        if self._init is not None:
            self._init.kill()
            self._init.wait(10)
        for node in self.nodes:
            if node._outer is not None:
                node._outer.kill()
                node._outer.wait(10)
        for registry in self._registries.values():
            registry.stop()
        self._pid, self._init, self.nodes, self._registries = 0, None, [], {}
        deadline = time.monotonic() + 5
        while not remove_groups(self.name) and time.monotonic() < deadline:
            time.sleep(0.05)  # a group can go once the last of its killed processes is gone
        if not self._keep and self.root != Path():
            shutil.rmtree(self.root, ignore_errors=True)
