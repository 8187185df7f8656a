# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's parameters, on a store that creates as SSM does: exactly one of several callers succeeds."""

from __future__ import annotations

import threading
import typing as t
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.election import Answer, Do, View, decide
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.store import Store
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import parse_record

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)


class Parameters:
    """An SSM client that keeps parameters in memory."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, t.Any]] = {}
        self.writes: list[str] = []
        self.meta = type("meta", (), {"region_name": "eu-west-1"})
        self._lock = threading.Lock()

    def get_parameter(self, Name: str, WithDecryption: bool) -> dict[str, t.Any]:
        if Name not in self.values:
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": ""}}, "GetParameter")
        return {"Parameter": {**self.values[Name], "Version": 1}}

    def put_parameter(self, Name: str, Value: str, Type: str, Overwrite: bool, **dummy: t.Any) -> dict[str, t.Any]:
        with self._lock:
            if Name in self.values and not Overwrite:
                raise ClientError({"Error": {"Code": "ParameterAlreadyExists", "Message": ""}}, "PutParameter")
            self.values[Name] = {"Value": Value, "Type": Type}
            self.writes.append(Name)
            return {"Version": 1}


@pytest.fixture
def ssm() -> Parameters:
    return Parameters()


def test_one_of_many_creates_the_record(ssm: Parameters) -> None:
    won: list[str] = []

    def attempt(name: str) -> None:
        if Store(ssm, "demo").create_record(name, NOW):
            won.append(name)

    threads = [threading.Thread(target=attempt, args=(f"i-{n}",)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record = Store(ssm, "demo").record(with_claims=True)
    assert record is not None
    assert won == [record.owner]
    assert (record.state, record.epoch) == ("initialising", 1)


def test_take_over_after_take_over(ssm: Parameters) -> None:
    store = Store(ssm, "demo")
    store.create_record("i-1", NOW)
    assert store.claim(2, "i-2", NOW)
    assert not store.claim(2, "i-3", NOW), "an epoch is claimed once"
    assert store.claim(3, "i-3", NOW)
    record = store.record(with_claims=True)
    assert record is not None
    assert (record.epoch, record.owner) == (3, "i-3")


def test_a_claim_counts_although_its_owner_died_before_it_rewrote_the_record(ssm: Parameters) -> None:
    store = Store(ssm, "demo")
    store.create_record("i-1", NOW)
    before = ssm.values["/swarm/demo/managers"]
    store.claim(2, "i-2", NOW)
    ssm.values["/swarm/demo/managers"] = before
    record = store.record(with_claims=True)
    assert record is not None
    assert (record.epoch, record.owner) == (2, "i-2")
    # i-2 is gone too: the next in line claims the epoch after, not the one that was claimed.
    seen = View("i-3", "manager", Answer("inactive"), LATER, record, instances={"i-2": "terminated"})
    assert (decide(seen).do, decide(seen).epoch) == (Do.CLAIM, 3)


def test_workers_read_no_claims(ssm: Parameters) -> None:
    store = Store(ssm, "demo")
    store.create_record("i-1", NOW)
    store.claim(2, "i-2", NOW)
    store.write_record(replace(parse_record(ssm.values["/swarm/demo/managers"]["Value"]), epoch=1, owner="i-1"))
    record = store.record(with_claims=False)
    assert record is not None
    assert record.owner == "i-1"


def test_a_ready_record_is_not_changed_by_claims(ssm: Parameters) -> None:
    store = Store(ssm, "demo")
    store.create_record("i-1", NOW)
    store.claim(2, "i-2", NOW)
    ready = replace(parse_record(ssm.values["/swarm/demo/managers"]["Value"]), epoch=1, owner="i-1", state="ready")
    store.write_record(ready)
    assert store.record(with_claims=True) == ready


def test_publish_writes_what_differs_encrypted(ssm: Parameters) -> None:
    store = Store(ssm, "demo")
    tokens = {"worker": "W", "manager": "M"}
    assert store.publish(tokens, "K") == ["token/worker", "token/manager", "unlock"]
    assert store.publish(tokens, "K") == []
    assert store.publish({**tokens, "worker": "W2"}, "") == ["token/worker"]
    assert {entry["Type"] for entry in ssm.values.values()} == {"SecureString"}
    assert (store.token("worker"), store.token("manager"), store.unlock_key()) == ("W2", "M", "K")


def test_nothing_there(ssm: Parameters) -> None:
    store = Store(ssm, "demo")
    assert (store.record(with_claims=True), store.token("worker"), store.unlock_key()) == (None, "", "")
