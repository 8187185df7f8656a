# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The election as a decision table: every step of the boot path, and every place where a node may have stopped."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.election import (
    DEAD_MANAGER_PATIENCE,
    Answer,
    Claim,
    Do,
    Key,
    View,
    decide,
    newest,
)
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import (
    ClusterRecord,
    ManagerRecord,
    format_time,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
INACTIVE, PENDING, LOCKED = Answer("inactive"), Answer("pending"), Answer("locked")
LEADS = Answer("active", manager=True, swarm_id="swarm")
WORKS = Answer("active")
ELSEWHERE = Answer("active", managers=("10.9.9.9",))
KNOWS_ONE = Answer("active", managers=("10.0.0.1", "10.9.9.9"))
BROKEN = Answer("error")

MANAGERS = tuple(ManagerRecord(f"i-m{n}", f"node{n}", f"10.0.0.{n}", "reachable", n == 1) for n in (1, 2, 3))
READY = ClusterRecord(cluster="demo", state="ready", swarm_id="swarm", owner="i-m1", managers=MANAGERS)
FORMING = ClusterRecord(cluster="demo", owner="i-m1", epoch=3, lease_until=format_time(NOW + timedelta(seconds=60)))
OWN = replace(FORMING, owner="i-me")
FAR = replace(FORMING, lease_until="2099-01-01T00:00:00Z")
OVERDUE = replace(FORMING, lease_until=format_time(NOW - timedelta(seconds=1)))
ALL = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
RUNNING = {"i-m1": "running", "i-m2": "running", "i-m3": "running"}


def view(**changes: t.Any) -> View:
    return replace(View("i-me", "manager", INACTIVE, NOW), **changes)


TABLE: list[tuple[str, View, Do]] = [
    # 1. A member already: nothing but what a restart took away.
    ("a worker in the swarm", view(role="worker", engine=WORKS, record=READY), Do.NOTHING),
    ("a worker in the swarm, record gone", view(role="worker", engine=WORKS), Do.NOTHING),
    ("a worker of another swarm", view(role="worker", engine=ELSEWHERE, record=READY), Do.ALARM),
    ("a worker, record only begun", view(role="worker", engine=ELSEWHERE, record=FORMING), Do.NOTHING),
    ("a worker, managers named by the image", view(engine=ELSEWHERE, record=replace(READY, swarm_id="")), Do.NOTHING),
    ("a worker that knows one manager", view(engine=KNOWS_ONE, record=READY), Do.NOTHING),
    ("a manager in the swarm", view(engine=LEADS, record=READY), Do.NOTHING),
    ("a manager that was demoted by hand", view(engine=WORKS, record=READY), Do.NOTHING),
    ("a manager after a restart", view(engine=LOCKED, record=READY), Do.UNLOCK),
    ("a manager after a restart, record gone", view(engine=LOCKED), Do.UNLOCK),
    ("still joining", view(engine=PENDING, record=READY, answering=ALL), Do.WAIT),
    ("the owner died between init and record", view(engine=LEADS, record=replace(FORMING, owner="i-me")), Do.PUBLISH),
    ("a manager that finds the record deleted", view(engine=LEADS), Do.PUBLISH),
    ("a manager of another swarm", view(engine=LEADS, record=replace(READY, swarm_id="other")), Do.ALARM),
    ("a swarm of one's own while another forms it", view(engine=LEADS, record=FORMING), Do.ALARM),
    # 1b. A member whose state is damaged.
    ("a broken worker", view(role="worker", engine=BROKEN, record=READY, answering=ALL), Do.LEAVE),
    ("a broken worker, nobody answers", view(role="worker", engine=BROKEN, record=READY), Do.WAIT),
    ("a broken manager, others answer", view(engine=BROKEN, record=READY, answering=ALL), Do.LEAVE),
    ("a broken manager, nobody answers", view(engine=BROKEN, record=READY), Do.ALARM),
    # 1c. Power was lost between the forming of the swarm and its publishing, and the key with it.
    ("a17: the key was lost with the power", view(engine=LOCKED, record=OWN, key=Key.ABSENT), Do.LEAVE),
    ("a17: a key of a former cluster", view(engine=LOCKED, record=OWN, key=Key.REFUSED), Do.LEAVE),
    ("a17: the key was published, the record not", view(engine=LOCKED, record=OWN, key=Key.THERE), Do.UNLOCK),
    ("a17: nobody leaves before the key was looked for", view(engine=LOCKED, record=OWN), Do.UNLOCK),
    ("a17: another one forms the swarm", view(engine=LOCKED, record=FORMING, key=Key.ABSENT), Do.UNLOCK),
    ("a17: a formed swarm is never left for its key", view(engine=LOCKED, record=READY, key=Key.ABSENT), Do.UNLOCK),
    ("a17: nor for one that is refused", view(engine=LOCKED, record=READY, key=Key.REFUSED), Do.UNLOCK),
    ("a17: nor when the record is lost", view(engine=LOCKED, key=Key.ABSENT), Do.UNLOCK),
    ("a17: nor when it cannot be read", view(engine=LOCKED, key=Key.ABSENT, unreadable="no JSON."), Do.UNLOCK),
    ("a17: what was only half written is formed anew", view(engine=BROKEN, record=OWN), Do.LEAVE),
    # 1d. Somebody has put something else where the record was.
    ("a manager in the swarm writes a new record", view(engine=LEADS, unreadable="The record is no JSON."), Do.PUBLISH),
    ("a worker in the swarm needs none", view(role="worker", engine=WORKS, unreadable="no JSON."), Do.NOTHING),
    ("a manager outside waits for one", view(unreadable="The record is no JSON."), Do.ALARM),
    ("a worker outside waits for one", view(role="worker", unreadable="The record is no JSON."), Do.ALARM),
    # 2. There is a swarm.
    ("a worker joins", view(role="worker", record=READY, answering=ALL), Do.JOIN),
    ("a manager joins", view(record=READY, answering=ALL, instances=RUNNING), Do.JOIN),
    ("one manager that answers is enough", view(role="worker", record=READY, answering=ALL[2:]), Do.JOIN),
    ("nobody answers", view(role="worker", record=READY), Do.WAIT),
    ("nobody answers a manager", view(record=READY, instances=RUNNING), Do.WAIT),
    (
        "a dead manager has to leave first",
        view(record=READY, answering=ALL[1:], instances={**RUNNING, "i-m1": "terminated"}),
        Do.WAIT,
    ),
    (
        "but not for ever",
        view(
            record=READY,
            answering=ALL[1:],
            instances={**RUNNING, "i-m1": "terminated"},
            waited=DEAD_MANAGER_PATIENCE + 1,
        ),
        Do.JOIN,
    ),
    # 3. There is none.
    ("the first manager", view(), Do.CREATE),
    ("the first worker", view(role="worker"), Do.WAIT),
    ("tokens without a record", view(published=True), Do.ALARM),
    ("the winner forms it", view(record=replace(FORMING, owner="i-me")), Do.INITIALISE),
    ("the winner after a reboot, lease over", view(record=replace(OVERDUE, owner="i-me")), Do.INITIALISE),
    # 4. Another one forms it.
    ("wait for the owner", view(record=FORMING), Do.WAIT),
    ("a worker waits", view(role="worker", record=FORMING), Do.WAIT),
    ("a worker waits, whatever becomes of the owner", view(role="worker", record=OVERDUE), Do.WAIT),
    ("the lease holds although the owner is gone", view(record=FORMING, instances={"i-m1": "terminated"}), Do.WAIT),
    ("the owner is late but runs", view(record=OVERDUE, instances={"i-m1": "running"}), Do.ALARM),
    ("the owner is stopped: it may come back", view(record=OVERDUE, instances={"i-m1": "stopped"}), Do.ALARM),
    ("the owner's state is not known", view(record=OVERDUE), Do.WAIT),
    ("the owner is terminated", view(record=OVERDUE, instances={"i-m1": "terminated"}), Do.CLAIM),
    ("the owner is ending", view(record=OVERDUE, instances={"i-m1": "shutting-down"}), Do.CLAIM),
    ("the owner is forgotten", view(record=OVERDUE, instances={"i-m1": "missing"}), Do.CLAIM),
    ("a lease that is no time has not ended", view(record=replace(OVERDUE, lease_until="soon")), Do.WAIT),
    ("a lease of a wrong clock proves nothing", view(record=FAR, instances={"i-m1": "terminated"}), Do.CLAIM),
    ("nor does it end one that runs", view(record=FAR, instances={"i-m1": "running"}), Do.ALARM),
    # 5. All managers are gone: never a new swarm.
    ("all managers gone", view(record=READY, instances=dict.fromkeys(RUNNING, "terminated")), Do.ALARM),
    ("all managers forgotten", view(record=READY, instances=dict.fromkeys(RUNNING, "missing")), Do.ALARM),
]


@pytest.mark.parametrize(("seen", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_decision(seen: View, expected: Do) -> None:
    action = decide(seen)
    assert (action.do, bool(action.reason)) == (expected, True)


def test_never_initialise_when_a_swarm_is_ready() -> None:
    """Whatever else is true: a ready record rules out all ways to a second swarm."""
    states = [INACTIVE, PENDING, LOCKED, LEADS, WORKS, BROKEN]
    fates = ["running", "stopped", "terminated", "missing"]
    for engine, role, answering, fate, own, waited in itertools.product(
        states, ("manager", "worker"), ((), ALL), fates, ("i-me", "i-m1"), (0.0, 10_000.0)
    ):
        seen = view(
            engine=engine,
            role=role,
            answering=answering,
            instances=dict.fromkeys(RUNNING, fate),
            instance_id=own,
            waited=waited,
            record=READY,
        )
        assert decide(seen).do not in (Do.CREATE, Do.CLAIM, Do.INITIALISE), seen


def test_worker_never_forms_a_swarm() -> None:
    for engine, record in itertools.product([INACTIVE, BROKEN], [None, FORMING, OVERDUE, READY]):
        seen = view(role="worker", engine=engine, record=record, instances=dict.fromkeys(RUNNING, "terminated"))
        assert decide(seen).do in (Do.WAIT, Do.ALARM, Do.LEAVE, Do.JOIN)


def test_only_the_owner_initialises() -> None:
    for record in (FORMING, OVERDUE):
        for fate in ("running", "stopped", "terminated", "missing"):
            assert decide(view(record=record, instances={"i-m1": fate})).do is not Do.INITIALISE


def test_claims_follow_one_another() -> None:
    action = decide(view(record=OVERDUE, instances={"i-m1": "terminated"}))
    assert action.epoch == OVERDUE.epoch + 1


def test_the_newest_claim_counts_before_the_record_says_so() -> None:
    claim = Claim(4, "i-m2", format_time(NOW + timedelta(seconds=30)))
    seen = newest(OVERDUE, claim)
    assert seen is not None
    assert (seen.epoch, seen.owner, seen.lease_until) == (4, "i-m2", claim.lease_until)


@pytest.mark.parametrize("record", [None, READY, replace(FORMING, epoch=5)])
def test_an_old_claim_changes_nothing(record: ClusterRecord | None) -> None:
    assert newest(record, Claim(4, "i-m2", "")) is record
