# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bake at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import format_time
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import lock as bake_lock

NAME = "/swarm/demo/bake-lock"


class ParameterStore:
    """The few calls of SSM that the lock makes."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.meta = type("Meta", (), {"region_name": "eu-west-1"})

    def get_parameter(self, Name: str, WithDecryption: bool) -> dict[str, Any]:
        if Name not in self.values:
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": ""}}, "GetParameter")
        return {"Parameter": {"Value": self.values[Name], "Version": 1}}

    def put_parameter(self, Name: str, Value: str, Overwrite: bool, **settings: str) -> dict[str, Any]:
        if Name in self.values and not Overwrite:
            raise ClientError({"Error": {"Code": "ParameterAlreadyExists", "Message": ""}}, "PutParameter")
        self.values[Name] = Value
        return {"Version": 1}

    def delete_parameter(self, Name: str) -> None:
        del self.values[Name]


@pytest.fixture
def store() -> ParameterStore:
    return ParameterStore()


def held_since(seconds: float) -> str:
    """Return a stored lock of somebody else that is *seconds* old."""
    since = format_time(datetime.now(UTC) - timedelta(seconds=seconds))
    return bake_lock.Lock("other@ci", "theirs", since).to_json()


def test_a_free_lock_is_taken(store: ParameterStore) -> None:
    assert bake_lock.acquire(store, "demo", "me", "mine", 60).token == "mine"
    assert bake_lock.parse_lock(store.values[NAME]).owner == "me"


def test_the_second_one_is_told_who_holds_it(store: ParameterStore) -> None:
    store.values[NAME] = held_since(10)
    held = bake_lock.acquire(store, "demo", "me", "mine", 60)
    assert (held.owner, held.token) == ("other@ci", "theirs")


def test_taking_it_twice_is_no_error(store: ParameterStore) -> None:
    bake_lock.acquire(store, "demo", "me", "mine", 60)
    assert bake_lock.acquire(store, "demo", "me", "mine", 60).token == "mine"


@pytest.mark.parametrize("left", [held_since(3600), "no JSON", "{}"], ids=["old", "no-json", "empty"])
def test_an_old_or_broken_lock_is_taken_over(store: ParameterStore, left: str) -> None:
    store.values[NAME] = left
    assert bake_lock.acquire(store, "demo", "me", "mine", 60, sleep=lambda seconds: None).token == "mine"


def test_of_two_that_take_over_the_last_one_wins(store: ParameterStore) -> None:
    store.values[NAME] = held_since(3600)

    def another_takes_over(seconds: float) -> None:
        store.values[NAME] = held_since(0)

    assert bake_lock.acquire(store, "demo", "me", "mine", 60, sleep=another_takes_over).token == "theirs"


def test_only_the_holder_gives_it_back(store: ParameterStore) -> None:
    store.values[NAME] = held_since(10)
    assert not bake_lock.release(store, "demo", "mine")
    assert bake_lock.release(store, "demo", "theirs")
    assert NAME not in store.values
    assert not bake_lock.release(store, "demo", "theirs")
