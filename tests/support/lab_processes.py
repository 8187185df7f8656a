# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a laboratory: how they end, and what C(/proc) says of them."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

# Every process that the laboratory starts dies with the test run, however that ends.
MORTAL = ("setpriv", "--pdeathsig", "KILL", "--")


def kill(pid: int) -> None:
    """Kill a process at once; one that is gone already is as good."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def namespace(pid: int, kind: str) -> str:
    return str(Path(f"/proc/{pid}/ns/{kind}").readlink())


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def remove_groups(name: str) -> bool:
    """Remove the control groups of a laboratory; False as long as one has a process."""
    groups = [*Path("/sys/fs/cgroup").glob(f"*/{name}"), *Path("/sys/fs/cgroup").glob(name)]
    for group in groups:
        for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
        with contextlib.suppress(OSError):
            group.rmdir()
    return not any(group.exists() for group in groups)
