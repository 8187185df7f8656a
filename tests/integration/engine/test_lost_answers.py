# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a deploy and its engine one answer is lost, late or comes twice: the verdict is what is live all the same.

C(make test-faults) spoils every call of every scenario in every way (C(LOST_ANSWERS=all), or of eight parts the third:
C(LOST_ANSWERS=3/8)), C(make test) a few of them.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import os
import traceback
import typing as t
from pathlib import Path

import pytest
from engine_injector import FAULTS, Place
from lost_answers import SCENARIOS, Case, Trial, check, places
from workbench import Swarm

ASKED = os.environ.get("LOST_ANSWERS", "").replace("all", "1/1")
#: Seconds. The engine's own answers take less than the first even when other tests keep the processors busy.
ANSWER_TIME, LATE = (4, 5.0) if ASKED else (3, 3.5)
#: Stacks at the same time.
AT_ONCE = 4
#: Without LOST_ANSWERS. The first service that a deploy creates is its migration.
SAMPLE = [
    Case("deploy", "drop", Place("", "POST /configs/create", 2)),
    Case("rollback", "drop", Place("", "POST /services/*/update", 1)),
    Case("removal", "drop", Place("", "DELETE /services/*", 1)),
    Case("failing deploy", "drop", Place("", "POST /services/create", 2)),
    Case("deploy", "drop", Place("", "POST /services/create", 1)),
    Case("deploy", "delay", Place("", "POST /services/*/update", 1)),
    Case("deploy", "double", Place("", "GET /services", 1)),
    Case("deploy", "drop", Place("", "POST /configs/*/update", 1)),
    Case("rollback", "double", Place("", "POST /configs/create", 1)),
    Case("removal", "lose", Place("", "DELETE /networks/*", 1)),
]


@pytest.fixture
def trials(swarm: Swarm, tmp_path: Path) -> t.Iterator[list[Trial]]:
    made = [Trial(swarm, f"lost{index}", tmp_path, ANSWER_TIME, LATE) for index in range(AT_ONCE)]
    yield made
    for trial in made:
        trial.close()
        trial.run("absent")


def _tried(trials: list[Trial], cases: t.Iterable[Case]) -> tuple[list[str], list[Case]]:
    """Try cases on several stacks at once; return what was wrong, and what did not happen."""
    left, wrong, missed = iter(list(cases)), list[str](), list[Case]()

    def work(trial: Trial) -> None:
        for case in left:
            try:
                if not check(trial, case):
                    missed.append(case)
            except Exception:
                wrong.append(f"{case}\n{traceback.format_exc(limit=-3)}")

    with concurrent.futures.ThreadPoolExecutor(len(trials)) as pool:
        list(pool.map(work, trials))
    return wrong, missed


def _said(wrong: list[str]) -> str:
    return f"{len(wrong)} verdicts are wrong:\n" + "\n".join(wrong[:10])


if ASKED:

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_d46_no_answer_matters_anywhere(trials: list[Trial], scenario: str) -> None:
        places(trials[0], scenario)
        found = places(trials[0], scenario)  # the second time old releases are cleaned up too
        assert len(found) > 15, found
        cases = [
            Case(scenario, fault, place)
            for place, fault in itertools.product(found, FAULTS)
            if place.is_write or fault != "lose"  # a read that never arrives is a read whose answer is lost
        ]
        part, parts = map(int, ASKED.split("/"))
        cases = cases[part - 1 :: parts]
        wrong, missed = _tried(trials, cases)
        print(f"\n{scenario}: {len(found)} calls, {len(cases)} faults, {len(missed)} of them on calls that came not")
        assert not wrong, _said(wrong)
        assert len(missed) < len(cases) / 4, missed

else:

    def test_d46_no_answer_matters(trials: list[Trial]) -> None:
        wrong, missed = _tried(trials, SAMPLE)
        assert not wrong, _said(wrong)
        assert not missed, missed
