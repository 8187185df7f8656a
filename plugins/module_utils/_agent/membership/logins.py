# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which services need a fresh login to ECR, and when: pure decisions.

A service's login is what its next task pulls its image with; ECR's lasts twelve hours. The engine shows neither the
login nor its age, so the leader counts only on what it sent itself: a service that it has not written yet, or that
somebody has written since, gets a fresh one at once, because a deploy may have sent a token that is about to end.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..._aws.ecr.auth import Registry, Token, is_ecr, parse_registry
from ..._references import registry_of
from ..._swarm.plan.rewrite import is_job
from ..._swarm.plan.tree import image_of

Json = t.Mapping[str, t.Any]

SETTLED = timedelta(minutes=10)
"""A service that somebody writes again and again is not renewed more often than this."""
PATIENCE = timedelta(minutes=15)
"""How long a service with tasks that do not run yet is spared: they may be pulling their image just now."""


@dataclass(frozen=True)
class Sent:
    """A login that the leader sent.

    :ivar version: version of the service afterwards.
    :ivar at: when (aware).
    :ivar due: when it is to be renewed: half-way through what was left of the token's life.
    :ivar ends: when the token ends.
    """

    version: int
    at: datetime
    due: datetime
    ends: datetime


@dataclass(frozen=True)
class Held:
    """A token, and when it was asked for; it is not sent any more after half of its life."""

    token: Token
    since: datetime

    @property
    def due(self) -> datetime:
        """Half-way between its beginning and its end, as ECR's answer gives it."""
        return self.since + (self.token.expires_at - self.since) / 2

    def login(self, host: str) -> dict[str, str]:
        """Return it as a login to one of the registries that it opens."""
        return {"registry": host, "username": self.token.username, "password": self.token.password}


def registry_of_service(service: Json) -> Registry | None:
    """Return the private registry of ECR whose login a service needs, None when there is nothing to renew.

    The public one gives its images without a login, and a job is never written again.
    """
    if is_job(service["Spec"]):
        return None  # a write would run it again
    host = registry_of(image_of(service["Spec"]))
    if not is_ecr(host):
        return None
    registry = parse_registry(host)
    return registry if registry.account else None


def due(services: t.Iterable[Json], sent: t.Mapping[str, Sent], now: datetime) -> dict[str, Registry]:
    """Return service id → registry, for those services whose login is to be renewed now.

    :param sent: what this leader has sent since it leads, by service id.
    """
    found = ((service, registry_of_service(service)) for service in services)
    return {
        service["ID"]: registry
        for service, registry in found
        if registry is not None and _is_due(service, sent.get(service["ID"]), now)
    }


def _is_due(service: Json, sent: Sent | None, now: datetime) -> bool:
    if sent is None or now >= sent.due:
        return True
    return bool(service["Version"]["Index"] != sent.version and now >= sent.at + SETTLED)


def left_text(name: str, reason: str, sent: Sent | None) -> str:
    """Return the line that tells of a service that keeps the login that it has."""
    end = f"until {sent.ends:%Y-%m-%d %H:%M} UTC" if sent else "of unknown age"
    return f"logins: service {name} keeps its login {end}: {reason}"
