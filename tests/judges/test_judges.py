# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside judges, each a target of the Makefile and a test here. They run two at a time while the tests wait."""

from __future__ import annotations

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
    judges = Background({judge: ["make", f"check-{judge}"] for judge in JUDGES}, timeout=900)
    yield judges
    judges.close()


@pytest.mark.parametrize("judge", JUDGES)
def test_judge(judge: str, background: Background) -> None:
    outcome = background.outcome(judge)
    assert outcome.status == 0, f"make check-{judge} {outcome}"
