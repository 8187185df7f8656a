# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit and integration tests once more, on the newest ansible-core that a Python of this machine runs.

Of the integration tests those in which ansible-core has a part: plugins, modules in the controller, modules on a host.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from background import ROOT, run
from find_python import candidates, choose, version_of

# Without a part of Ansible, or with tools that stand beside the oldest ansible-core only.
ELSEWHERE = ("benchmarks", "region", "scripts", "shop", "support", "templates")
SUITES = {
    "unit": ["-n", "2", "tests/unit", *(f"--ignore=tests/unit/{folder}" for folder in ELSEWHERE)],
    "integration": [
        *("-n", "2", "--dist", "loadfile"),
        *(f"tests/integration/aws/test_{name}.py" for name in ("in_process", "inventory", "ecr_auth", "log_group")),
        *("tests/integration/compose_parity/test_plugins.py", "tests/integration/engine/test_stack_here.py"),
    ],
}
NEWEST = ROOT / ".cache/venv-newest"


def core(environment: Path) -> str:
    """The version of ansible-core in a virtual environment."""
    (found,) = environment.glob("lib/python3*/site-packages/ansible_core-*.dist-info")
    return found.name.removeprefix("ansible_core-").removesuffix(".dist-info")


if core(NEWEST) != core(ROOT / ".cache/venv"):

    @pytest.mark.parametrize("suite", SUITES)
    def test_suite(suite: str) -> None:
        path = f"PATH={NEWEST / 'bin'}:{os.environ['PATH']}"
        outcome = run(["env", path, "python", "-m", "pytest", "-q", *SUITES[suite]], timeout=1200)
        assert outcome.status == 0, str(outcome)
        assert re.search(r"\d+ passed", outcome.output), str(outcome)

else:

    def test_no_python_here_runs_a_newer_core_than_the_one_tested() -> None:
        found = [(version, path) for path in candidates() if (version := version_of(path)) is not None]
        newest = choose(found, "newest")
        assert newest is not None
        assert (version_of(newest) or (0, 0)) < (3, 12), f"{newest} runs a newer ansible-core: rm -rf {NEWEST}"
