# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's loop: nothing that takes its time keeps it from the notice that its node ends."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent import loop
from ansible_collections.apiary.swarm.plugins.module_utils._agent.imds import Identity, Imds, ImdsError
from ansible_collections.apiary.swarm.plugins.module_utils._agent.loop import Agent
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.departure import Notice
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.election import Answer
from ansible_collections.apiary.swarm.plugins.module_utils._agent.settings import Settings

SETTINGS = Settings.from_dict({"cluster": "demo", "region": "eu-west-1", "role": "manager"}, "test")


class Metadata(Imds):
    """A metadata service whose spot notice comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.spot: str | None = None
        self.fails = 0

    def get(self, path: str) -> str | None:
        if self.fails:
            self.fails -= 1
            raise ImdsError("no answer")
        return self.spot if path.endswith("spot/instance-action") else None


class Engine:
    """An engine that manages."""

    def membership(self) -> Answer:
        return Answer("active", manager=True)


class Gone(Exception):
    """Ends a loop that never ends."""


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> Agent:
    monkeypatch.setattr(loop, "_TICK", 0.01)
    monkeypatch.setattr(loop, "_HOUSEKEEPING_EVERY", 0.0)
    engine: t.Any = Engine()
    found = Agent(SETTINGS, Metadata(), Identity("i-1", "t3.small", "a", "127.0.0.1"), engine, lines.append)
    monkeypatch.setattr(found, "_serve", lambda _manager: None)
    return found


def test_housekeeping_that_hangs_holds_nothing_up(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS may take minutes to answer; a spot notice gives two."""
    go_on, rounds = threading.Event(), list[int]()

    def hang() -> bool:
        rounds.append(1)
        return go_on.wait(20)

    left: list[Notice] = []

    def depart(why: Notice) -> None:
        left.append(why)
        raise Gone

    monkeypatch.setattr(agent._keeper, "round", hang)
    monkeypatch.setattr(agent, "_depart", depart)
    started = time.monotonic()
    for dummy in range(20):
        agent._tick_manager()
    assert time.monotonic() - started < 5
    assert rounds == [1], "one round at a time, and no thread that waits behind it"
    metadata: t.Any = agent._imds
    metadata.spot = '{"action": "terminate"}'
    with pytest.raises(Gone):
        agent.run()
    assert [why.reason for why in left] == ["spot interruption: terminate"]
    go_on.set()


def test_what_nobody_foresaw_ends_neither_the_loop_nor_the_journal(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    rounds = []

    def broken() -> None:
        rounds.append(1)
        if len(rounds) > 50:
            raise KeyboardInterrupt
        raise KeyError("Spec")

    monkeypatch.setattr(agent, "_tick", broken)
    with pytest.raises(KeyboardInterrupt):
        agent.run()
    assert len(lines) == 1
    assert "unexpected KeyError" in lines[0]


def test_a25_a_notice_that_is_withdrawn_is_no_exile(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    """A hibernated instance goes on where it was: out of its swarm, and without a notice."""
    departures: list[Notice] = []

    class Departure:
        def __init__(self, *dummy: t.Any) -> None:
            pass

        def run(self, why: Notice) -> None:
            departures.append(why)

    monkeypatch.setattr(loop, "Departure", Departure)
    monkeypatch.setattr(loop, "_WITHDRAWN", 0.2)
    monkeypatch.setattr(agent, "_tick_manager", lambda: None)
    metadata: t.Any = agent._imds
    metadata.spot = '{"action": "hibernate"}'
    thread = threading.Thread(target=agent._depart, args=(Notice("spot", 1.0),), daemon=True)
    thread.start()
    thread.join(0.6)
    assert thread.is_alive(), "as long as the notice is there the node stays away"
    metadata.fails = 40  # no answer is no withdrawal
    thread.join(0.3)
    assert thread.is_alive()
    metadata.fails, metadata.spot = 0, None
    thread.join(10)
    assert not thread.is_alive()
    assert len(departures) == 1
    assert any("withdrawn" in line for line in lines)
