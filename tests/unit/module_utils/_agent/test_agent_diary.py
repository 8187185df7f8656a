# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What months of one and the same trouble leave in the journal."""

from __future__ import annotations

from ansible_collections.apiary.swarm.plugins.module_utils._agent.diary import Diary, line_of
from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a29_a_line_is_said_once_a_minute() -> None:
    lines: list[str] = []
    clock = Clock()
    diary = Diary(lines.append, clock)
    for second in range(0, 3600, 2):
        clock.now = float(second)
        diary.say("aws", "no answer")
    assert len(lines) == 60


def test_a29_lines_that_take_turns_are_no_news() -> None:
    lines: list[str] = []
    diary = Diary(lines.append, Clock())
    for dummy in range(50):
        diary.say("aws", "no answer")
        diary.say("aws", "throttled")
    assert lines == ["no answer", "throttled"]


def test_a29_lines_that_differ_each_time_are_bounded() -> None:
    lines: list[str] = []
    diary = Diary(lines.append, Clock())
    for port in range(1000):
        diary.say("feed", f"connection from port {port} lost")
    assert len(lines) == 20


def test_a29_subjects_are_bounded_too() -> None:
    diary = Diary(lambda _line: None, Clock())
    for number in range(1000):
        diary.say(f"service {number}", "has no route")
    assert len(diary._said) == 100


def test_what_is_over_is_news_again() -> None:
    lines: list[str] = []
    diary = Diary(lines.append, Clock())
    assert diary.say("edge", "no manager")
    diary.over("edge")
    assert diary.say("edge", "no manager")
    assert len(lines) == 2


def test_an_unforeseen_error_is_one_line_that_says_where() -> None:
    line = ""
    try:
        raise KeyError("x\ny")
    except KeyError as exc:
        line = line_of(exc)
    assert line.startswith("unexpected KeyError at ")
    assert __file__ in line
    assert "\n" not in line
    assert line_of(SwarmError("No manager takes the notice.")) == "No manager takes the notice."
