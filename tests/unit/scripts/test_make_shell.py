# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(make shell): nothing is installed for it, and how its last command ended is not its error."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from documents import ROOT


def make_shell(cache: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = ["make", "-f", str(ROOT / "Makefile"), "shell", f"CACHE={cache}"]
    # Below "make check" it would say that it got no part of the jobs.
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, env=alone
    )


def test_u25_without_a_region_it_says_how_to_come_up(tmp_path: Path) -> None:
    done = make_shell(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "The local region is not up: make up\n", "")
    assert list(tmp_path.iterdir()) == []


def test_u25_the_end_of_the_shell_is_no_error(tmp_path: Path) -> None:
    run = tmp_path / "region/local/run"
    run.parent.mkdir(parents=True)
    run.write_text('#!/bin/sh\nexec "$@"\n')
    run.chmod(0o755)
    done = make_shell(tmp_path, "echo inside\nexit 3\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "inside\n", "")
