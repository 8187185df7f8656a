# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster's shared memory: its parameters in SSM.

SSM has no conditional update, but creating a parameter without C(Overwrite) is atomic: exactly one of several callers
succeeds. So everything that only one node may win is a creation: the record itself for the first epoch, and
C(<prefix>/claim/<epoch>) for each later one. A claim is never changed or deleted while the swarm is being formed, hence
an owner's slow write can at worst put back older *text* of the record, never an older right to initialise.
"""

from __future__ import annotations

import json
import typing as t
from datetime import datetime

from ..._aws.cluster.record import ClusterRecord, RecordError, format_time, parameter_name, parse_record
from ..._aws.ssm import create_parameter, get_parameter, put_parameter
from .election import LEASE, Claim, newest


class Store:
    """Parameters of one cluster.

    :param client: botocore client of SSM.
    """

    def __init__(self, client: t.Any, cluster: str) -> None:
        self._client = client
        self._cluster = cluster
        self._prefix = f"/swarm/{cluster}"

    def record(self, with_claims: bool) -> ClusterRecord | None:
        """Return the record, or None when there is none.

        :param with_claims: apply the newest claim while no swarm is ready (workers may not read claims).
        :raises RecordError: there is something, but it is no record, or no claim.
        """
        found = get_parameter(self._client, parameter_name(self._cluster))
        record = parse_record(found.value) if found else None
        while with_claims and record is not None and record.state != "ready":
            claim = self._claim(record.epoch + 1)
            if claim is None:
                break
            record = newest(record, claim)
        return record

    def create_record(self, owner: str, now: datetime) -> bool:
        """Create the record of the first epoch and tell whether this caller did it."""
        return create_parameter(self._client, parameter_name(self._cluster), self._initial(1, owner, now).to_json())

    def claim(self, epoch: int, owner: str, now: datetime) -> bool:
        """Claim a later epoch and tell whether this caller got it; the winner rewrites the record."""
        lease = format_time(now + LEASE)
        body = json.dumps({"epoch": epoch, "owner": owner, "lease_until": lease}, separators=(",", ":"))
        if not create_parameter(self._client, f"{self._prefix}/claim/{epoch}", body):
            return False
        self.write_record(self._initial(epoch, owner, now))
        return True

    def write_record(self, record: ClusterRecord) -> None:
        """Replace the record."""
        put_parameter(self._client, parameter_name(self._cluster), record.to_json())

    def token(self, role: str) -> str:
        """Return the join token for *role*, C("") when there is none yet."""
        return self._secret(f"token/{role}")

    def unlock_key(self) -> str:
        """Return the key that unlocks managers, C("") when there is none."""
        return self._secret("unlock")

    def publish(self, tokens: t.Mapping[str, str], unlock_key: str) -> list[str]:
        """Write tokens (role → token) and the unlock key where they differ; return what was written."""
        wanted = {**{f"token/{role}": token for role, token in tokens.items()}, "unlock": unlock_key}
        written = []
        for path, value in wanted.items():
            if value and self._secret(path) != value:
                put_parameter(self._client, f"{self._prefix}/{path}", value, secure=True)
                written.append(path)
        return written

    def _secret(self, path: str) -> str:
        found = get_parameter(self._client, f"{self._prefix}/{path}")
        return found.value if found else ""

    def _claim(self, epoch: int) -> Claim | None:
        found = get_parameter(self._client, f"{self._prefix}/claim/{epoch}")
        if found is None:
            return None
        try:
            raw = json.loads(found.value)
            return Claim(epoch=int(raw["epoch"]), owner=str(raw["owner"]), lease_until=str(raw["lease_until"]))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as exc:
            raise RecordError(
                f"The parameter {found.name} is no claim ({exc!r}); who forms the swarm cannot be seen: if no swarm "
                "exists, delete it."
            ) from exc

    def _initial(self, epoch: int, owner: str, now: datetime) -> ClusterRecord:
        return ClusterRecord(
            cluster=self._cluster,
            epoch=epoch,
            owner=owner,
            lease_until=format_time(now + LEASE),
            updated_at=format_time(now),
        )
