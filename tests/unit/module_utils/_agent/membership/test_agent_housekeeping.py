# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Housekeeping as a decision table: quorum before everything, and nothing on a doubtful answer."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.chores import Chore, plan, record
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.cloud import Membership
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.house import House, Member
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ec2 import Instance


def manager(n: int, **changes: t.Any) -> Member:
    labels = {"instance-id": f"i-{n}", "availability-zone": "eu-west-1a", "instance-type": "t3.small"}
    member = Member(f"node{n}", f"10.0.0.{n}", "manager", "ready", "active", "reachable", n == 1, labels)
    return replace(member, **changes)


def worker(n: int, **changes: t.Any) -> Member:
    return replace(manager(n, role="worker", reachability="", leader=False), **changes)


def house(*members: Member, gone: t.Collection[str] = (), held: t.Collection[str] = (), **states: str) -> House:
    """A house whose instances run, but for those I(gone); Auto Scaling holds those I(held)."""
    ids = {f"i-{member.address.rpartition('.')[2]}": member.address for member in members}
    instances = {
        name: Instance(name, "terminated" if name in gone else "running", address, "t3.small", "eu-west-1a")
        for name, address in ids.items()
    }
    return House("i-1", members, instances, {name: Membership(name, "group", "Terminating:Wait") for name in held})


def steps(found: House) -> list[tuple[str, str]]:
    return [(step.chore.value, step.node_id or step.instance_id) for step in plan(found)]


UNREACHABLE = {"reachability": "unreachable", "state": "down"}
TABLE: list[tuple[str, House, list[tuple[str, str]]]] = [
    ("all is well", house(manager(1), manager(2), manager(3), worker(4)), []),
    ("a dead worker is removed", house(manager(1), worker(4, state="down"), gone=["i-4"]), [("remove", "node4")]),
    (
        "a worker whose engine is down, but not its instance, stays",
        house(manager(1), worker(4, state="down")),
        [],
    ),
    (
        "a dead manager is demoted first",
        house(manager(1), manager(2), manager(3, **UNREACHABLE), gone=["i-3"]),
        [("demote", "node3")],
    ),
    (
        "a demoted one that is still in raft waits",
        house(manager(1), manager(2), worker(3, reachability="unreachable", state="down"), gone=["i-3"]),
        [],
    ),
    (
        "and is removed once it is out of raft",
        house(manager(1), manager(2), worker(3, state="down"), gone=["i-3"]),
        [("remove", "node3")],
    ),
    (
        "two dead of five: one at a time",
        house(*(manager(n) for n in (1, 2, 3)), *(manager(n, **UNREACHABLE) for n in (4, 5)), gone=["i-4", "i-5"]),
        [("demote", "node4")],
    ),
    (
        "two dead of three: no majority, hands off",
        house(manager(1), manager(2, **UNREACHABLE), manager(3, **UNREACHABLE), gone=["i-2", "i-3"]),
        [("warn", "")],
    ),
    (
        "an unlabelled node gets its labels",
        house(manager(1), worker(4, labels={})),
        [("label", "node4")],
    ),
    (
        "a node that died before it got its labels is removed",
        house(manager(1), worker(4, labels={}, state="down"), gone=["i-4"]),
        [("remove", "node4")],
    ),
    (
        "a held instance is drained",
        house(manager(1), worker(4), held=["i-4"]),
        [("drain", "node4")],
    ),
    (
        "a drained one that works on is left alone",
        house(manager(1), worker(4, availability="drain"), held=["i-4"]),
        [],
    ),
    (
        "one that has left may end",
        house(manager(1), worker(4, availability="drain", state="down"), held=["i-4"]),
        [("complete", "i-4"), ("remove", "node4")],
    ),
    (
        "one that never joined may end",
        house(manager(1), held=["i-9"]),
        [("complete", "i-9")],
    ),
    (
        "a manager that has not handed over yet may not",
        house(manager(1), manager(2), manager(3, availability="drain", state="down"), held=["i-3"]),
        [],
    ),
    (
        "the last manager ends",
        house(manager(1), held=["i-1"]),
        [("complete", "i-1")],
    ),
    (
        "but after all others",
        house(manager(1), worker(4), held=["i-1", "i-4"]),
        [("drain", "node4")],
    ),
]


@pytest.mark.parametrize(("found", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_plan(found: House, expected: list[tuple[str, str]]) -> None:
    assert steps(found) == expected


def test_an_answer_without_oneself_is_no_answer() -> None:
    found = replace(house(manager(1), worker(4)), instances={})
    assert steps(found) == [("warn", "")]


def test_a_new_instance_at_a_dead_ones_address_saves_nobody() -> None:
    """The address went to a new instance; the dead node is known by its label."""
    dead, fresh = worker(4, state="down"), worker(5, address="10.0.0.4", labels={})
    found = House(
        "i-1",
        (manager(1), dead, fresh),
        {
            "i-1": Instance("i-1", "running", "10.0.0.1", "t3.small", "eu-west-1a"),
            "i-4": Instance("i-4", "terminated", ""),
            "i-5": Instance("i-5", "running", "10.0.0.4", "t3.small", "eu-west-1a"),
        },
    )
    assert steps(found) == [("remove", "node4"), ("label", "node5")]
    assert next(step for step in plan(found) if step.chore is Chore.LABEL).labels["instance-id"] == "i-5"


def test_member_of_an_engine_node() -> None:
    node = {
        "ID": "n1",
        "Spec": {"Role": "manager", "Availability": "active", "Labels": {"a": "b"}},
        "Status": {"State": "ready", "Addr": "0.0.0.0"},
        "ManagerStatus": {"Leader": True, "Reachability": "reachable", "Addr": "10.0.0.1:2377"},
    }
    assert Member.from_engine(node) == Member(
        "n1", "10.0.0.1", "manager", "ready", "active", "reachable", True, {"a": "b"}
    )


def test_record_leaves_out_the_dead() -> None:
    found = house(manager(1), manager(2), worker(4, state="down"), gone=["i-4"])
    written = record(found, "demo", "swarm", None, "2026-11-20T12:00:00Z")
    assert [m.instance_id for m in written.managers] == ["i-1", "i-2"]
    assert [n.instance_id for n in written.nodes] == ["i-1", "i-2"]
    assert (written.leader, written.state, written.owner) == ("i-1", "ready", "i-1")
