# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each Molecule scenario as one test, on fresh nodes in a local region of its own; two run at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from background import ROOT, Background
from local_region import local_region

# The slow ones first, so that the short ones fill the gaps.
SLOW = ("node", "agent", "edge", "deploy", "engine", "ecr")
FOUND = {path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")}
SCENARIOS = sorted(FOUND, key=lambda name: SLOW.index(name) if name in SLOW else len(SLOW))
# Roles that no scenario can hold, and the tests that stand for one.
ELSEWHERE = {"bake": "e2e/test_main_road.py", "local_region": "integration/region/test_life.py"}


@pytest.fixture(scope="module")
def background(request: pytest.FixtureRequest) -> Iterator[Background]:
    """The region, up, and the scenarios that were asked for, started."""
    wanted = [item.callspec.params.get("scenario") for item in request.session.items if hasattr(item, "callspec")]
    with local_region(os.environ.get("NAME", "molecule"), releases=("trixie", "bookworm")) as region:
        inside = [str(region.state_dir / "run"), "molecule", "--base-config", "molecule/config.yml"]
        commands = {name: [*inside, "test", "--scenario-name", name] for name in SCENARIOS if name in wanted}
        scenarios = Background(commands, timeout=1200)
        yield scenarios
        scenarios.close()


def test_every_role_has_a_scenario() -> None:
    roles = {path.name for path in (ROOT / "roles").iterdir()}
    assert roles - FOUND == set(ELSEWHERE)
    assert [test for test in ELSEWHERE.values() if not (ROOT / "tests" / test).exists()] == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str, background: Background) -> None:
    outcome = background.outcome(scenario)
    assert outcome.status == 0, f"molecule test --scenario-name {scenario} {outcome}"
