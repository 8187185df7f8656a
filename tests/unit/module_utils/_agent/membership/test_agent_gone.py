# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is gone: never a Ready node, never by one answer, never many at once; but old halves and ghosts are."""

from __future__ import annotations

import itertools
import time
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.imds import Identity
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership import cloud, join
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.absence import Absences, Patience
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.chores import Chore, plan, record
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.cloud import Membership
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.house import Fate, House, Member
from ansible_collections.apiary.swarm.plugins.module_utils._agent.settings import Settings
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ec2 import Instance

LABELS = {"availability-zone": "eu-west-1a", "instance-type": "t3.small"}


def member(n: int, **changes: t.Any) -> Member:
    """Worker number I(n), Ready on instance i-I(n)."""
    found = Member(
        f"node{n}", f"10.0.0.{n}", "worker", "ready", "active", labels={"instance-id": f"i-{n}", **LABELS},
        created=f"2026-11-20T12:00:{n:02}Z",
    )  # fmt: skip
    return replace(found, **changes)


def manager(n: int, **changes: t.Any) -> Member:
    return replace(member(n), **{"role": "manager", "reachability": "reachable", "leader": n == 1, **changes})


def ghost(name: str, **changes: t.Any) -> Member:
    """A node that got its certificate and was never seen again."""
    found = Member(name, "", "worker", "unknown", "active", created="2026-11-20T12:00:00.5Z")
    return replace(found, **changes)


def house(*members: Member, unknown: t.Collection[int] = (), ended: t.Collection[int] = (), **changes: t.Any) -> House:
    """A house whose instances run, but for those that EC2 does not know or that have ended."""
    numbers = {int(m.labels["instance-id"][2:]) for m in members if "instance-id" in m.labels} - set(unknown)
    instances = {
        f"i-{n}": Instance(f"i-{n}", "terminated" if n in ended else "running", "" if n in ended else f"10.0.0.{n}",
                           "t3.small", "eu-west-1a")
        for n in numbers
    }  # fmt: skip
    return House("i-1", members, instances, **changes)


def steps(found: House) -> list[tuple[str, str]]:
    return [(step.chore.value, step.node_id or step.instance_id) for step in plan(found)]


DOWN: dict[str, t.Any] = {"state": "down"}
LOST = {"state": "down", "reachability": "unreachable"}
LATER = "2026-11-20T13:00:00Z"

