# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each Molecule scenario as one test, on a fresh node in the local region; two run at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from background import ROOT, Background, run

SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
NAME = os.environ.get("NAME", "local")


def molecule(scenario: str) -> list[str]:
    """The command that runs one scenario inside the region."""
    inside = str(ROOT / ".cache/region" / NAME / "run")
    return [inside, "molecule", "--base-config", "molecule/config.yml", "test", "--scenario-name", scenario]


@pytest.fixture(scope="session")
def background(request: pytest.FixtureRequest) -> Iterator[Background]:
    """The region, up, and the scenarios that were asked for, started."""
    started = run(["make", "up"], timeout=600)
    assert started.status == 0, f"make up {started}"
    wanted = [item.callspec.params["scenario"] for item in request.session.items if hasattr(item, "callspec")]
    commands = {name: molecule(name) for name in SCENARIOS if name in wanted}
    scenarios = Background(commands, timeout=1200)
    yield scenarios
    scenarios.close()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str, background: Background) -> None:
    outcome = background.outcome(scenario)
    assert outcome.status == 0, f"molecule test --scenario-name {scenario} {outcome}"
