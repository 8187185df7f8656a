# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fresh instance of a node image must have, asked of the running system."""

from __future__ import annotations

import json
import os
import re
import subprocess
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

from .finding import Check, Finding

_UNITS = ("docker.service", "apiary-swarm-join.service", "apiary-swarm-agent.service", "apiary-swarm-edge.service")


def _machine_id_new(root: Path) -> Finding:
    text = (root / "etc/machine-id").read_text().strip()
    return Finding("machine_id_new", bool(re.fullmatch(r"[0-9a-f]{32}", text)), text)


def _host_keys_new(root: Path) -> Finding:
    """SSH host keys were made after the instance's boot began."""
    keys = sorted(root.glob("etc/ssh/ssh_host_*_key"))
    boot = _boot_time(root)
    old = [key.name for key in keys if key.stat().st_mtime < boot]
    return Finding("ssh_host_keys_new", bool(keys) and not old, ", ".join(old) or f"{len(keys)} keys")


def _boot_time(root: Path) -> float:
    """Return when the first process began: the machine's boot, or the container's that stands for it."""
    # Fields after the command's name, which may hold anything but ends at the last parenthesis.
    started = int((root / "proc/1/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    machine = next(line for line in (root / "proc/stat").read_text().splitlines() if line.startswith("btime"))
    return int(machine.split()[1]) + started - 1


def _engine_answers(_root: Path) -> Finding:
    out = _run("docker", "info", "--format", "{{.ServerVersion}} {{.LoggingDriver}} {{.Swarm.LocalNodeState}}")
    words = out.split()
    return Finding("engine_answers", len(words) == 3 and words[2] == "inactive", out)


def _engine_log_driver(root: Path) -> Finding:
    wanted = json.loads((root / "etc/docker/daemon.json").read_text()).get("log-driver", "json-file")
    found = _run("docker", "info", "--format", "{{.LoggingDriver}}")
    return Finding("engine_log_driver", wanted == found, found)


def _edge_image_there(_root: Path) -> Finding:
    out = _run("docker", "image", "ls", "--quiet", "apiary/edge:local")
    return Finding("edge_image", bool(out), out)


def _clock_synchronised(_root: Path) -> Finding:
    """Containers have no clock of their own, so there nothing can be set."""
    if _run("systemd-detect-virt", "--container", accept=(0, 1)) != "none":
        return Finding("clock", True, "the host's")
    _run("chronyc", "-n", "waitsync", "20", "0.5", "0", "1")
    return Finding("clock", True, "synchronised")


def _units_enabled(_root: Path) -> Finding:
    found = _run("systemctl", "is-enabled", *_UNITS, accept=(0, 1)).split()
    wrong = [unit for unit, state in zip(_UNITS, found) if state != "enabled"]
    return Finding("units_enabled", len(found) == len(_UNITS) and not wrong, ", ".join(wrong))


def _imds_v2_only(_root: Path) -> Finding:
    """A request without a token is refused."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open("http://169.254.169.254/latest/meta-data/instance-id", timeout=3):
            return Finding("imds_v2_only", False, "version 1 answers")
    except urllib.error.HTTPError as exc:
        return Finding("imds_v2_only", exc.code == 401, f"HTTP {exc.code}")


def _disk_grown(_root: Path) -> Finding:
    """The root file system fills its disk (cloud-init grows partition and file system at boot)."""
    found = json.loads(_run("findmnt", "--json", "--bytes", "--output", "SOURCE,SIZE", "/"))["filesystems"][0]
    source = str(found["source"]).partition("[")[0]  # btrfs adds its subvolume
    if not source.startswith("/dev/"):
        return Finding("disk_grown", True, f"root is {source}")
    # What the file system lies on, down to the disk: a partition that has not grown holds a file system that fills it.
    listed = _run("lsblk", "--bytes", "--inverse", "--list", "--noheadings", "--output", "TYPE,SIZE", source)
    return grown(int(found["size"]), listed)


def grown(size: int, listed: str) -> Finding:
    """Compare a file system's size in bytes with the disk under it.

    :param listed: type and size in bytes of every block device under it, a line each, as lsblk tells.
    """
    devices = [line.split() for line in listed.splitlines() if line.strip()]
    disks = [int(size) for kind, size in devices if kind in ("disk", "loop")]
    disk = max(disks or [int(size) for dummy, size in devices])
    # Boot partitions and the file system's own books take some of it: 2 GB at most, or a tenth.
    return Finding("disk_grown", size > disk - max(disk // 10, 2 << 30), f"{size} of {disk} bytes")


def _run(*command: str, accept: t.Collection[int] = (0,)) -> str:
    # A program on a node, no module: there is no run_command.
    run = subprocess.run(  # pylint: disable=ansible-bad-function
        command, capture_output=True, text=True, timeout=30, check=False
    )
    if run.returncode not in accept:
        raise ValueError(f"{command[0]} exits with {run.returncode}: {run.stderr.strip()}")
    return run.stdout.strip()


CHECKS: tuple[Check, ...] = (
    _machine_id_new,
    _host_keys_new,
    _engine_answers,
    _engine_log_driver,
    _edge_image_there,
    _clock_synchronised,
    _units_enabled,
    _imds_v2_only,
    _disk_grown,
)
