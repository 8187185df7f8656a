# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping secrets out of the call record."""

from __future__ import annotations

from typing import Any

MASK = "********"
SECRET_NAMES = frozenset(
    {
        "authorizationtoken",
        "ciphertextblob",
        "masteruserpassword",
        "password",
        "plaintext",
        "privatekey",
        "secretaccesskey",
        "secretbinary",
        "secretstring",
        "sessiontoken",
        "tokencode",
        "userdata",
    }
)
# Names that are secret only in some services' parameters.
SECRET_IN_SERVICE = {"ssm": frozenset({"value"})}
MAX_TEXT = 2000


def mask(service: str, value: Any, name: str = "") -> Any:
    """Return request parameters fit for a log: secrets masked, long texts shortened, only JSON's own types."""
    key = name.lower()
    if value is not None and (key in SECRET_NAMES or key in SECRET_IN_SERVICE.get(service, ())):
        return MASK
    if isinstance(value, dict):
        return {str(inner): mask(service, one, str(inner)) for inner, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask(service, one, name) for one in value]
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    text = str(value)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text)} characters)"
