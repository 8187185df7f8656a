# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit and integration tests once more, on the newest ansible-core that a Python of this machine runs."""

from __future__ import annotations

import re

import pytest
from background import ROOT, run


@pytest.mark.parametrize("suite", ["unit", "integration"])
def test_suite(suite: str) -> None:
    python = ROOT / ".cache/venv-newest/bin/python"
    workers = ("-n", "2") if suite == "unit" else ()
    outcome = run([str(python), "-m", "pytest", "-q", *workers, f"tests/{suite}"], timeout=900)
    assert outcome.status == 0, outcome
    assert re.search(r"\d+ passed", outcome.output), outcome
