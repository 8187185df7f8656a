# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand-written documents: what they point to exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import DOCUMENTS, ROOT, relative

LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")
TARGET = re.compile(r"`make ([a-z0-9-]+)")
TEST = re.compile(r"`(test_\w+)(…|\*|\.py)?")


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_links_lead_somewhere(path: Path) -> None:
    broken = [link for link in LINK.findall(path.read_text()) if not (path.parent / link.replace("\\", "")).exists()]
    assert broken == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_commands_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(TARGET.findall(path.read_text())) <= targets


def test_tests_that_documents_name_exist() -> None:
    files = list((ROOT / "tests").rglob("test_*.py"))
    known = {name for path in files for name in re.findall(r"def (test_\w+)", path.read_text())}
    known |= {path.stem for path in files}
    missing = [
        f"{relative(path)}: {name}{more}"
        for path in DOCUMENTS
        for name, more in TEST.findall(path.read_text())
        if not any(one.startswith(name) for one in known) or (not more and name not in known)
    ]
    assert missing == []


def test_u28_the_readme_names_both_commands_and_what_they_take() -> None:
    text = (ROOT / "README.md").read_text()
    (demo,) = re.findall(r"^\| `make demo` \|.*$", text, re.MULTILINE)
    (test,) = re.findall(r"^\| `make test` \|.*$", text, re.MULTILINE)
    assert "minutes" in demo and "minutes" in test and "summary" in test