# The old half of a manager or worker that left by force and joined again, as its engine never said good-bye.
REJOINED_MANAGER = manager(2, node_id="again", created=LATER)
REJOINED_WORKER = member(4, node_id="again", created=LATER)
TABLE: list[tuple[str, House, list[tuple[str, str]]]] = [
    (
        "a6: the old half of a manager is demoted",
        house(manager(1), manager(2, **LOST), manager(3), REJOINED_MANAGER),
        [("demote", "node2")],
    ),
    (
        "a6: raft may still call it reachable, as the new one answers at its address",
        house(manager(1), manager(2, **DOWN), manager(3), REJOINED_MANAGER),
        [("demote", "node2")],
    ),
    (
        "a6: then removed",
        house(manager(1), member(2, **DOWN), manager(3), REJOINED_MANAGER),
        [("remove", "node2")],
    ),
    (
        "a6: not while the managers that remain cannot decide",
        house(manager(1), manager(2, **LOST), manager(3, **LOST), REJOINED_MANAGER),
        [("warn", "")],
    ),
    (
        "a6: the old half of a worker is removed",
        house(manager(1), member(4, **DOWN), REJOINED_WORKER),
        [("remove", "node4")],
    ),
    (
        "a6: before the new one has its label, its address tells",
        house(manager(1), member(4, **DOWN), replace(REJOINED_WORKER, labels={})),
        [("remove", "node4"), ("label", "again")],
    ),
    (
        "a6: an old half without a label is told by its address",
        house(manager(1), member(4, labels={}, **DOWN), REJOINED_WORKER),
        [("remove", "node4")],
    ),
    (
        "a6: of any state but Ready",
        house(manager(1), member(4, state="unknown"), REJOINED_WORKER),
        [("remove", "node4")],
    ),
    ("a6: the younger one is never the old half", house(manager(1), member(4), replace(REJOINED_WORKER, **DOWN)), []),
    ("a6: two that are Ready are left alone", house(manager(1), member(4), REJOINED_WORKER), []),
    (
        "a6: two that are down are left alone",
        house(manager(1), member(4, **DOWN), replace(REJOINED_WORKER, **DOWN)),
        [],
    ),
    (
        "a6: younger by a fraction of a second",
        house(
            manager(1),
            member(4, created="2026-11-20T12:00:00Z", **DOWN),
            member(4, node_id="again", created="2026-11-20T12:00:00.000000001Z"),
        ),
        [("remove", "node4")],
    ),
    ("a10: a Ready node that EC2 does not know stays", house(manager(1), member(4), unknown=[4]), []),
    (
        "a10: however long it is absent",
        house(manager(1), member(4), unknown=[4], long_absent=["node4"]),
        [],
    ),
    ("a10: a Ready node that EC2 calls terminated stays", house(manager(1), member(4), ended=[4]), []),
    ("a10: one that is down stays after one answer", house(manager(1), member(4, **DOWN), unknown=[4]), []),
    (
        "a10: and goes after many",
        house(manager(1), member(4, **DOWN), unknown=[4], long_absent=["node4"]),
        [("remove", "node4")],
    ),
    (
        "a10: a manager likewise, demoted first",
        house(manager(1), manager(2, **LOST), manager(3), unknown=[2], long_absent=["node2"]),
        [("demote", "node2")],
    ),
    (
        "a10: without label and address known to EC2: after many answers",
        house(manager(1), member(4, labels={}, **DOWN)),
        [],
    ),
    (
        "a10: and then it goes",
        house(manager(1), member(4, labels={}, **DOWN), long_absent=["node4"]),
        [("remove", "node4")],
    ),
    (
        "a10: many at once: hands off",
        house(manager(1), *(member(n, **DOWN) for n in (4, 5, 6)), unknown=[4, 5, 6],
              long_absent=["node4", "node5", "node6"]),
        [("warn", "")],
    ),
    (
        "a10: the brake is for those that are absent; what has ended for sure goes",
        house(manager(1), *(member(n, **DOWN) for n in (4, 5, 6, 7)), unknown=[4, 5, 6], ended=[7],
              long_absent=["node4", "node5", "node6"]),
        [("warn", ""), ("remove", "node7")],
    ),
    (
        "a10: many that have ended for sure are removed",
        house(manager(1), *(member(n, **DOWN) for n in (4, 5, 6)), ended=[4, 5, 6]),
        [("remove", "node4"), ("remove", "node5"), ("remove", "node6")],
    ),
    ("a26: a ghost stays while it may be a slow join", house(manager(1), ghost("x")), []),
    ("a26: a ghost goes", house(manager(1), ghost("x"), long_absent=["x"]), [("remove", "x")]),
    (
        "a26: four ghosts among few are no reason to brake",
        house(manager(1), *(ghost(f"x{n}") for n in range(4)), long_absent=[f"x{n}" for n in range(4)]),
        [("remove", f"x{n}") for n in range(4)],
    ),
    (
        "a26: one that never came into raft is no manager to demote",
        house(manager(1), ghost("x", role="manager"), long_absent=["x"]),
        [("remove", "x")],
    ),
    (
        "a26: nor do such count for the majority",
        house(
            manager(1), manager(2), manager(3, **LOST), *(ghost(f"x{n}", role="manager") for n in range(3)), ended=[3]
        ),
        [("demote", "node3")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("found", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a6_a10_a26_plan(found: House, expected: list[tuple[str, str]]) -> None:
    assert steps(found) == expected


@pytest.mark.parametrize(
    ("member_state", "known", "label", "address", "ready_twin", "long"),
    itertools.product(
        ("ready", "down", "unknown", "disconnected"), ("running", "stopped", "terminated", "missing"),
        (True, False), (True, False), (True, False), (True, False),
    ),
)  # fmt: skip
def test_a10_whatever_is_ready_or_runs_stays(
    member_state: str, known: str, label: bool, address: bool, ready_twin: bool, long: bool
) -> None:
    """All combinations: what is Ready is not gone; what EC2 knows to exist is gone only if it has joined again."""
    one = member(
        4, state=member_state, labels={"instance-id": "i-4"} if label else {}, address="10.0.0.4" if address else ""
    )
    twin = (member(4, node_id="twin", created=LATER),) if ready_twin else ()
    instances = {"i-1": Instance("i-1", "running", "10.0.0.1")}
    if known != "missing":
        instances["i-4"] = Instance("i-4", known, "10.0.0.4")
    found = House("i-1", (manager(1), one, *twin), instances, long_absent=["node4"] if long else [])
    if member_state == "ready":
        assert not found.is_gone(one)
    if known in ("running", "stopped") and (label or address) and not ready_twin:
        assert not found.is_gone(one)
    if not long and (known == "missing" and not ready_twin):
        assert not found.is_gone(one)


def test_a10_the_brake_says_what_to_do() -> None:
    (step,) = plan(
        house(manager(1), *(member(n, **DOWN) for n in (4, 5, 6)), unknown=[4, 5, 6],
              long_absent=["node4", "node5", "node6"])
    )  # fmt: skip
    assert step.chore is Chore.WARN
    for words in ("3 of 4 nodes", "i-4, i-5, i-6", "docker node rm --force", "swarm:cluster"):
        assert words in step.reason


def test_a10_an_answer_that_is_not_believed_removes_nobody() -> None:
    found = replace(house(manager(1), member(4, **DOWN), ended=[4]), instances={})
    assert not found.believed
    assert [step.chore for step in plan(found)] == [Chore.WARN]


def held(found: House, *instance_ids: str) -> House:
    return replace(found, memberships={i: Membership(i, "group", "Terminating:Wait") for i in instance_ids})


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(house(manager(1), member(4, **DOWN), ended=[4]), id="its node is down"),
        pytest.param(house(manager(1), member(4), ended=[4]), id="its node is not down yet"),
        pytest.param(house(manager(1), manager(2), manager(4, **LOST), ended=[4]), id="a manager that is in raft"),
        pytest.param(
            replace(
                house(manager(1)), instances={"i-1": Instance("i-1", "running"), "i-4": Instance("i-4", "terminated")}
            ),
            id="its node is removed",
        ),
        pytest.param(
            replace(
                house(manager(1)),
                instances={"i-1": Instance("i-1", "running"), "i-4": Instance("i-4", "shutting-down")},
            ),
            id="it is shutting down",
        ),
        pytest.param(house(manager(1)), id="EC2 does not know it any more"),
    ],
)
def test_a27_every_hook_of_an_ended_instance_is_completed(found: House) -> None:
    assert ("complete", "i-4") in steps(held(found, "i-4"))


def test_a27_hooks_of_the_old_half_do_not_end_the_new_one() -> None:
    found = held(house(manager(1), member(4, **DOWN), REJOINED_WORKER), "i-4")
    assert steps(found) == [("remove", "node4"), ("drain", "again")]


def test_a26_the_record_holds_no_node_without_an_instance() -> None:
    found = house(
        manager(1), ghost("x"), ghost("y", role="manager"), member(5, labels={}, **DOWN),
        member(6, labels={}, address="10.9.9.9"), member(4, **DOWN), REJOINED_WORKER,
    )  # fmt: skip
    written = record(found, "demo", "swarm", None, "2026-11-20T12:00:00Z")
    assert [(n.instance_id, n.node_id) for n in written.nodes] == [("i-1", "node1"), ("i-4", "again")]
    assert [m.instance_id for m in written.managers] == ["i-1"]


def test_a26_an_instance_stands_in_the_record_once() -> None:
    both_ready = house(manager(1), member(4), REJOINED_WORKER)
    written = record(both_ready, "demo", "swarm", None, "2026-11-20T12:00:00Z")
    assert [(n.instance_id, n.node_id) for n in written.nodes] == [("i-1", "node1"), ("i-4", "again")]


def test_a10_absence_takes_answers_and_time() -> None:
    absences = Absences(Patience(answers=3, seconds=60))
    assert absences.note({"x"}, 0) == frozenset()
    assert absences.note({"x"}, 100) == frozenset(), "time alone is not enough"
    assert absences.note({"x"}, 101) == {"x"}
    assert absences.note(set(), 102) == frozenset()
    assert absences.note({"x"}, 200) == frozenset(), "it was seen, so it begins anew"
    assert [bool(absences.note({"x"}, 200 + n)) for n in range(5)] == [False] * 5, "answers alone are not enough"


def test_a26_a_ghost_takes_longer() -> None:
    absences = Absences(Patience(answers=2, seconds=10, ghost_seconds=100))
    assert absences.note({"x"}, 0, {"g"}) == frozenset()
    assert absences.note({"x"}, 20, {"g"}) == {"x"}
    assert absences.note({"x"}, 100, {"g"}) == {"x", "g"}


def test_absences_remember_only_what_is_missing() -> None:
    absences = Absences()
    for number in range(10_000):
        absences.note({f"node{number}"}, float(number))
    assert len(absences._missing) == 1


def test_a26_fate_of_a_ghost() -> None:
    assert house(manager(1), ghost("x")).fate(ghost("x")) is Fate.GHOST


def test_a10_the_election_takes_nobody_for_gone_by_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns the forming of a swarm and is missing from one answer may have formed it already."""
    answers: list[dict[str, str]] = []
    monkeypatch.setattr(cloud, "states", lambda _client, _ids: answers.pop(0))
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    settings = Settings.from_dict({"cluster": "demo", "region": "eu-west-1", "role": "manager"}, "test")
    nothing: t.Any = None
    joiner = join.Joiner(settings, Identity("i-1", "t3.small", "a", "10.0.0.1"), nothing, lambda _line: None)

    def ask(own: str, owner: str, at: float) -> dict[str, str]:
        clock[0] = at
        answers.append({"i-1": own, "i-9": owner})
        return joiner._states("i-9")

    assert ask("running", "terminated", 0) == {"i-1": "running", "i-9": "terminated"}
    assert ask("missing", "missing", 1) == {}, "an answer without the one that asks is none"
    for at in (2, 3, 4):
        assert ask("running", "missing", at) == {"i-1": "running"}
    assert ask("running", "pending", 5) == {"i-1": "running", "i-9": "pending"}
    assert ask("running", "missing", 70) == {"i-1": "running"}, "it was seen, so it begins anew"
    assert ask("running", "missing", 100) == {"i-1": "running"}
    assert ask("running", "missing", 140) == {"i-1": "running", "i-9": "missing"}
