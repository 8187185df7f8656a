# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call must be allowed: one action on one resource, with the facts that conditions may ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Need:
    """One permission that a call needs.

    :ivar action: as policies name it, e.g. C(ec2:RunInstances).
    :ivar resource: ARN, with C(*) for what nobody can know yet; C(*) alone for an action that takes no resource.
    :ivar context: condition keys → value.
    """

    action: str
    resource: str
    context: Mapping[str, str | list[str]] = field(default_factory=dict)


def passing(role_arn: str) -> Need:
    """Return what whoever gives a role to machines needs."""
    return Need("iam:PassRole", role_arn, {"iam:PassedToService": "ec2.amazonaws.com"})


def tags_of_request(given: Any) -> dict[str, str]:
    """Return key → value of tags in a request, in any of the ways that AWS's services write them."""
    if isinstance(given, Mapping):
        return {str(key): str(value) for key, value in given.items()}
    pairs = [(one.get("Key", one.get("key", "")), one.get("Value", one.get("value", ""))) for one in given or []]
    return {str(key): str(value) for key, value in pairs}


def request_tags(tags: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Return the condition keys of tags that a request brings."""
    if not tags:
        return {}
    return {**{f"aws:RequestTag/{key}": value for key, value in tags.items()}, "aws:TagKeys": list(tags)}


def resource_tags(tags: Mapping[str, str], *prefixes: str) -> dict[str, str | list[str]]:
    """Return the condition keys of tags that a resource has.

    :param prefixes: of the service's own key beside AWS's, e.g. C(ec2:ResourceTag).
    """
    return {f"{prefix}/{key}": value for key, value in tags.items() for prefix in ("aws:ResourceTag", *prefixes)}


def named(parameters: Mapping[str, Any], *keys: str) -> list[str]:
    """Return the values of parameters that hold one name or several."""
    found: list[str] = []
    for key in keys:
        value = parameters.get(key)
        found += [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []
    return found


def strings(value: Any) -> Iterable[str]:
    """Yield all strings in request parameters, however deep."""
    if isinstance(value, Mapping):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield value
