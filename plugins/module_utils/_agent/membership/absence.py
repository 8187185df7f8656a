# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is missing from an answer of AWS is not gone: only what many answers in a row lack counts as gone. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How long something must be missing until it counts as gone.

    :ivar answers: Answers in a row that lack it. DescribeInstances is eventually consistent, and may leave out what is
        there (EC2 API reference, "Eventual consistency").
    :ivar seconds: Time between the first and the last of them.
    :ivar ghost_seconds: The same for a member that never had an address nor an instance: a slow join looks like that,
        for a while.
    """

    answers: int = 3
    seconds: float = 60.0
    ghost_seconds: float = 300.0


PATIENCE = Patience()


class Absences:
    """Counts in how many answers in a row something was missing.

    What is seen once begins anew; a new leader or a restarted program begins anew with everything.
    """

    def __init__(self, patience: Patience = PATIENCE) -> None:
        self._patience = patience
        self._missing: dict[str, tuple[int, float]] = {}

    def note(self, missing: t.Collection[str], now: float, ghosts: t.Collection[str] = frozenset()) -> frozenset[str]:
        """Note what one answer lacks; return what of it is gone by now.

        :param now: seconds of a clock that never jumps.
        :param ghosts: those for which the longer time counts.
        """
        self._missing = {
            name: (self._missing[name][0] + 1, self._missing[name][1]) if name in self._missing else (1, now)
            for name in {*missing, *ghosts}
        }
        return frozenset(
            name
            for name, (answers, since) in self._missing.items()
            if answers >= self._patience.answers
            and now - since >= (self._patience.ghost_seconds if name in ghosts else self._patience.seconds)
        )
