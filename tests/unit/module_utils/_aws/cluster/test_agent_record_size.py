# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a large cluster still fits into a parameter."""

from __future__ import annotations

import random

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import (
    LARGEST,
    ClusterRecord,
    ManagerRecord,
    NodeRecord,
    RecordError,
    parse_record,
)


def cluster(nodes: int) -> ClusterRecord:
    """A record with ids as random as AWS's and Docker's are."""
    chance = random.Random(nodes)
    ids = ["".join(chance.choices("0123456789abcdef", k=17)) for dummy in range(nodes)]
    names = ["".join(chance.choices("0123456789abcdefghijklmnopqrstuvwxyz", k=25)) for dummy in range(nodes)]
    return ClusterRecord(
        cluster="a-cluster-with-quite-a-long-name",
        state="ready",
        swarm_id="x" * 25,
        managers=tuple(
            ManagerRecord(f"i-{ids[n]}", names[n], f"10.20.0.{n}", "reachable") for n in range(min(5, nodes))
        ),
        nodes=tuple(NodeRecord(f"i-{ids[n]}", names[n], f"10.20.1.{n}", "worker", "ready") for n in range(nodes)),
    )


@pytest.mark.parametrize(("nodes", "readable"), [(1, True), (15, True), (30, False), (75, False)])
def test_record_fits_and_comes_back(nodes: int, readable: bool) -> None:
    record = cluster(nodes)
    text = record.to_json()
    assert len(text) <= LARGEST
    assert ("a-cluster" in text) == readable
    assert parse_record(text) == record


@pytest.mark.parametrize("packed", ["", "AAAA", "no base64", None, 7])
def test_damaged_record(packed: object) -> None:
    with pytest.raises(RecordError):
        parse_record('{"schema": 1, "packed": %s}' % ("null" if packed is None else repr(packed).replace("'", '"')))
