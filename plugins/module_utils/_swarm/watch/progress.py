# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live progress: a deploy on a manager writes lines to a file that the controller reads while it waits.

A module can say nothing before it ends, so this is its side channel. It carries names, counts and states, no values.
"""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from ..tasks import COMPLETE

if t.TYPE_CHECKING:
    from .memory import Move
    from .terms import Problem, Verdict

_TOKEN = re.compile(r"[0-9a-f]{32}")


def path(token: str) -> str:
    """Return the file of a run; C(token) is 32 hexadecimal digits that nobody else knows. Raises ValueError."""
    if not _TOKEN.fullmatch(token):
        raise ValueError("a run is known by 32 hexadecimal digits")
    # Not the temporary folder of either side's environment: both must name the same file.
    return f"/tmp/apiary-swarm-{token}"


class Progress:
    """Context manager and listener of a deploy: a line for each move of a task, and each change of a service's verdict.

    Without a token, or where the file cannot be made, nothing is written: a deploy never fails for its progress.
    """

    def __init__(self, token: str) -> None:
        self._path = path(token) if token else ""
        self._file: t.TextIO | None = None
        self._shown: set[str] = set()
        self._last: dict[str, str] = {}

    def __enter__(self) -> Progress:
        if self._path:
            with contextlib.suppress(OSError):
                # Readable for the user that connects, who need not be the one that deploys; never an existing file.
                handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
                os.fchmod(handle, 0o644)
                self._file = os.fdopen(handle, "w", encoding="utf-8")
        return self

    def __exit__(self, *dummy: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):
                os.unlink(self._path)  # noqa: PTH108 - a text is at hand
            self._file = None

    def __call__(self, name: str, verdict: Verdict, moves: t.Sequence[Move] = ()) -> None:
        if self._file is None:
            return
        text = line(name, verdict)
        # A verdict may come back, such as "1 of 2 tasks run"; a task fails only once.
        fresh = {key: item for key, item in problem_lines(name, verdict.problems).items() if key not in self._shown}
        changed = [text] if self._last.get(name) != text else []
        lines = [*(move_line(name, move) for move in moves), *fresh.values(), *changed]
        with contextlib.suppress(OSError):
            self._file.writelines(item + "\n" for item in lines)
            self._file.flush()
        self._shown.update(fresh)
        self._last[name] = text


def line(name: str, verdict: Verdict) -> str:
    """Return one line: C(shop_web 2/4 progressing: 2 of 4 tasks run)."""
    reason = f": {verdict.reason}" if verdict.reason else ""
    # A failure that the engine tells of itself was no matter of counting.
    counts = (
        ""
        if verdict.state == "failed" and not verdict.wanted
        else f" {verdict.running + verdict.completed}/{verdict.wanted}"
    )
    return _one_line(f"{name}{counts} {verdict.state}{reason}")


def move_line(name: str, move: Move) -> str:
    """Return one line: C(shop_web.2 running on ip-10-20-1-5)."""
    return _one_line(f"{name}.{move.slot} {move.state}{f' on {move.node}' if move.node else ''}")


def problem_lines(name: str, problems: t.Sequence[Problem]) -> dict[str, str]:
    """Return what identifies a trouble → a line on it: one for each task that ended, one for all stuck ones of a cause.

    A program that ended with code 0 is told as a move of its task.
    """
    lines: dict[str, str] = {}
    stuck: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        if not problem.has_ended:
            stuck.setdefault((problem.state, problem.error), []).append(problem)
        elif problem.state != COMPLETE:
            lines[problem.task_id] = problem_line(name, problem)
    for (state, error), alike in stuck.items():
        many = f"{name}: {len(alike)} tasks {state}: {error}"
        lines[f"{name} {state} {error}"] = _one_line(many) if len(alike) > 1 else problem_line(name, alike[0])
    return lines


def problem_line(name: str, problem: Problem) -> str:
    """Return one line: C(shop_web.2 failed on ip-10-20-1-5 with exit code 1: task: non-zero exit (1) [ab12cd34])."""
    where = f" on {problem.node}" if problem.node else ""
    code = f" with exit code {problem.exit_code}" if problem.exit_code else ""
    error = f": {problem.error}" if problem.error else ""
    return _one_line(f"{name}.{problem.slot} {problem.state}{where}{code}{error} [{problem.task_id[:8]}]")


def _one_line(text: str) -> str:
    return " ".join(text.split())
