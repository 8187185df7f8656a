# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of all calls: what proves that check mode writes nothing and that policies are enough and not more."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RING_SIZE = 50_000
READ_PREFIXES = (
    "Describe",
    "Get",
    "List",
    "Head",
    "BatchGet",
    "BatchCheck",
    "Search",
    "Lookup",
    "Filter",
    "Test",
    "Simulate",
)
# Actions that read although their names do not say so.
READS = {
    "sts": {"AssumeRole"},
    "logs": {"StartQuery"},
    "cloudformation": {"ValidateTemplate", "EstimateTemplateCost"},
    "ec2-instance-connect": {"OpenTunnel", "SendSSHPublicKey"},  # what they do is over in an hour, or a minute
    "kms": {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"},
}
_ARN = re.compile(r"^arn:aws[a-z-]*:")


@dataclass(frozen=True)
class Record:
    """One finished call.

    :ivar time: seconds since the epoch.
    :ivar principal: ARN; "anonymous" for an unsigned request.
    :ivar role: name of the assumed role, empty for a user.
    :ivar status: HTTP status.
    :ivar error: AWS error code, empty for a success.
    :ivar write: may change something.
    :ivar via: the AWS service that made the call, for itself or for its caller; empty for a direct call.
    :ivar resources: ARNs, "*" where the action knows none.
    :ivar parameters: masked.
    """

    sequence: int
    time: float
    principal: str
    role: str
    service: str
    action: str
    region: str
    status: int
    error: str
    write: bool
    via: str = ""
    resources: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)


def is_write(service: str, action: str) -> bool:
    """Say whether the action may change something; an unknown action counts as a write."""
    return not action.startswith(READ_PREFIXES) and action not in READS.get(service, set())


def resource_arns(value: Any) -> list[str]:
    """Return the ARNs that stand in request parameters, in order of appearance."""
    found: list[str] = []
    if isinstance(value, dict):
        for one in value.values():
            found += resource_arns(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            found += resource_arns(one)
    elif isinstance(value, str) and _ARN.match(value):
        found.append(value)
    return list(dict.fromkeys(found))


class Recorder:
    """Keeps the latest calls in memory and appends all of them to a JSON lines file."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._ring: deque[Record] = deque(maxlen=RING_SIZE)
        self._sequence = 0
        self._path = path

    def next_sequence(self) -> int:
        """Return the next call's number; numbers grow by one with every call."""
        with self._lock:
            self._sequence += 1
            return self._sequence

    def add(self, record: Record) -> None:
        """Keep a finished call."""
        with self._lock:
            self._ring.append(record)
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(asdict(record), default=str) + "\n")

    def since(self, sequence: int = 0, **equal: Any) -> list[Record]:
        """Return calls with a number above *sequence* whose attributes equal those given."""
        with self._lock:
            records = [one for one in self._ring if one.sequence > sequence]
        return [one for one in records if all(getattr(one, key) == value for key, value in equal.items())]

    @property
    def last_sequence(self) -> int:
        """Number of the latest call; 0 before the first."""
        with self._lock:
            return self._sequence
