# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Client of the instance metadata service, version 2 (token required)."""

from __future__ import annotations

import dataclasses
import http.client
import ipaddress
import json
import re
import time
import typing as t
import urllib.error
import urllib.request

from .._errors import SwarmError

ADDRESS = "http://169.254.169.254"
_TOKEN_SECONDS = 3600
_LONGEST = 1 << 20  # bytes of one answer
_TOKEN = re.compile(r"[\x21-\x7e]+")


class ImdsError(SwarmError):
    """The metadata service did not answer; the message says to what."""


@dataclasses.dataclass(frozen=True)
class Identity:
    """What the metadata service says about this instance.

    :ivar private_ip: Primary private IPv4 address of the first interface.
    """

    instance_id: str
    instance_type: str
    availability_zone: str
    private_ip: str


class Imds:
    """The metadata service as seen from this instance. Direct: no proxy setting is obeyed."""

    def __init__(self, address: str = ADDRESS, timeout: float = 2.0) -> None:
        self._address = address
        self._timeout = timeout
        self._token = ""
        self._token_until = 0.0
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str) -> str | None:
        """Return the text at C(latest/<path>), or None when there is none.

        :raises ImdsError: the service does not answer.
        """
        for attempt in (1, 2):
            request = urllib.request.Request(
                f"{self._address}/latest/{path}", headers={"X-aws-ec2-metadata-token": self._fresh_token()}
            )
            try:
                with self._opener.open(request, timeout=self._timeout) as answer:
                    return _content(answer).decode("utf-8")
            except urllib.error.HTTPError as exc:
                if exc.code == 404:
                    return None
                if exc.code == 401 and attempt == 1:
                    self._token_until = 0.0  # the token died early: an instance resumed from sleep, for one
                    continue
                raise ImdsError(f"the instance metadata service answered {exc.code} to {path}") from exc
            except (OSError, ValueError, http.client.HTTPException) as exc:
                raise ImdsError(f"the instance metadata service does not answer: {exc}") from exc
        raise ImdsError(f"the instance metadata service refuses its own token for {path}")

    def identity(self) -> Identity:
        """Return who this instance is.

        :raises ImdsError: the service does not answer, or leaves something out.
        """
        document = self.get("dynamic/instance-identity/document")
        try:
            raw = json.loads(document or "")
            return Identity(
                instance_id=_text(raw["instanceId"]),
                instance_type=_text(raw["instanceType"]),
                availability_zone=_text(raw["availabilityZone"]),
                private_ip=str(ipaddress.IPv4Address(_text(raw["privateIp"]))),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            raise ImdsError(f"the instance identity document is not complete: {exc}") from exc

    def vpc_ranges(self) -> tuple[str, ...]:
        """Return the IPv4 ranges of the VPC that the first interface is in; never none of them.

        :raises ImdsError: the service does not answer, or does not know them yet.
        """
        macs = (self.get("meta-data/network/interfaces/macs/") or "").split()
        path = f"meta-data/network/interfaces/macs/{macs[0]}vpc-ipv4-cidr-blocks" if macs else ""
        try:
            found = tuple(str(ipaddress.IPv4Network(item)) for item in (self.get(path) or "").split()) if path else ()
        except ValueError as exc:
            raise ImdsError(f"the instance metadata gives a range of the VPC that is not a network: {exc}") from exc
        if not found:
            raise ImdsError("the instance metadata service does not know the VPC's ranges yet")
        return found

    def _fresh_token(self) -> str:
        if time.monotonic() >= self._token_until:
            request = urllib.request.Request(
                f"{self._address}/latest/api/token",
                method="PUT",
                headers={"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_SECONDS)},
            )
            try:
                with self._opener.open(request, timeout=self._timeout) as answer:
                    token = _content(answer).decode("ascii")
            except (OSError, ValueError, http.client.HTTPException) as exc:  # HTTPError is an OSError
                raise ImdsError(f"the instance metadata service gives no token: {exc}") from exc
            if not _TOKEN.fullmatch(token):
                raise ImdsError("the instance metadata service gives something that is not a token")
            self._token, self._token_until = token, time.monotonic() + _TOKEN_SECONDS / 2
        return self._token


def _content(answer: t.Any) -> bytes:
    """Return the content of an answer, all of it.

    :raises http.client.IncompleteRead: there is less than was announced, or more than anything here may be long.
    """
    content = t.cast(bytes, answer.read(_LONGEST))
    if answer.length or len(content) >= _LONGEST:
        raise http.client.IncompleteRead(b"", answer.length)
    return content


def _text(value: t.Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is no text")
    return value
