# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing a part of docs/benchmarks.md; every benchmark owns the part between its own two marks."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`. Every figure is the median of the ratios of paired runs, taken in turns in one run on one
machine; seconds are medians, and change from machine to machine where ratios hardly do.
"""


def write_part(name: str, text: str) -> None:
    """Replace the part *name* of the page by *text*, or add it."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    part = f"{begin}\n{text.strip()}\n{end}"
    if begin in page and end in page:
        page = page[: page.index(begin)] + part + page[page.index(end) + len(end) :]
    else:
        page = f"{page.rstrip()}\n\n{part}\n"
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")


def peer_version(namespace: str, name: str) -> str:
    """Return the version of a collection that is measured against."""
    manifest = ROOT / ".cache/collections/ansible_collections" / namespace / name / "MANIFEST.json"
    return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])


def machine(*packages: str) -> str:
    """Return the versions of ansible-core, *packages* and Python, and the size of the machine."""
    installed = ", ".join(f"{name} {version(name)}" for name in ("ansible-core", *packages))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    python = platform.python_version()
    return f"{installed}, Python {python}, Linux {platform.release()}, {os.cpu_count()} CPUs, {memory:.0f} GiB"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
