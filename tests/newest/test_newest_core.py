# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit and integration tests once more, on the newest ansible-core that a Python of this machine runs.

Of the integration tests those in which ansible-core has a part: plugins, modules in the controller, modules on a host.
"""

from __future__ import annotations

import re

import pytest
from background import ROOT, run

SUITES = {
    "unit": ["-n", "2", "tests/unit"],
    "integration": [
        *("tests/integration/aws", "tests/integration/compose_parity/test_plugins.py"),
        "tests/integration/engine/test_stack.py",
    ],
}


@pytest.mark.parametrize("suite", SUITES)
def test_suite(suite: str) -> None:
    python = ROOT / ".cache/venv-newest/bin/python"
    outcome = run([str(python), "-m", "pytest", "-q", *SUITES[suite]], timeout=1200)
    assert outcome.status == 0, outcome
    assert re.search(r"\d+ passed", outcome.output), outcome
