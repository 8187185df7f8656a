# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of Redis' client as the shop uses, on dictionaries: the services import it in place of the real one."""

from __future__ import annotations

import os
from typing import Any, ClassVar


class RedisError(Exception):
    """As in the real client."""


class Redis:
    """One database per host and number, for all clients of a process."""

    databases: ClassVar[dict[tuple[str, int], dict[str, Any]]] = {}

    def __init__(self, host: str, db: int = 0, **options: Any) -> None:
        self._key = (host, db)

    @property
    def _data(self) -> dict[str, Any]:
        if os.environ.get("REDIS_DOWN"):
            raise RedisError("connection refused")
        return Redis.databases.setdefault(self._key, {})

    def incr(self, key: str) -> int:
        self._data[key] = int(self._data.get(key, 0)) + 1
        return int(self._data[key])

    def expire(self, key: str, seconds: int) -> None:
        self._data.setdefault("expiries", {})[key] = seconds

    def setnx(self, key: str, value: int) -> bool:
        if key in self._data:
            return False
        self._data[key] = value
        return True

    def hset(self, key: str, field: str | None = None, value: str = "", mapping: dict[str, str] | None = None) -> None:
        entries = mapping if mapping is not None else {str(field): value}
        self._data.setdefault(key, {}).update(entries)

    def hget(self, key: str, field: str) -> bytes | None:
        value = self._data.get(key, {}).get(field)
        return None if value is None else str(value).encode()

    def hgetall(self, key: str) -> dict[bytes, bytes]:
        return {field.encode(): value.encode() for field, value in self._data.get(key, {}).items()}

    def hexists(self, key: str, field: str) -> bool:
        return field in self._data.get(key, {})

    def hdel(self, key: str, field: str) -> int:
        return int(self._data.get(key, {}).pop(field, None) is not None)
