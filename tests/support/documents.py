# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of the collection, and what its plugins say of themselves."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "roles/*/README.md", "examples/**/*.md", "jenkins/**/*.md")
    for path in ROOT.glob(pattern)
)


def relative(path: Path) -> str:
    """Return a path as a reader of the collection names it."""
    return str(path.relative_to(ROOT))


def documentation_of(path: Path) -> dict[str, Any]:
    """Return a plugin's DOCUMENTATION without importing it."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION":
            documentation: dict[str, Any] = yaml.safe_load(ast.literal_eval(node.value))
            return documentation
    raise AssertionError(f"{path} has no DOCUMENTATION")
