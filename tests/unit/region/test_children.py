# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Daemons that a region runs: they start, stop, leave a log, and die with their parent."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from region.world.children import Child, ChildError

FILES = Path(__file__).parents[3] / "roles" / "local_region" / "files"


def test_starts_once_and_stops(tmp_path: Path) -> None:
    child = Child("sleeper", ["sleep", "60"], tmp_path / "log" / "sleeper.log")
    assert not child.running
    child.start()
    pid = child.pid
    child.start()
    assert child.pid == pid
    child.stop()
    assert not child.running
    child.stop()


def test_stubborn_daemon_is_killed(tmp_path: Path) -> None:
    child = Child("stubborn", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"], tmp_path / "log")
    child.start()
    while "ready" not in child.tail():
        time.sleep(0.02)
    started = time.monotonic()
    child.stop(timeout=0.2)
    assert not child.running
    assert time.monotonic() - started < 3


def test_what_it_said_last_is_in_the_error(tmp_path: Path) -> None:
    child = Child("chatty", ["sh", "-c", "seq 20; exit 1"], tmp_path / "log")
    child.start()
    deadline = time.monotonic() + 5
    while child.running and time.monotonic() < deadline:
        time.sleep(0.02)
    with pytest.raises(ChildError, match=r"chatty is not running; its log is .*/log:\n11\n12"):
        dummy = child.pid


def test_dies_with_its_parent(tmp_path: Path) -> None:
    code = (
        f"import os, sys; sys.path.insert(0, {str(FILES)!r}); from pathlib import Path; "
        "from region.world.children import Child; "
        f"child = Child('sleeper', ['sleep', '60'], Path({str(tmp_path / 'log')!r})); child.start(); "
        "import time; time.sleep(0.3); print(child.pid, flush=True); os._exit(1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    stat = Path(f"/proc/{done.stdout.strip()}/stat")
    deadline = time.monotonic() + 5
    # Where nothing reaps orphans, a dead one stays as a zombie.
    while stat.exists() and stat.read_text().rsplit(") ", 1)[1][0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.02)
