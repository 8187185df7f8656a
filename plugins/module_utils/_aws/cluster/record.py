# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record that the agents keep in SSM: who manages a cluster, who leads, how each node is.

Pure: the agent writes the record, the inventory and others read it, all through these classes.
"""

from __future__ import annotations

import base64
import json
import typing as t
import zlib
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone

from ..._errors import SwarmError

SCHEMA = 1
"""Version of the record's form; a reader refuses a newer one."""

LARGEST = 4096
"""Characters of a parameter of SSM's standard tier."""

STALE_AFTER = 300.0
"""Seconds after which a record says nothing reliable any more; the leader renews it every minute."""


class RecordError(SwarmError):
    """The record is not what an agent of this collection writes."""


class NewerRecord(RecordError):
    """A newer release of this collection wrote the record."""


def parameter_name(cluster: str) -> str:
    """Return the name of the SSM parameter that holds the record of *cluster*."""
    return f"/swarm/{cluster}/managers"


@dataclass(frozen=True)
class ManagerRecord:
    """One manager as the leader sees it."""

    instance_id: str
    node_id: str = ""
    ip: str = ""
    reachability: str = "unknown"
    leader: bool = False


@dataclass(frozen=True)
class NodeRecord:
    """One node (managers too) as the leader sees it."""

    instance_id: str
    node_id: str = ""
    ip: str = ""
    role: str = "worker"
    state: str = "unknown"
    availability: str = "active"


@dataclass(frozen=True)
class ClusterRecord:
    """What a cluster says about itself. Times are UTC, ISO 8601, ``""`` when unknown."""

    cluster: str
    state: str = "initialising"
    swarm_id: str = ""
    epoch: int = 1
    owner: str = ""
    lease_until: str = ""
    updated_at: str = ""
    leader: str = ""
    managers: tuple[ManagerRecord, ...] = field(default=())
    nodes: tuple[NodeRecord, ...] = field(default=())

    def age(self, now: datetime) -> float | None:
        """Return the seconds since the last update at *now* (aware), or ``None`` when no time is recorded."""
        updated = parse_time(self.updated_at)
        return None if updated is None else max(0.0, (now - updated).total_seconds())

    def is_stale(self, now: datetime, after: float = STALE_AFTER) -> bool:
        """Tell whether the record is older than *after* seconds at *now*, or of unknown age.

        A time that lies further ahead than that is none: a clock was wrong, and the record would be young until then.
        """
        updated = parse_time(self.updated_at)
        return updated is None or abs((now - updated).total_seconds()) > after

    def to_json(self) -> str:
        """Return the record as it is stored: readable while it fits into a standard parameter, packed when it does not.

        About 20 nodes fit as they are, about 80 packed.
        """
        text = json.dumps({"schema": SCHEMA, **asdict(self)}, separators=(",", ":"), sort_keys=True)
        if len(text) <= LARGEST:
            return text
        packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")
        return json.dumps({"schema": SCHEMA, "packed": packed}, separators=(",", ":"), sort_keys=True)


def parse_time(text: str) -> datetime | None:
    """Return *text*, ISO 8601 with ``Z`` or an offset, as an aware time in UTC; ``None`` when it is no time."""
    try:
        # fromisoformat takes "Z" only since Python 3.11.
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, AttributeError):
        return None
    return parsed.astimezone(timezone.utc) if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


def format_time(moment: datetime) -> str:
    """Return *moment* (aware) as the record stores it: UTC, whole seconds, ``Z``."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_record(text: str) -> ClusterRecord:
    """Read a stored record; unknown fields are ignored, so that a newer agent may add some.

    :raises RecordError: if *text* is no record.
    :raises NewerRecord: if it is one of a newer schema.
    """
    try:
        data = json.loads(text)
        if isinstance(data, dict) and "packed" in data:
            data = json.loads(zlib.decompress(base64.b64decode(data["packed"], validate=True)))
    except (ValueError, TypeError, RecursionError, zlib.error) as exc:
        raise RecordError(f"The cluster's record is not JSON: {exc}.") from exc
    if not isinstance(data, dict):
        raise RecordError("The cluster's record is not a JSON object.")
    schema = data.get("schema")
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        raise (NewerRecord if newer else RecordError)(
            f"The cluster's record has schema {schema!r}; this version reads {SCHEMA}."
        )
    try:
        return ClusterRecord(
            cluster=str(data["cluster"]),
            state=str(data.get("state") or "initialising"),
            swarm_id=str(data.get("swarm_id") or ""),
            epoch=int(data.get("epoch") or 1),
            owner=str(data.get("owner") or ""),
            lease_until=str(data.get("lease_until") or ""),
            updated_at=str(data.get("updated_at") or ""),
            leader=str(data.get("leader") or ""),
            managers=tuple(_manager(item) for item in data.get("managers") or ()),
            nodes=tuple(_node(item) for item in data.get("nodes") or ()),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as exc:
        raise RecordError(f"The cluster's record has a wrong form: {exc!r}.") from exc


def _manager(item: t.Mapping[str, t.Any]) -> ManagerRecord:
    return ManagerRecord(
        instance_id=str(item["instance_id"]),
        node_id=str(item.get("node_id") or ""),
        ip=str(item.get("ip") or ""),
        reachability=str(item.get("reachability") or "unknown"),
        leader=bool(item.get("leader")),
    )


def _node(item: t.Mapping[str, t.Any]) -> NodeRecord:
    return NodeRecord(
        instance_id=str(item["instance_id"]),
        node_id=str(item.get("node_id") or ""),
        ip=str(item.get("ip") or ""),
        role=str(item.get("role") or "worker"),
        state=str(item.get("state") or "unknown"),
        availability=str(item.get("availability") or "active"),
    )
