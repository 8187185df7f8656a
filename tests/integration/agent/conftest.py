# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One site for each test: it ends with everything that ran on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_site import Site
from lab import Lab, missing


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    problem = missing()
    assert problem is None, problem
    with Lab(registry=False) as lab:
        found = Site(lab, tmp_path)
        try:
            yield found
        finally:
            found.close()
            print(found.log)
