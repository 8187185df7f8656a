# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks make of their figures: ratios, crossings, the page and its picture."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import bench_report
import pytest
from engine_figures import Converged, Count, Figures, crossing, ratio, slope
from engine_report import page, picture
from measure import Result, Run
from svg import step


def result(*seconds: float) -> Result:
    return Result("x", tuple(Run(value, value, 50.0, "") for value in seconds))


def figures() -> Figures:
    found = Figures()
    for work in ("unchanged", "changed", "create"):
        runs = {"ours": 1.0, "module": 1.4, "minimal": 1.0, "cli": 1.2, "stack": 5.0, "loop": 40.0}
        found.times[work, 100] = {name: result(value, value, value) for name, value in runs.items()}
    found.times["create", 100]["module"] = result(1.6, 1.7, 1.8)
    found.counts["unchanged", 100] = {"ours": Count(7, 1, 0, 0), "cli": Count(150, 100, 100, 0)}
    found.counts["changed", 100] = {"ours": Count(9, 1, 1, 2)}
    found.growth = {
        size: {"ours": result(1 + size / 1000), "minimal": result(0.9), "cli": result(size / 100)}
        for size in (10, 100, 200)
    }
    found.converged = [Converged(10, "ours", (0.2, 0.3, 0.7)), Converged(10, "cli", (0.5,))]
    found.memory = {("module", 100): 60.2, ("minimal", 100): 30.0}
    return found


def test_ratio_is_the_median_of_pairs() -> None:
    assert ratio(result(1, 2, 30), result(1, 1, 10)) == 2
    assert ratio(result(40), result(1, 2, 4)) == 20, "one that ran less often is compared by medians"


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({10: 1.0, 100: 1.0}, {10: 0.1, 100: 1.9}, 55.0),
        ({10: 1.0, 100: 1.0}, {10: 2.0, 100: 3.0}, 10.0),
        ({10: 1.0, 100: 1.0}, {10: 0.1, 100: 0.9}, None),
        ({10: 1.0, 50: 1.0, 100: 1.0}, {10: 1.1, 50: 0.5, 100: 1.5}, 75.0),  # a lead that is lost again is none
        ({}, {}, None),
    ],
)
def test_crossing(ours: dict[int, float], theirs: dict[int, float], expected: float | None) -> None:
    found = crossing(ours, theirs)
    assert found == expected or math.isclose(found or 0, expected or 0)


def test_slope() -> None:
    assert math.isclose(slope({10: 1.0, 20: 1.1, 30: 1.2}), 10.0)


def test_count_sorts_requests() -> None:
    requests = [
        ("HEAD", "/_ping"), ("GET", "/v1.41/services"), ("GET", "/v1.41/distribution/r:5000/app:v1/json"),
        ("POST", "/v1.41/services/create"), ("POST", "/v1.41/services/ab/update?version=1"),
        ("POST", "/v1.41/configs/create"), ("DELETE", "/v1.41/services/cd"),
    ]  # fmt: skip
    count = Count.of(requests)
    assert count == Count(reads=2, lookups=1, services=3, others=1)
    assert count.requests == 6


def test_the_page_says_which_targets_are_met() -> None:
    text = page(figures(), "Measured with things.")
    rows = [line for line in text.splitlines() if line.endswith(("| met |", "| **missed** |"))]
    missed = [row for row in rows if "missed" in row]
    assert len(missed) == 1 and "in a process of its own" in missed[0] and "1.70" in missed[0]
    assert any("7, 0 writes" in row for row in rows)
    assert any("from 111 on" in row for row in rows)
    assert "Measured with things." in text and "| 40.00 (" in text


def test_parts_that_were_not_measured_are_left_out() -> None:
    found = figures()
    found.growth, found.converged, found.memory, found.counts = {}, [], {}, {}
    text = page(found, "")
    assert "### Growth" not in text and "### Memory" not in text and "### Requests" not in text


def test_the_picture_is_a_picture() -> None:
    root = ElementTree.fromstring(picture(figures()))
    lines = [item for item in root if item.tag.endswith("polyline")]
    assert len(lines) == 3
    texts = [item.text for item in root if item.tag.endswith("text")]
    assert {"10", "100", "200", "docker stack deploy"} <= set(texts)


@pytest.mark.parametrize(("largest", "expected"), [(1.3, 0.2), (5, 1), (48, 10), (0.04, 0.01)])
def test_lines_at_round_numbers(largest: float, expected: float) -> None:
    assert math.isclose(step(largest), expected)


def test_each_part_of_the_page_is_replaced_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page_file = tmp_path / "docs" / "benchmarks.md"
    monkeypatch.setattr(bench_report, "PAGE", page_file)
    bench_report.write_part("one", "before")
    bench_report.write_part("two", "other")
    bench_report.write_part("one", "changed")
    text = page_file.read_text()
    assert text.startswith("# Benchmarks")
    assert "before" not in text and text.index("changed") < text.index("other")
    assert text.count("<!-- begin one -->") == 1
