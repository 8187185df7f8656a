# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a laboratory's nodes that take more than a signal or a cable."""

from __future__ import annotations

from pathlib import Path

import clock
from lab import Node
from lab_processes import children


def set_clock(node: Node, seconds: int) -> None:
    """Let the engine's wall clock be wrong by I(seconds) from now on, until it is started again."""
    engine = next(pid for pid in children(node.pid) if Path(f"/proc/{pid}/comm").read_text() == "dockerd\n")
    clock.shift(engine, seconds)


def fill_disk(node: Node) -> None:
    """Leave no byte on the node's disk, which must be one of the laboratory's I(disks)."""
    assert node.name in node.lab.disks
    node.run("sh", "-c", f"cat /dev/zero > {node.root}/d/fill", timeout=60, check=False)


def clear_disk(node: Node) -> None:
    """Undo M(fill_disk)."""
    node.run("rm", "-f", f"{node.root}/d/fill")
