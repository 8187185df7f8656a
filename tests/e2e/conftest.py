# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One region for all end-to-end tests, in which the demo has been run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_region import ROOT, LocalRegion, environment
from road import CLUSTER, NAME, Road
from together import keep_together


@pytest.hookimpl(tryfirst=True)  # before groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    keep_together(items, Path(__file__).parent)


@pytest.fixture(scope="session")
def road() -> Iterator[Road]:
    """Run the demo in a region of its own; the region is removed at the end."""
    region = LocalRegion(NAME)
    region.down()
    command = [sys.executable, "-m", "demo", "--region-name", NAME, "--cluster", CLUSTER]
    variables = {**environment(), "PYTHONPATH": f"{ROOT / '.cache/ac'}:{ROOT / 'scripts'}"}
    try:
        done = subprocess.run(
            command,
            env=variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=1500,
            check=False,
        )
        yield Road(region, done.returncode, done.stdout)
    finally:
        region.down()
