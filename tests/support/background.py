# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that run while tests wait for them: a few at a time, each reported as one test."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    :ivar status: exit status; -1 if it was ended because it took too long.
    :ivar seconds: how long it ran.
    """

    status: int
    output: str
    seconds: float

    def __str__(self) -> str:
        """Show the whole output, which is what a failed test needs."""
        ended = "ran out of time" if self.status == -1 else f"ended with status {self.status}"
        return f"{ended} after {self.seconds:.0f} s\n{self.output}"


def run(command: Sequence[str], timeout: float, cwd: Path = ROOT) -> Outcome:
    """Run *command* and wait for it, *timeout* seconds at most; then it is ended with all its children."""
    # Not a part of the make that may have started the tests: its job server is closed by now.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    start = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _error = process.communicate(timeout=timeout)
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _error = process.communicate()
            status = -1
    return Outcome(status, output, time.monotonic() - start)


class Background:
    """Starts commands in the order given and keeps *workers* of them running.

    :arg commands: name → command.
    :arg timeout: seconds that each may take.
    """

    def __init__(self, commands: Mapping[str, Sequence[str]], timeout: float, workers: int = 2) -> None:
        self._pool = ThreadPoolExecutor(workers)
        self._futures: dict[str, Future[Outcome]] = {
            name: self._pool.submit(run, command, timeout) for name, command in commands.items()
        }

    def outcome(self, name: str) -> Outcome:
        """Wait for the command called *name*."""
        try:
            return self._futures[name].result()
        except CancelledError:
            return Outcome(-1, "not started: the tests were ended", 0)

    def close(self) -> None:
        """Forget what has not begun and wait for what has."""
        self._pool.shutdown(cancel_futures=True)
