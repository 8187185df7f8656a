# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of a deploy, from the module's file to the user's terminal."""

from __future__ import annotations

import secrets
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch import progress
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.memory import Move
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.terms import Problem, Verdict
from ansible_collections.apiary.swarm.plugins.plugin_utils import _follow

WAITS = Verdict("progressing", "1 of 2 tasks run", 1, 2)
TASK = Problem("task1", "2", "node1", "failed", "exit (7)\n", 7, node="n1")
FAILS = Verdict("progressing", "1 of 2 tasks run", 1, 2, (TASK,))


def shell(command: str) -> str:
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout


def test_lines() -> None:
    token = secrets.token_hex(16)
    with progress.Progress(token) as listener:
        for verdict in (WAITS, FAILS, FAILS, WAITS):
            listener("shop_web", verdict)
        listener("shop_web", WAITS, [Move("2", "", "preparing"), Move("2", "n2", "running")])
        listener("shop_web", Verdict("converged", "2 of 2 tasks run", 2, 2))
        text = Path(progress.path(token)).read_text()
    assert text.splitlines() == [
        "shop_web 1/2 progressing: 1 of 2 tasks run",
        "shop_web.2 failed on n1 with exit code 7: exit (7) [task1]",
        "shop_web.2 preparing",
        "shop_web.2 running on n2",
        "shop_web 2/2 converged: 2 of 2 tasks run",
    ]
    assert not Path(progress.path(token)).exists()


def test_a_failure_that_is_no_matter_of_counting_has_no_counts() -> None:
    failed = Verdict("failed", "the engine paused the update", cause="engine")
    assert progress.line("shop_web", failed) == "shop_web failed: the engine paused the update"
    assert progress.line("shop_web", Verdict("converged", "", 0, 0)) == "shop_web 0/0 converged"


def test_no_token_no_file() -> None:
    with progress.Progress("") as listener:
        listener("shop_web", WAITS)


@pytest.mark.parametrize("token", ["../../etc/passwd", "x" * 32, "0" * 31])
def test_bad_tokens(token: str) -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        progress.Progress(token)


def test_an_existing_file_is_left_alone() -> None:
    token = secrets.token_hex(16)
    path = Path(progress.path(token))
    path.write_text("mine")
    try:
        with progress.Progress(token) as listener:
            listener("shop_web", WAITS)
        assert path.read_text() == "mine"
    finally:
        path.unlink()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_follow, "FIRST_LOOK", 0.05)
    monkeypatch.setattr(_follow, "PAUSE", 0.02)


@pytest.mark.usefixtures("hasty")
def test_follower_shows_each_line_once() -> None:
    shown: list[str] = []
    with _follow.Follower(shell, shown.append) as follower, progress.Progress(follower.token) as listener:
        for name in ("one", "zwölf", "three"):
            listener(name, WAITS)
            deadline = time.monotonic() + 5
            while not any(name in line for line in shown) and time.monotonic() < deadline:
                time.sleep(0.01)
    assert shown == [f"  {name} 1/2 progressing: 1 of 2 tasks run" for name in ("one", "zwölf", "three")]


@pytest.mark.usefixtures("hasty")
def test_a_broken_connection_ends_the_progress_only() -> None:
    asked: list[str] = []

    def remote(command: str) -> str:
        asked.append(command)
        raise OSError("gone")

    with _follow.Follower(remote, lambda line: None):
        time.sleep(0.3)
    assert len(asked) == 1


def test_a_quick_run_is_not_looked_at() -> None:
    asked: list[t.Any] = []

    def remote(command: t.Any) -> str:
        asked.append(command)
        return ""

    with _follow.Follower(remote, lambda line: None):
        pass
    assert asked == []


def test_u14_stuck_tasks_of_one_cause_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "path", lambda _token: str(tmp_path / "lines"))
    stuck = [Problem(f"t{n}", str(n), "", "pending", "no suitable node (insufficient memory)") for n in range(200)]
    crashed = Problem("crashed", "7", "n2", "failed", "task: non-zero exit (1)", 1, node="n2")
    with progress.Progress("0" * 32) as listener:
        for left in (200, 150):
            problems = (*stuck[:left], crashed)
            listener("shop_web", Verdict("progressing", "0 of 200 tasks run", 0, 200, problems))
        lines = (tmp_path / "lines").read_text().splitlines()
    assert lines == [
        "shop_web.7 failed on n2 with exit code 1: task: non-zero exit (1) [crashed]",
        "shop_web: 200 tasks pending: no suitable node (insufficient memory)",
        "shop_web 0/200 progressing: 0 of 200 tasks run",
    ]
