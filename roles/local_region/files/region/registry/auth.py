# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what at the registry: ECR's tokens, and its verdict on each request."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

LIFETIME = 12 * 3600.0  # seconds, as AWS documents
_HOST = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?::\d+)?")
_REPOSITORY_URI = re.compile(r"/v2/(?P<repository>.+?)/(?P<kind>manifests|blobs|tags)/(?P<reference>[^?]*)")


@dataclass(frozen=True)
class RegistryId:
    """One of ECR's registries: there is one per account and region."""

    account: str
    region: str

    @classmethod
    def from_host(cls, host: str) -> RegistryId | None:
        """Return the registry reached as *host*; C(None) when that is no registry's name."""
        match = _HOST.fullmatch(host)
        return cls(match[1], match[2]) if match else None

    @property
    def host(self) -> str:
        """The registry's host name."""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com"


@dataclass(frozen=True)
class Target:
    """What a request to the registry's HTTP API is about; all empty for the API's root.

    :ivar kind: manifests, blobs or tags.
    :ivar reference: a tag, a digest, "list", or the path of an upload.
    """

    repository: str = ""
    kind: str = ""
    reference: str = ""

    @classmethod
    def from_uri(cls, uri: str) -> Target:
        """Parse the path (and query) of a request."""
        match = _REPOSITORY_URI.match(uri)
        return cls(**match.groupdict()) if match else cls()


@dataclass(frozen=True)
class Verdict:
    """What the registry answers before it looks at any content; C(status) 200 means: go on.

    :ivar code: of the registry API's error, such as NAME_UNKNOWN; empty for a plain text.
    """

    status: int = 200
    code: str = ""
    message: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.status == 200

    def body(self) -> bytes:
        """Return the error in the registry API's own form."""
        if not self.code:
            return f"{self.message}\n".encode()
        return json.dumps({"errors": [{"code": self.code, "message": self.message}]}).encode()


class TokenState(Enum):
    """What became of a token."""

    VALID = "valid"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Token:
    """A password for user C(AWS), issued to *account*; *expires_at* is in seconds since the epoch."""

    password: str
    account: str
    expires_at: float


class Tokens:
    """All tokens ever issued; any number may be valid at once."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Tell the time by *clock*, in seconds since the epoch."""
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, Token] = {}
        self.lifetime = LIFETIME

    def issue(self, account: str) -> Token:
        """Return a new token for *account*, valid for C(lifetime) seconds from now.

        Like AWS's it is some 2,000 characters long, so that nothing comes to rely on short ones.
        """
        expires_at = self._clock() + self.lifetime
        content = {
            "payload": base64.b64encode(secrets.token_bytes(1000)).decode(),
            "datakey": base64.b64encode(secrets.token_bytes(184)).decode(),
            "version": "2",
            "type": "DATA_KEY",
            "expiration": int(expires_at),
        }
        token = Token(base64.b64encode(json.dumps(content).encode()).decode(), account, expires_at)
        with self._lock:
            self._tokens[token.password] = token
        return token

    def look_up(self, password: str) -> tuple[TokenState, Token | None]:
        """Return what became of the token *password*, and the token if there ever was one."""
        with self._lock:
            token = self._tokens.get(password)
        if token is None:
            return TokenState.UNKNOWN, None
        return (TokenState.VALID if self._clock() < token.expires_at else TokenState.EXPIRED), token

    def expire_all(self) -> int:
        """Make all tokens issued so far expire now, and return how many were still valid."""
        now = self._clock()
        with self._lock:
            valid = [token for token in self._tokens.values() if token.expires_at > now]
            for token in valid:
                self._tokens[token.password] = Token(token.password, token.account, now)
        return len(valid)


class Repositories(Protocol):
    """What the verdict depends on beside the token."""

    def exists(self, registry: RegistryId, repository: str) -> bool:
        """Whether *registry* has *repository*."""

    def shared_with(self, registry: RegistryId, repository: str, account: str) -> bool:
        """Whether the repository's policy lets in another *account*."""


def authorise(headers: Mapping[str, str], method: str, uri: str, tokens: Tokens, repositories: Repositories) -> Verdict:
    """Judge a request by its *headers* (C(Host), C(Authorization)), *method* and *uri*.

    Content plays no part: whether a tag may be moved is for the handler of manifests to say.
    """
    registry = RegistryId.from_host(headers.get("Host", ""))
    if registry is None:
        return Verdict(404, "", "404 page not found")
    scheme, dummy, encoded = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return Verdict(401, "", "Not Authorized")
    try:
        user, dummy, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return Verdict(400, "DENIED", "Your Authorization Token is invalid.")
    state, token = tokens.look_up(password)
    if token is None or user != "AWS":
        return Verdict(400, "DENIED", "Your Authorization Token is invalid.")
    if state is TokenState.EXPIRED:
        return Verdict(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
    target = Target.from_uri(uri)
    if not target.repository:
        return Verdict()
    if method == "DELETE" and target.kind == "manifests":
        return Verdict(405, "UNSUPPORTED", "The operation is unsupported.")
    if token.account != registry.account and not repositories.shared_with(registry, target.repository, token.account):
        arn = f"arn:aws:ecr:{registry.region}:{registry.account}:repository/{target.repository}"
        action = "ecr:BatchGetImage" if method in ("GET", "HEAD") else "ecr:InitiateLayerUpload"
        return Verdict(
            403,
            "DENIED",
            f"User: arn:aws:iam::{token.account}:root is not authorized to perform: {action} on resource: {arn} "
            f"because no resource-based policy allows the {action} action",
        )
    if not repositories.exists(registry, target.repository):
        return Verdict(
            404,
            "NAME_UNKNOWN",
            f"The repository with name '{target.repository}' does not exist in the registry with id "
            f"'{registry.account}'",
        )
    return Verdict()
