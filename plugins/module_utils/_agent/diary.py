# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the journal records: each thing once, and once a minute while it lasts; never more than a few lines a minute."""

from __future__ import annotations

import threading
import time
import typing as t

from .._errors import SwarmError

REPEAT = 60.0
"""Seconds after which a line that still holds is said again."""
_LINES = 20  # different lines about one subject within that time; more is noise that fills a disk
_SUBJECTS = 100


class Diary:
    """Says things about subjects, not more often than a reader needs. May be shared by threads.

    :param log: takes one line.
    :param clock: seconds that never jump.
    """

    def __init__(self, log: t.Callable[[str], None], clock: t.Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[str, dict[str, float]] = {}

    def say(self, subject: str, line: str) -> bool:
        """Log *line* unless it was said within the last minute, and tell whether it was logged."""
        now = self._clock()
        with self._lock:
            lines = self._said.pop(subject, {})
            recent = {text: at for text, at in lines.items() if now - at < REPEAT}
            self._said[subject] = recent  # last: the subject that is longest unsaid goes first
            while len(self._said) > _SUBJECTS:
                del self._said[next(iter(self._said))]
            if line in recent or len(recent) >= _LINES:
                return False
            recent[line] = now
        self._log(line)
        return True

    def over(self, subject: str) -> None:
        """Forget a subject: what is said about it next is news."""
        with self._lock:
            self._said.pop(subject, None)


def line_of(error: Exception) -> str:
    """Return one line for an error: its message; for one that nobody foresaw, what it is and where it arose."""
    if isinstance(error, SwarmError):
        return error.message
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    return f"unexpected {type(error).__name__}{where}: {' '.join(str(error).split())[:300]}"
