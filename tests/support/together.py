# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that share something dear, such as a region, stay in one process when tests are run in several."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest


def keep_together(items: Iterable[pytest.Item], folder: Path) -> None:
    """Make one group of all tests in *folder*, for C(--dist loadgroup)."""
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(folder.name))
