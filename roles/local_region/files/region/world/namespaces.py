# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two Linux calls that Python before 3.12 does not offer, and the mounts of a region's private world."""

from __future__ import annotations

import ctypes
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Move the calling process into new namespaces (the next child, for C(CLONE_NEWPID))."""
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor: int) -> None:
    """Move the calling thread into the namespace behind *descriptor*."""
    _check(_libc.setns(descriptor, 0), "setns")


@dataclass(frozen=True)
class HostWorld:
    """The network and the files of the host, as open descriptors of their namespaces."""

    network: int
    mounts: int

    @classmethod
    def remember(cls) -> HostWorld:
        """Take hold of the caller's namespaces; call it before L(unshare)."""
        return cls(*(os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in ("net", "mnt")))

    def enter(self) -> None:
        """Move the calling process, which must have one thread only, back into the host's network and files."""
        setns(self.network)
        setns(self.mounts)

    def forget(self) -> None:
        """Close the descriptors."""
        os.close(self.network)
        os.close(self.mounts)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends; for use as C(preexec_fn)."""
    _libc.prctl(_PR_SET_PDEATHSIG, 9)


def private_mounts() -> None:
    """Keep every later mount of this process to itself, and give it its own C(/proc) and C(/run)."""
    resolv = Path("/etc/resolv.conf").resolve()  # often a link into /run, which is about to be hidden
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    for directory in ("/run/lock", "/run/netns"):
        Path(directory).mkdir(parents=True, exist_ok=True)
    if not resolv.exists():
        resolv.parent.mkdir(parents=True, exist_ok=True)
        resolv.touch()


def bind(source: Path, target: Path) -> None:
    """Show the file *source* in the place of *target* (which is made when it is missing)."""
    target = target.resolve()
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    subprocess.run(["mount", "--bind", str(source), str(target)], check=True)
