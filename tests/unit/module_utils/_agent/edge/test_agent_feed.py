# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The route feed: never older than the question, quick when something changes, quiet when nobody asks."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge import routes
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.feed import Watcher
from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError


class Source:
    """What the engine says, and how often it was asked."""

    def __init__(self) -> None:
        self.document = "one"
        self.asked = 0
        self.problem = ""

    def __call__(self) -> str:
        self.asked += 1
        if self.problem:
            raise SwarmError(self.problem)
        return self.document


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def watcher(source: Source) -> Watcher:
    return Watcher(source)


def test_the_first_question_is_answered_at_once(watcher: Watcher) -> None:
    started = time.monotonic()
    found = watcher.wait("", 10)
    assert (found.document, found.version) == ("one", routes.version("one"))
    assert time.monotonic() - started < 2


def test_nothing_new_takes_the_whole_wait(watcher: Watcher) -> None:
    known = watcher.wait("", 0).version
    started = time.monotonic()
    assert watcher.wait(known, 0.8).version == known
    assert time.monotonic() - started >= 0.8


def test_a_change_is_told_to_all_who_wait(watcher: Watcher, source: Source) -> None:
    known = watcher.wait("", 0).version
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(watcher.wait(known, 20).document)) for dummy in range(5)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    source.document = "two"
    for thread in threads:
        thread.join(5)
    assert found == ["two"] * 5


def test_an_answer_is_not_older_than_its_question(watcher: Watcher, source: Source) -> None:
    watcher.wait("", 0)
    source.document = "two"
    assert watcher.wait("", 0).document == "two"


def test_nobody_waits_nobody_looks(watcher: Watcher, source: Source) -> None:
    watcher.wait("", 0)
    time.sleep(0.7)  # one look more may have been under way
    asked = source.asked
    time.sleep(1.2)
    assert source.asked == asked


def test_a_problem_is_told_and_passes(watcher: Watcher, source: Source) -> None:
    source.problem = "no leader"
    assert watcher.wait("x", 5).problem == "no leader"
    source.problem = ""
    assert watcher.wait("x", 5).document == "one"


def test_closing_lets_everybody_go(watcher: Watcher) -> None:
    known = watcher.wait("", 0).version
    thread = threading.Thread(target=watcher.wait, args=(known, 30))
    thread.start()
    watcher.close()
    thread.join(3)
    assert not thread.is_alive()
