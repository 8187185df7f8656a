# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing the same thing to many items at once."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

THREADS = 8
"""Calls at the same time; AWS takes about 5 to 10 writes a second per account, the rest is retried."""

_Item = t.TypeVar("_Item")
_Result = t.TypeVar("_Result")


def in_threads(function: t.Callable[[_Item], _Result], items: t.Sequence[_Item]) -> list[_Result]:
    """Return ``[function(item) for item in items]``, computed by up to :data:`THREADS` threads.

    :raises Exception: whatever *function* raises first.
    """
    if len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(THREADS, len(items))) as pool:
        return list(pool.map(function, items))
