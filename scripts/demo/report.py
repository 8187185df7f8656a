# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A numbered list of steps, each with a check behind it, timed; printed line by line and written as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


class CheckFailed(Exception):
    """A step did not do what it promises; the message says what was seen instead."""


@dataclass(frozen=True)
class Step:
    """One line of the demo: *run* does it, checks it, and returns what was seen (the first line is the summary)."""

    title: str
    run: Callable[[], Sequence[str]]


@dataclass(frozen=True)
class Ended:
    """A step that has been run.

    :ivar lines: what was seen, the summary first.
    :ivar problem: why it failed.
    """

    title: str
    seconds: float
    lines: Sequence[str]
    problem: str = ""


@dataclass
class Report:
    """Runs steps and keeps what came of each, in a file too: a list of :class:`Ended`."""

    log: Path
    file: Path
    ended: list[Ended] = field(default_factory=list)

    def run(self, steps: Sequence[Step]) -> bool:
        """Run *steps* in order until one fails; return whether all passed."""
        for number, step in enumerate(steps, start=len(self.ended) + 1):
            print(f"{number:2}. {step.title} ...", flush=True)
            began = time.monotonic()
            try:
                lines = step.run()
            except CheckFailed as exc:
                self.note(Ended(step.title, time.monotonic() - began, [], str(exc)))
                print(f"    FAILED after {time.monotonic() - began:.0f} s: {exc}", flush=True)
                print(f"    The whole output is in {self.log}; the region still runs, look at it with: make status")
                return False
            seconds = time.monotonic() - began
            self.note(Ended(step.title, seconds, lines))
            for line in lines:
                print(f"    {line}", flush=True)
            print(f"    ok, {seconds:.1f} s", flush=True)
        return True

    def note(self, step: Ended) -> None:
        """Add a step to the report and its file."""
        self.ended.append(step)
        self.file.write_text(json.dumps([asdict(one) for one in self.ended], indent=1) + "\n")

    def table(self) -> str:
        """Return the closing table: number, step, seconds, what was seen."""
        width = max(len(step.title) for step in self.ended)
        rows = [
            f"{number:2}  {step.title:{width}}  {step.seconds:6.1f} s  {'failed' if step.problem else step.lines[0]}"
            for number, step in enumerate(self.ended, start=1)
        ]
        total = sum(step.seconds for step in self.ended)
        return "\n".join([*rows, f"    {'all':{width}}  {total:6.1f} s"])


def check(condition: object, seen: str) -> None:
    """Raise :class:`CheckFailed` with *seen* unless *condition* holds."""
    if not condition:
        raise CheckFailed(seen)


def fail(message: str) -> None:
    """Print *message* as the reason why nothing could be started, and end."""
    print(message, file=sys.stderr)
    sys.exit(2)
