# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster has formed when everything that its groups want is a Ready node."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.formation import Group, assess
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import (
    ClusterRecord,
    ManagerRecord,
    NodeRecord,
    format_time,
)
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ec2 import Instance


def machine(instance_id: str, role: str, group: str, zone: str, address: str) -> Instance:
    tags = {"swarm:role": role, "aws:autoscaling:groupName": group}
    return Instance(instance_id, "running", address, availability_zone=zone, tags=tags)


NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GROUPS = [Group("m1", "manager", 1, slot="1"), Group("w", "worker", 2)]
MACHINES = [
    machine("i-w2", "worker", "w", "eu-west-1b", "10.20.192.10"),
    machine("i-w1", "worker", "w", "eu-west-1b", "10.20.192.9"),
    machine("i-m1", "manager", "m1", "eu-west-1a", "10.20.160.4"),
]
RECORD = ClusterRecord(
    cluster="demo",
    state="ready",
    updated_at=format_time(NOW - timedelta(seconds=20)),
    leader="i-m1",
    managers=(ManagerRecord("i-m1", ip="10.20.160.4", reachability="reachable", leader=True),),
    nodes=(
        NodeRecord("i-m1", role="manager", state="ready"),
        NodeRecord("i-w1", state="ready"),
        NodeRecord("i-w2", state="ready"),
    ),
)


def node_of(record: ClusterRecord, instance_id: str, **changes: str) -> ClusterRecord:
    """Return *record* with one node changed."""
    nodes = (replace(node, **changes) if node.instance_id == instance_id else node for node in record.nodes)
    return replace(record, nodes=tuple(nodes))


def test_formed() -> None:
    formation = assess(GROUPS, MACHINES, RECORD, NOW)
    assert formation.formed
    assert formation.expected == 3
    assert [node.instance_id for node in formation.nodes] == ["i-m1", "i-w1", "i-w2"]
    assert [node.leader for node in formation.nodes] == [True, False, False]


def test_no_record_yet() -> None:
    formation = assess(GROUPS, MACHINES, None, NOW)
    assert not formation.formed
    assert formation.missing[0] == "no manager has published the cluster's record yet"
    assert {node.state for node in formation.nodes} == {"unknown"}


def test_an_old_record_proves_nothing() -> None:
    formation = assess(GROUPS, MACHINES, RECORD, NOW + timedelta(hours=1))
    assert "last renewed at 2026-11-20T11:59:40Z" in formation.missing[0]
    assert {node.state for node in formation.nodes} == {"unknown"}


def test_a_group_without_its_instances() -> None:
    formation = assess([*GROUPS, Group("m2", "manager", 1, slot="2")], MACHINES, RECORD, NOW)
    assert formation.missing == ("manager slot 2 has 0 of 1 instances",)


def test_a30_a_group_that_shrinks_has_not_formed_until_the_last_one_has_left() -> None:
    """Whatever leaves runs on until it is drained, as a Ready node or not."""
    groups = [GROUPS[0], replace(GROUPS[1], desired=1)]
    draining = node_of(RECORD, "i-w2", availability="drain")
    for record in (RECORD, draining):
        formation = assess(groups, MACHINES, record, NOW)
        assert formation.missing == ("worker group has 2 instances instead of 1: 1 leaves",)
    assert assess(groups, MACHINES[1:], RECORD, NOW).formed


def test_a_node_of_a_dead_machine_is_not_counted() -> None:
    formation = assess(GROUPS, MACHINES[:1] + MACHINES[2:], RECORD, NOW)
    assert formation.missing == ("worker group has 1 of 2 instances",)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (
            replace(RECORD, nodes=RECORD.nodes[:2]),
            "worker i-w2 (10.20.192.10, eu-west-1b) has not joined the swarm",
        ),
        (node_of(RECORD, "i-w1", state="down"), "worker i-w1 (10.20.192.9, eu-west-1b) is down in the swarm"),
        (node_of(RECORD, "i-m1", role="worker"), "manager i-m1 (10.20.160.4, eu-west-1a) has joined as a worker"),
        (
            replace(RECORD, managers=(replace(RECORD.managers[0], reachability="unreachable"),)),
            "manager i-m1 (10.20.160.4, eu-west-1a) is unreachable as a manager",
        ),
        (replace(RECORD, managers=()), "manager i-m1 (10.20.160.4, eu-west-1a) is unknown as a manager"),
    ],
)
def test_what_is_missing_is_said(record: ClusterRecord, reason: str) -> None:
    assert assess(GROUPS, MACHINES, record, NOW).missing == (reason,)


def test_a_machine_that_boots() -> None:
    machines = [replace(MACHINES[0], state="pending"), *MACHINES[1:]]
    assert assess(GROUPS, machines, RECORD, NOW).missing == ("worker i-w2 (10.20.192.10, eu-west-1b) is pending",)


def test_a_drained_node_is_ready_all_the_same() -> None:
    assert assess(GROUPS, MACHINES, node_of(RECORD, "i-w1", availability="drain"), NOW).formed
