# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests of stack files."""

from __future__ import annotations

import pytest
from stack_texts import Loader


@pytest.fixture
def stack() -> Loader:
    return Loader()
