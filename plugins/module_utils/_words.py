# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Words for people. Pure."""

from __future__ import annotations

import difflib
import typing as t


def likest(word: str, known: t.Iterable[str], cutoff: float = 0.6) -> str:
    """Return the known word that *word* was meant to be, or V("").

    :param cutoff: how like it must be, from 0 to 1, unless it has the very same letters.
    """
    words = sorted(known)
    # Two letters swapped is the likeliest slip, and difflib does not count it as a small one.
    swapped = [name for name in words if sorted(name) == sorted(word)]
    return next(iter(swapped or difflib.get_close_matches(word, words, n=1, cutoff=cutoff)), "")


def nearest(word: str, known: t.Iterable[str]) -> str:
    """Return a question, C(did you mean "image"?) in brackets, for the likest known word, or V("")."""
    match = likest(word, known)
    return f' (did you mean "{match}"?)' if match else ""


def seconds(value: float) -> str:
    """Return a time as people say it, in whole seconds: C(15 s); below one second with one digit: C(0.4 s)."""
    return f"{value:.0f} s" if value >= 1 or not value else f"{value:.1g} s"
