# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and stop a region: one process tree in namespaces of its own.

The tree's first process is the init of a PID namespace, so killing it ends everything at once, whatever state it is in:
the engine, its containers, the API, the load balancers. Mounts and interfaces live in namespaces that end with it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from region.config import RegionConfig
from region.world import namespaces

CGROUP_TIMEOUT = 20.0  # seconds until the control groups of killed processes are free

Main = Callable[[RegionConfig, namespaces.HostWorld], None]


class RegionError(Exception):
    """Something that a user can act on; the message is one sentence."""


def running_pid(config: RegionConfig) -> int | None:
    """Return the host PID of the region's init, or None when the region is down."""
    try:
        pid_text, namespace = (config.state_dir / "pid").read_text().split()
        # The namespace is compared too: after a crash the number may belong to somebody else. A process that has
        # ended but was not collected yet has no network namespace any more.
        Path(f"/proc/{pid_text}/ns/net").readlink()
        return int(pid_text) if str(Path(f"/proc/{pid_text}/ns/pid").readlink()) == namespace else None
    except (OSError, ValueError):
        return None


def start(config: RegionConfig, main: Main, timeout: float = 120.0) -> bool:
    """Bring the region up and wait until it answers.

    :param main: runs as the init of the new PID namespace; must not return while the region is up.
    :param timeout: seconds to wait for the region to say that it is ready.
    :returns: whether anything was started.
    :raises RegionError: when the region does not become ready; the message ends with the last lines of its log.
    """
    if running_pid(config) is not None:
        return False
    stop(config)
    config.state_dir.mkdir(parents=True)
    config.save(config.state_dir / "config.json")
    launcher = os.fork()
    if launcher == 0:
        _launch(config, main)
    os.waitpid(launcher, 0)
    deadline = time.monotonic() + timeout
    ready = config.state_dir / "ready"
    while not ready.exists():
        if running_pid(config) is None or time.monotonic() > deadline:
            tail = "\n".join(log_tail(config))
            stop(config, keep_log=True)
            raise RegionError(f"the local region {config.name!r} did not come up; its log ends:\n{tail}")
        time.sleep(0.05)
    return True


def _launch(config: RegionConfig, main: Main) -> None:
    """Fork the init of a new PID namespace, note its PID, and end. Never returns."""
    try:
        os.setsid()
        host = namespaces.HostWorld.remember()
        namespaces.unshare(namespaces.CLONE_NEWPID | namespaces.CLONE_NEWNS)
        gate_read, gate_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(gate_write)
            os.read(gate_read, 1)  # wait until the PID file is there: the init itself cannot know its host PID
            os.close(gate_read)
            _redirect(config.state_dir / "region.log")
            namespaces.private_mounts()
            main(config, host)
            os._exit(0)
        (config.state_dir / "pid").write_text(f"{pid} {Path(f'/proc/{pid}/ns/pid').readlink()}\n")
        os.write(gate_write, b".")
        os._exit(0)
    except BaseException as exc:  # a forked child must never fall through into the caller's code
        with (config.state_dir / "region.log").open("a") as log:
            log.write(f"launch failed: {exc}\n")
        os._exit(1)


def _redirect(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)


def stop(config: RegionConfig, keep_log: bool = False) -> bool:
    """End the region and remove all it made, also after a crash half-way.

    :param keep_log: leave the logs beside the state folder (in C(<name>.failed/)) for a look at what went wrong.
    :returns: whether there was anything to end or remove.
    """
    pid = running_pid(config)
    found = pid is not None or config.state_dir.exists()
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        while running_pid(config) is not None:  # the namespace is gone when its init is
            time.sleep(0.02)
    failed = config.state_dir.with_name(f"{config.name}.failed")
    shutil.rmtree(failed, ignore_errors=True)
    if keep_log and config.state_dir.exists():
        failed.mkdir()
        for log in config.state_dir.glob("*.log"):
            shutil.copy(log, failed)
    _remove_cgroups(config)
    for attempt in range(5):  # the kernel lets go of mounts of a namespace just after its last process
        shutil.rmtree(config.state_dir, ignore_errors=attempt < 4)
        if not config.state_dir.exists():
            break
        time.sleep(0.2)
    return found


def _remove_cgroups(config: RegionConfig) -> None:
    """Remove the control groups that the region's engine made: empty, but kept by the kernel until asked.

    Those of processes that were just killed stay busy until the kernel has cleared them away.
    """
    deadline = time.monotonic() + CGROUP_TIMEOUT
    for root in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")):
        top = root / cgroup_parent(config)
        while top.is_dir():
            for directory, dummy, dummy in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    Path(directory).rmdir()
            if top.is_dir():
                if time.monotonic() > deadline:
                    print(f"control group {top} is still in use", file=sys.stderr)
                    break
                time.sleep(0.1)


def cgroup_parent(config: RegionConfig) -> str:
    """Name of the control group below which all of the region's containers run."""
    return f"apiary-swarm-{config.name}"


def log_tail(config: RegionConfig, lines: int = 12) -> list[str]:
    """Return the last *lines* lines of each of the region's logs that has any."""
    found = []
    for log in sorted(config.state_dir.glob("*.log")):
        text = log.read_text(errors="replace").splitlines()[-lines:]
        found += [f"{log.stem}: {line}" for line in text]
    return found
