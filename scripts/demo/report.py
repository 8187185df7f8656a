# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A numbered list of steps, each with a check behind it, timed and told line by line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class CheckFailed(Exception):
    """A step did not do what it promises; the message says what was seen instead."""


@dataclass(frozen=True)
class Step:
    """One line of the demo: *run* does it, checks it, and returns what was seen (the first line is the summary)."""

    title: str
    run: Callable[[], Sequence[str]]


@dataclass
class Report:
    """Runs steps and keeps the time of each."""

    log: Path
    offset: int = 0  # steps told before this process began
    _times: list[tuple[str, float, str]] = field(default_factory=list)

    def run(self, steps: Sequence[Step]) -> bool:
        """Run *steps* in order until one fails; return whether all passed."""
        for number, step in enumerate(steps, start=self.offset + 1):
            print(f"{number:2}. {step.title} ...", flush=True)
            began = time.monotonic()
            try:
                lines = step.run()
            except CheckFailed as failure:
                print(f"    FAILED after {time.monotonic() - began:.0f} s: {failure}", flush=True)
                print(f"    The whole output is in {self.log}; the region still runs, look at it with: make status")
                return False
            seconds = time.monotonic() - began
            self.note(step.title, seconds, lines[0])
            for line in lines:
                print(f"    {line}", flush=True)
            print(f"    ok, {seconds:.1f} s", flush=True)
        return True

    def note(self, title: str, seconds: float, summary: str) -> None:
        """Add a line to the closing table."""
        self._times.append((title, seconds, summary))

    def table(self) -> str:
        """Return the closing table: number, step, seconds, what was seen."""
        width = max(len(row[0]) for row in self._times)
        rows = [
            f"{number:2}  {title:{width}}  {seconds:6.1f} s  {summary}"
            for number, (title, seconds, summary) in enumerate(self._times, start=1)
        ]
        total = sum(row[1] for row in self._times)
        return "\n".join([*rows, f"    {'all':{width}}  {total:6.1f} s"])


def check(condition: object, seen: str) -> None:
    """Raise :class:`CheckFailed` with *seen* unless *condition* holds."""
    if not condition:
        raise CheckFailed(seen)


def fail(message: str) -> None:
    """Print *message* as the reason why nothing could be started, and end."""
    print(message, file=sys.stderr)
    sys.exit(2)
