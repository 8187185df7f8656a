# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release a rollback goes to. Pure."""

from __future__ import annotations

import typing as t

from ..._errors import PlanRefused
from .releases import Release, last_good


def target(history: t.Sequence[Release], stack: str, number: int | None) -> Release:
    """Return the release to go back to.

    Without a number that is the one before the release that runs now. One that is itself a rollback stands for the
    release that it restored: going back again goes further back, and never to what was left the first time.

    :param history: the releases of the stack, oldest first.
    :param number: of the release, None for the one before.
    :raises PlanRefused: there is no such release.
    """
    numbers = ", ".join(str(item.number) for item in history) or "none"
    if number is not None:
        found = next((item for item in history if item.number == number), None)
        if found is None:
            raise PlanRefused(f"Stack {stack} has no release {number}; recorded releases: {numbers}.")
        return found
    current = last_good(history)
    begin = origin(current) if current is not None else 0
    found = last_good([item for item in history if item.number < begin])
    if found is not None:
        return found
    if current is None or not current.restores:
        raise PlanRefused(f"Stack {stack} has no release before the present one to go back to.")
    raise PlanRefused(
        f"Stack {stack} runs release {begin} again (restored by release {current.number}), and no release before that "
        f"is recorded. To go to another one say which: release: <number>; recorded releases: {numbers}."
    )


def origin(release: Release) -> int:
    """Return the number of the release whose content this one has."""
    return release.restores or release.number
