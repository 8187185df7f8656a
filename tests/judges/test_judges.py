# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside judges, each a target of the Makefile and a test here. They run while tests wait, two at a time if alone."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from background import Background

# The slow ones first, so that the short ones fill the gaps.
JUDGES = (
    "sanity",
    "lint",
    "importer",
    "types",
    "templates",
    "policies",
    "docs",
    "reference",
    "yaml",
    "arguments",
    "changelog",
    "ruff",
    "format",
)


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    """All judges, started."""
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    judges = Background({judge: ["make", f"check-{judge}"] for judge in JUDGES}, timeout=900, workers=2 if alone else 1)
    yield judges
    judges.close()


@pytest.mark.parametrize("judge", JUDGES)
def test_judge(judge: str, background: Background) -> None:
    outcome = background.outcome(judge)
    assert outcome.status == 0, f"make check-{judge} {outcome}"
