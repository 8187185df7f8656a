# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The region's command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import region


def test_making_images_needs_python_alone() -> None:
    # While "make demo" makes them, the AWS SDK is still on its way.
    home = Path(region.__file__).parent.parent
    command = [sys.executable, "-S", "-m", "region", "--help"]
    done = subprocess.run(command, env={"PYTHONPATH": str(home)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
