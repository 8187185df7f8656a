# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measuring whole processes side by side: time, memory, and ratios as medians of pairs."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
CACHE = ROOT / ".cache" / "bench"


@dataclass(frozen=True)
class Run:
    """One run of a process: wall and CPU time in seconds, peak memory in MiB, what it printed."""

    seconds: float
    cpu: float
    memory: float
    output: str


@dataclass(frozen=True)
class Result:
    """All runs of one rival."""

    name: str
    runs: tuple[Run, ...]

    @property
    def seconds(self) -> float:
        """The median time."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def memory(self) -> float:
        """The median peak memory."""
        return statistics.median(run.memory for run in self.runs)

    @property
    def cpu(self) -> float:
        """The median CPU time of the process and its children."""
        return statistics.median(run.cpu for run in self.runs)

    def ratio_to(self, other: Result) -> float:
        """Return how many times longer this took than *other*: the median of the ratios of each pair of runs."""
        return statistics.median(
            mine.seconds / theirs.seconds for mine, theirs in zip(self.runs, other.runs, strict=True)
        )


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a measured process: no user's settings, and *more*."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_"))}
    return {
        **kept,
        "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.cache/ac:{ROOT}/.cache/collections",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_HOME": str(CACHE / "home"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "PYTHONWARNINGS": "ignore",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }


def run(command: Sequence[str], env: Mapping[str, str]) -> Run:
    """Run *command* to its end.

    :raises RuntimeError: if it fails.
    """
    timer = [sys.executable, str(Path(__file__).with_name("peak.py")), *command]
    begin = time.perf_counter()
    done = subprocess.run(timer, env=dict(env), capture_output=True, text=True, check=False, timeout=600)
    seconds = time.perf_counter() - begin
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    figures = json.loads(done.stderr.strip().rpartition("\n")[2])
    return Run(seconds, figures["cpu"], figures["memory"], done.stdout)


def side_by_side(
    rivals: Mapping[str, Callable[[], Run]],
    pairs: int,
    before: Callable[[], object] = lambda: None,
    fewer: Mapping[str, int] | None = None,
) -> dict[str, Result]:
    """Run each rival *pairs* times, in turns, so that the machine's moods hit all of them alike.

    :param before: called before each run.
    :param fewer: runs of rivals that take too long for so many.
    """
    runs: dict[str, list[Run]] = {name: [] for name in rivals}
    for number in range(pairs):
        for name, go in rivals.items():
            if number >= (fewer or {}).get(name, pairs):
                continue
            before()
            runs[name].append(go())
    return {name: Result(name, tuple(found)) for name, found in runs.items()}
