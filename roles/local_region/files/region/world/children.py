# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Daemons that a region runs as children: they never outlive it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path


class ChildError(RuntimeError):
    """A daemon could not be started, or ended by itself."""


class Child:
    """One daemon in the foreground, with its output in a log file.

    The kernel signals the daemon when the *thread* that started it ends, so L(start) belongs into a thread that lives
    as long as the region does (the main thread).
    """

    def __init__(self, name: str, argv: Sequence[str], log: Path) -> None:
        """Name the daemon *name*; its standard output and error are appended to *log*."""
        self.name = name
        self.argv = list(argv)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running daemon.

        :raises ChildError: it is not running.
        """
        if self._process is None or self._process.poll() is not None:
            raise ChildError(f"{self.name} is not running; its log is {self.log}:\n{self.tail()}")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the daemon was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the daemon, unless it runs.

        :raises ChildError: its program is not installed.
        """
        if self.running:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # setpriv sets the parent-death signal after the fork and before the exec: a preexec_fn would run Python code
        # in a forked copy of a threaded process, where it may dead-lock.
        argv = ["setpriv", "--pdeathsig", "TERM", "--", *self.argv]
        with self.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )
            except FileNotFoundError as exc:
                raise ChildError(f"cannot start {self.name}: {exc.filename} is not installed") from exc

    def signal(self, number: signal.Signals) -> None:
        """Send the signal *number* to the daemon.

        :raises ChildError: it is not running.
        """
        if not self.running or self._process is None:
            raise ChildError(f"{self.name} is not running; its log is {self.log}:\n{self.tail()}")
        self._process.send_signal(number)

    def stop(self, timeout: float = 5.0) -> None:
        """Ask the daemon to end, and kill it after *timeout* seconds. Does nothing when it does not run."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def tail(self, lines: int = 10) -> str:
        """Return the last *lines* lines of the daemon's log, or an empty string."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
