# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in the background, as the judges and the Molecule scenarios are run."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from background import Background, run


@pytest.fixture
def two() -> Iterator[Background]:
    commands = {"good": ["sh", "-c", "echo fine"], "bad": ["sh", "-c", "echo broken >&2; exit 3"]}
    background = Background(commands, timeout=20)
    yield background
    background.close()


def test_outcomes_are_kept_apart(two: Background) -> None:
    bad, good = two.outcome("bad"), two.outcome("good")
    assert (good.status, good.output) == (0, "fine\n")
    assert (bad.status, bad.output) == (3, "broken\n")
    assert "ended with status 3" in str(bad)


def test_too_slow_a_command_is_ended_with_its_children() -> None:
    start = time.monotonic()
    outcome = run(["sh", "-c", "echo begun; sleep 60 & sleep 60"], timeout=0.5)
    assert time.monotonic() - start < 10
    assert (outcome.status, outcome.output) == (-1, "begun\n")
    assert "ran out of time" in str(outcome)


def test_a_surrounding_make_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-j2 --jobserver-auth=3,4")
    assert run(["sh", "-c", "echo [$MAKEFLAGS]"], timeout=20).output == "[]\n"


def test_closing_drops_what_has_not_begun() -> None:
    background = Background({"first": ["sleep", "0.3"], "second": ["true"]}, timeout=20, workers=1)
    background.close()
    assert background.outcome("first").status == 0
    assert "not started" in background.outcome("second").output
