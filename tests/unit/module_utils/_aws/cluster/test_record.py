# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a cluster: round trip, age, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import (
    ClusterRecord,
    ManagerRecord,
    NodeRecord,
    RecordError,
    format_time,
    parameter_name,
    parse_record,
    parse_time,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_round_trip() -> None:
    """What is written is read."""
    record = ClusterRecord(
        cluster="demo",
        state="ready",
        swarm_id="s",
        epoch=3,
        owner="i-1",
        lease_until=format_time(NOW),
        updated_at=format_time(NOW),
        leader="i-1",
        managers=(ManagerRecord("i-1", "n1", "10.0.0.1", "reachable", True),),
        nodes=(NodeRecord("i-1", "n1", "10.0.0.1", "manager", "ready", "active"),),
    )
    assert parse_record(record.to_json()) == record
    assert json.loads(record.to_json())["schema"] == 1
    assert parameter_name("demo") == "/swarm/demo/managers"


def test_unknown_and_missing_fields() -> None:
    """A newer agent may add fields; an initialising cluster has few."""
    record = parse_record('{"schema": 1, "cluster": "demo", "new": 1, "managers": [{"instance_id": "i", "x": 1}]}')
    assert record.state == "initialising"
    assert record.managers == (ManagerRecord("i"),)
    assert record.nodes == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "1",
        "{}",
        '{"schema": 2}',
        '{"schema": 1}',
        '{"schema": 1, "cluster": "d", "epoch": "x"}',
        '{"schema": 1, "cluster": "d", "managers": 5}',
        '{"schema": 1, "cluster": "d", "nodes": [{}]}',
        '{"schema": 1, "cluster": "d", "nodes": ["i"]}',
    ],
)
def test_refused(text: str) -> None:
    """What no agent wrote."""
    with pytest.raises(RecordError, match="The cluster's record"):
        parse_record(text)


def test_age() -> None:
    """Seconds since the update; a clock that is behind gives none below zero."""
    record = ClusterRecord(cluster="demo", updated_at=format_time(NOW - timedelta(seconds=90)))
    assert record.age(NOW) == 90
    assert not record.is_stale(NOW, after=100)
    assert record.is_stale(NOW, after=80)
    assert record.age(NOW - timedelta(hours=1)) == 0
    assert ClusterRecord(cluster="demo").is_stale(NOW)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", NOW),
        ("2026-01-02T04:04:05+01:00", NOW),
        ("2026-01-02T03:04:05", NOW),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times(text: str, moment: datetime | None) -> None:
    """ISO 8601 in UTC, with an offset, without."""
    assert parse_time(text) == moment


def test_a10_a_record_from_the_future_is_not_young() -> None:
    """A leader whose clock ran ahead has died since: its record would be believed until that day."""
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    ahead = ClusterRecord(cluster="demo", updated_at="2026-01-01T12:04:00Z")
    assert not ahead.is_stale(now)
    far = ClusterRecord(cluster="demo", updated_at="2027-01-01T12:00:00Z")
    assert far.is_stale(now)
