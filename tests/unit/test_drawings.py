# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawings: made from a source whose text Graphviz measured, current, and true."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from documents import ROOT

DRAWINGS = sorted((ROOT / "docs").glob("*.dot"))


@pytest.mark.parametrize("source", DRAWINGS, ids=lambda path: path.name)
def test_u30_drawing_is_made_from_its_source(source: Path) -> None:
    drawn = source.with_suffix(".svg").read_text()
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    assert f"drawn from {source.name} {digest}" in drawn, "run `make drawings`"


def test_u30_drawing_shows_the_playbooks_that_exist() -> None:
    label = (ROOT / "docs/architecture.dot").read_text().partition("<b>playbooks</b>")[2].partition(">]")[0]
    shown = set(re.findall(r"[a-z_]+", re.sub(r"<[^>]*>?", " ", label)))
    # The sandbox is no part of AWS's picture: it plays all of it on one machine.
    assert shown == {path.stem for path in (ROOT / "playbooks").glob("*.yml")} - {"sandbox"}
