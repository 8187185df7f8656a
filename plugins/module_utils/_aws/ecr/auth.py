# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens for ECR registries: which registry, which call, how long they last."""

from __future__ import annotations

import base64
import re
import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ..._errors import InvalidInput
from ..errors import AwsError, api_call

PUBLIC_HOST = "public.ecr.aws"
PUBLIC_REGION = "us-east-1"
"""The only region that hands out tokens for :data:`PUBLIC_HOST`."""

RENEW_BEFORE = timedelta(minutes=30)
"""How long before its end a token counts as used up; a deploy that began with it should also end with it."""

# Each partition of AWS has a domain of its own (botocore's endpoints.json: dnsSuffix, and that of its dual stack).
_DOMAINS = (
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
    "on.aws",
    "on.amazonwebservices.com.cn",
    "on.amazonwebservices.eu",
)
_PRIVATE_HOST = re.compile(
    r"^(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z]+(?:-[a-z]+)+-[0-9]+)\."
    rf"(?:{'|'.join(re.escape(domain) for domain in _DOMAINS)})$"
)


@dataclass(frozen=True)
class Registry:
    """An ECR registry.

    :ivar account: the AWS account, ``""`` for the public registry.
    :ivar region: where the token is asked for.
    """

    host: str
    account: str
    region: str


@dataclass(frozen=True)
class Token:
    """A login to a registry; the password never shows in ``repr``."""

    registry: str
    username: str
    password: str
    expires_at: datetime

    def __repr__(self) -> str:
        """Show no secret."""
        return f"Token(registry={self.registry!r}, expires_at={self.expires_at.isoformat()})"

    def usable(self, now: datetime) -> bool:
        """Tell whether the token lasts long enough after *now* (aware) to start something with it."""
        return now + RENEW_BEFORE < self.expires_at


def parse_registry(host: str) -> Registry:
    """Read a registry's host name, ``<account>.dkr.ecr.<region>.amazonaws.com`` or ``public.ecr.aws``.

    A scheme, a repository or a tag around it are left away.

    :raises InvalidInput: if it is not a registry of ECR, or has a login before it.
    """
    bare = re.sub(r"^https?://", "", host.strip()).split("/", 1)[0].lower()
    if bare == PUBLIC_HOST:
        return Registry(bare, "", PUBLIC_REGION)
    found = _PRIVATE_HOST.match(bare)
    if not found and "@" in host:
        raise InvalidInput("a registry is given with a login before its name; leave the login out.")
    if not found:
        raise InvalidInput(
            f"{host!r} is not a registry of ECR; write ACCOUNT.dkr.ecr.REGION.amazonaws.com or {PUBLIC_HOST}."
        )
    return Registry(bare, found["account"], found["region"])


def role_for(registry: Registry, roles: t.Mapping[str, str]) -> str:
    """Return the ARN of the role to assume for a registry, named by its host or its account; V("") for none."""
    return roles.get(registry.host) or roles.get(registry.account) or ""


def is_ecr(host: str) -> bool:
    """Tell whether *host* is a registry of ECR."""
    try:
        parse_registry(host)
    except InvalidInput:
        return False
    return True


@api_call("get an ECR token", permission="ecr:GetAuthorizationToken")
def _private_token(client: t.Any) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", client.get_authorization_token()["authorizationData"][0])


@api_call("get a token of the public ECR", permission="ecr-public:GetAuthorizationToken")
def _public_token(client: t.Any) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", client.get_authorization_token()["authorizationData"])


def get_token(client: t.Any, registry: Registry) -> Token:
    """Ask for a token of *registry*.

    The token of an account opens every registry that grants this account access, not only its own.

    :param client: a client of ``ecr`` in the registry's region, of ``ecr-public`` for the public registry.
    :raises AwsError: if AWS gives none.
    """
    data = _private_token(client) if registry.account else _public_token(client)
    try:
        username, dummy, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    except ValueError as exc:
        raise AwsError(f"AWS gave a token for {registry.host} that cannot be read.", region=registry.region) from exc
    expires = data["expiresAt"]
    return Token(registry.host, username, password, expires.astimezone(timezone.utc))
