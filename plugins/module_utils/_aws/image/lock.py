# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock in SSM that one bake of a cluster holds at a time."""

from __future__ import annotations

import json
import time
import typing as t
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from ..cluster.record import format_time, parse_time
from ..ssm import create_parameter, delete_parameter, get_parameter, put_parameter

SETTLE = 2.0
"""Seconds after which, of several that took over the same old lock, the last one is sure to be seen by all."""


@dataclass(frozen=True)
class Lock:
    """Who holds the lock, and since when.

    :ivar token: tells one run from another of the same owner.
    """

    owner: str
    token: str
    since: str

    def age(self, now: datetime) -> float:
        """Return the seconds since it was taken; infinite when that is not known."""
        since = parse_time(self.since)
        return float("inf") if since is None else max(0.0, (now - since).total_seconds())

    def to_json(self) -> str:
        """Return the lock as it is stored."""
        return json.dumps(asdict(self), sort_keys=True)


def parameter_name(cluster: str) -> str:
    """Return the name of the SSM parameter that is the lock of *cluster*."""
    return f"/swarm/{cluster}/bake-lock"


def parse_lock(text: str) -> Lock:
    """Read a stored lock; one that cannot be read belongs to nobody known and is infinitely old."""
    try:
        data = json.loads(text)
        return Lock(str(data["owner"]), str(data["token"]), str(data["since"]))
    except (ValueError, KeyError, TypeError):
        return Lock("an unknown user", "", "")


def acquire(
    client: t.Any,
    cluster: str,
    owner: str,
    token: str,
    max_age: float,
    sleep: t.Callable[[float], None] = time.sleep,
) -> Lock:
    """Take the lock if it is free, ours already, or older than *max_age* seconds; return who holds it afterwards."""
    name = parameter_name(cluster)
    now = datetime.now(timezone.utc)
    mine = Lock(owner, token, format_time(now))
    while True:
        if create_parameter(client, name, mine.to_json()):
            return mine
        stored = get_parameter(client, name)
        if stored is None:  # released in between
            continue
        held = parse_lock(stored.value)
        if held.token == token or held.age(now) <= max_age:
            return held
        # SSM has no conditional write: the last of those who take over wins, and all look once more.
        put_parameter(client, name, mine.to_json())
        sleep(SETTLE)
        stored = get_parameter(client, name)
        if stored is not None:
            return parse_lock(stored.value)


def release(client: t.Any, cluster: str, token: str) -> bool:
    """Give the lock back if *token* holds it, and tell whether it did."""
    stored = get_parameter(client, parameter_name(cluster))
    if stored is None or parse_lock(stored.value).token != token:
        return False
    return delete_parameter(client, parameter_name(cluster))
