# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines of other Debian releases for a laboratory: C(dockerd) with its containerd, runc and libraries in a folder.

C(LAB_ENGINE) names them, each node takes the next one: C(trixie) for all, C(host,trixie) for a swarm whose first node
runs this machine's engine and whose second runs Debian 13's. Node three is C(host) again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from region.world import packages

HOST = "host"
_CACHE = Path(__file__).parents[2] / ".cache" / "engines"
_PACKAGES = "docker.io,iptables,base-files,mount,netbase"

# The release's files become the root of the engine's mount namespace, because whoever enters that of a container gets
# the root from there: a chroot would show this machine. What is written to them goes with the node.
_ENTER = """
set -eu
root=/run/engine/root
mkdir -p "$root" /run/engine/upper /run/engine/work
mount -t overlay -o "lowerdir=$1,upperdir=/run/engine/upper,workdir=/run/engine/work" engine "$root"
shift
for part in /dev /proc /sys /run /tmp /etc/docker /etc/hosts /etc/resolv.conf /etc/ssl; do
  mount --rbind "$part" "$root$part"
done
cd "$root"
pivot_root . .
umount -l .
exec "$@"
"""


def chosen(index: int) -> str:
    """Return the Debian release whose engine the node with a number, from 1, runs; C(host) for this machine's own."""
    names = os.environ.get("LAB_ENGINE", HOST).split(",")
    return names[(index - 1) % len(names)]


def enter(release: str) -> list[str]:
    """Return the command prefix that runs a program of a Debian release in a node; none for C(host)."""
    return [] if release == HOST else ["unshare", "--mount", "sh", "-c", _ENTER, "engine", folder(release)]


def folder(release: str) -> str:
    """Return the root file system that holds the engine of a Debian release; it is made the first time.

    :raises RuntimeError: when mmdebstrap fails; the message ends with its last lines.
    """
    bases = packages.mirror_bases()
    sources = "\n".join(
        f"deb {bases[archive]} {release}{suffix} main"
        for archive, suffix in (("debian", ""), ("debian", "-updates"), ("debian-security", "-security"))
    )
    target = _CACHE / f"{release}-{hashlib.sha256(_PACKAGES.encode()).hexdigest()[:8]}"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes start side by side
        if not target.exists():
            _make(release, sources, target)
    return str(target)


def _make(release: str, sources: str, target: Path) -> None:
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [
        "mmdebstrap", "--variant=extract", f"--include={_PACKAGES}", "--aptopt=Apt::Install-Recommends false",
        "--aptopt=Acquire::Check-Valid-Until false",  # a mirror that stands still is as good
        release, str(partial), "-",
    ]  # fmt: skip
    run = subprocess.run(command, input=sources + "\n", capture_output=True, text=True, check=False)
    if run.returncode != 0:
        tail = "\n".join(run.stderr.splitlines()[-8:])
        raise RuntimeError(f"mmdebstrap could not unpack the engine of Debian {release}:\n{tail}")
    # No maintainer script has run: what they would have set up and an engine needs, and what a node mounts its own on.
    for program in ("iptables", "ip6tables"):
        (partial / "usr/sbin" / program).symlink_to("xtables-nft-multi")
    shutil.rmtree(partial / "var/run", ignore_errors=True)
    (partial / "var/run").symlink_to("/run")
    for name in ("docker", "ssl"):
        (partial / "etc" / name).mkdir(exist_ok=True)
    for name in ("hosts", "resolv.conf"):
        (partial / "etc" / name).touch()
    partial.rename(target)
