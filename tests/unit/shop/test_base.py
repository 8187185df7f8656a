# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the shop's base gets its packages from: this machine's own configuration says it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from documents import ROOT

SHOP = ROOT / "examples/shop"
TARGETS = "Docker|Docker CE|https://d.example/\nDebian|Debian|http://m.example/debian/\nDebian|Debian-Security|http://s.example/sec\n"


def base(folder: Path, targets: str, **environment: str) -> tuple[str, str]:
    """Run base.sh with an apt that knows C(targets); return what mmdebstrap was asked for, and what was said."""
    (folder / "bin").mkdir()
    programs = {"apt-get": f"cat <<'END'\n{targets}END", "mmdebstrap": 'printf "%s\\n" "$@" >> "$ASKED"; exit 7'}
    for name, body in programs.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / "bin" / name).chmod(0o755)
    env = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "ASKED": str(folder / "asked"), **environment}
    command = ["sh", str(SHOP / "base.sh"), str(folder / "out")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    asked = folder / "asked"
    return asked.read_text() if asked.exists() else "", done.stderr


def test_u29_packages_come_from_where_apt_of_this_machine_gets_them(tmp_path: Path) -> None:
    asked, _said = base(tmp_path, TARGETS)
    assert "deb http://m.example/debian trixie main" in asked and "deb http://s.example/sec trixie-security" in asked
    assert "deb.debian.org" not in asked


def test_u29_a_mirror_that_is_named_wins(tmp_path: Path) -> None:
    asked, _said = base(tmp_path, TARGETS, DEBIAN_MIRROR="http://own.example")
    assert "deb http://own.example/debian trixie main" in asked and "own.example/debian-security" in asked


def test_u29_without_any_it_says_what_to_do(tmp_path: Path) -> None:
    asked, said = base(tmp_path, "")
    assert asked == "" and "run apt-get update, or say where they are in DEBIAN_MIRROR" in said


@pytest.mark.parametrize("path", sorted(path for path in (ROOT / "examples").rglob("*") if path.is_file()))
def test_u29_no_example_has_a_host_of_packages_or_images_written_in(path: Path) -> None:
    hosts = r"deb\.debian\.org|archive\.ubuntu\.com|docker\.io|quay\.io|ghcr\.io|pypi\.org"
    assert re.findall(hosts, path.read_text(errors="replace")) == []
