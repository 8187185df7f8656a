# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit and integration tests once more, on the newest ansible-core that a Python of this machine runs.

Left out is what ansible-core has no part in: the life of regions and agents, and deploys while engines break.
"""

from __future__ import annotations

import re

import pytest
from background import ROOT, run

SUITES = {
    "unit": ["-n", "2", "tests/unit"],
    "integration": [
        *("tests/integration/aws", "tests/integration/compose_parity"),
        *("tests/integration/engine", "--ignore", "tests/integration/engine/test_faults.py"),
    ],
}


@pytest.mark.parametrize("suite", SUITES)
def test_suite(suite: str) -> None:
    python = ROOT / ".cache/venv-newest/bin/python"
    outcome = run([str(python), "-m", "pytest", "-q", *SUITES[suite]], timeout=1200)
    assert outcome.status == 0, outcome
    assert re.search(r"\d+ passed", outcome.output), outcome
