# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of one check of an image or an instance."""

from __future__ import annotations

import typing as t
from pathlib import Path


class Finding(t.NamedTuple):
    """What one check found."""

    name: str
    ok: bool
    detail: str = ""
    """What is wrong, or what was seen."""


Check = t.Callable[[Path], Finding]
"""Takes the root of the file system."""
