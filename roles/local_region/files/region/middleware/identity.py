# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a request comes from: the principals behind access keys, and when their tokens end."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass

CONTROLLER_ACCESS_KEY = "AKIALOCALREGION00001"
CONTROLLER_SECRET_KEY = "local-region-controller-0123456789abcdef"
_ALPHABET = string.ascii_uppercase + "234567"


@dataclass(frozen=True)
class Principal:
    """One caller. C(expires_at) is in seconds since the epoch, None for long-lived keys.

    :ivar role: name of the assumed role; empty for a user.
    :ivar instance_id: set for the credentials of an instance's profile.
    """

    arn: str
    account: str
    role: str = ""
    instance_id: str = ""
    expires_at: float | None = None
    user_id: str = ""


class Principals:
    """The access keys that the region has given out."""

    def __init__(self) -> None:
        self._by_key: dict[str, tuple[Principal, str, str]] = {}

    def add(self, access_key: str, principal: Principal, secret: str = "", token: str = "") -> None:
        """Register an access key with its secret and session token."""
        self._by_key[access_key] = (principal, secret, token)

    def get(self, access_key: str) -> Principal | None:
        """Return who owns the key, None for a key that the region did not give out."""
        entry = self._by_key.get(access_key)
        return entry[0] if entry else None

    def token(self, access_key: str) -> str:
        """Return the session token that belongs to the key, empty for none."""
        entry = self._by_key.get(access_key)
        return entry[2] if entry else ""

    def secret(self, access_key: str) -> str:
        """Return the key's secret, empty when the region does not know it."""
        entry = self._by_key.get(access_key)
        return entry[1] if entry else ""

    def issue(self, principal: Principal) -> tuple[str, str, str]:
        """Make temporary credentials; return access key, secret key and session token."""
        access_key = "ASIA" + "".join(secrets.choice(_ALPHABET) for dummy in range(16))
        secret, token = secrets.token_urlsafe(30), secrets.token_urlsafe(150)
        self.add(access_key, principal, secret, token)
        return access_key, secret, token

    def clear(self) -> None:
        """Forget all keys."""
        self._by_key.clear()


principals = Principals()
