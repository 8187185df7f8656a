# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on purpose: throttling, denied access, slowness, outages and expired tokens, by rule."""

from __future__ import annotations

import fnmatch
import itertools
import threading
from dataclasses import asdict, dataclass
from typing import Any

from region.middleware.responses import ErrorResponse

KINDS = ("throttle", "access_denied", "latency", "outage", "expired_token", "not_opted_in")


@dataclass
class Rule:
    """One fault. Patterns take C(*) and C(?); C(times) counts down, None means until it is removed.

    :ivar seconds: for kind "latency".
    """

    id: int
    kind: str
    service: str = "*"
    action: str = "*"
    principal: str = "*"
    region: str = "*"
    times: int | None = None
    seconds: float = 0.0

    def hits(self, service: str, action: str, principal: str, region: str) -> bool:
        """Say whether the rule applies to such a call."""
        pairs = ((service, self.service), (action, self.action), (principal, self.principal), (region, self.region))
        return all(fnmatch.fnmatchcase(value, pattern) for value, pattern in pairs)


class Faults:
    """The rules in force, first match wins per kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._rules: list[Rule] = []

    def add(self, kind: str, **fields: Any) -> Rule:
        """Add a rule and return it.

        :raises ValueError: the kind or a field is not known.
        """
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
        unknown = set(fields) - {"service", "action", "principal", "region", "times", "seconds"}
        if unknown:
            raise ValueError(f"unknown field of a fault: {', '.join(sorted(unknown))}")
        rule = Rule(id=next(self._ids), kind=kind, **fields)
        with self._lock:
            self._rules.append(rule)
        return rule

    def remove(self, rule_id: int | None = None) -> None:
        """Remove one rule, or all."""
        with self._lock:
            self._rules = [rule for rule in self._rules if rule_id is not None and rule.id != rule_id]

    def describe(self) -> list[dict[str, Any]]:
        """Return the rules in force."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def take(self, service: str, action: str, principal: str, region: str) -> list[Rule]:
        """Return the rules that apply to a call, and count them down."""
        with self._lock:
            hit = [rule for rule in self._rules if rule.hits(service, action, principal, region)]
            for rule in hit:
                if rule.times is not None:
                    rule.times -= 1
            self._rules = [rule for rule in self._rules if rule.times is None or rule.times > 0]
        return hit


def error_for(kind: str, service: str, action: str, principal: str, protocol: str) -> ErrorResponse:
    """Return the error with which AWS answers in such a case; codes differ by protocol."""
    json_protocol = protocol in ("json", "rest-json")
    if kind == "throttle":
        if service == "s3":
            return ErrorResponse(503, "SlowDown", "Please reduce your request rate.")
        if service == "ec2":
            return ErrorResponse(503, "RequestLimitExceeded", "Request limit exceeded.")
        code = "ThrottlingException" if json_protocol else "Throttling"
        return ErrorResponse(400, code, "Rate exceeded")
    if kind == "access_denied":
        return denied(service, f"{service}:{action}", principal, protocol)
    if kind == "not_opted_in":
        return unknown_key(service, protocol)
    if kind == "expired_token":
        if service == "ec2":
            return ErrorResponse(400, "RequestExpired", "Request has expired.")
        code = "ExpiredTokenException" if json_protocol else "ExpiredToken"
        return ErrorResponse(
            400 if service == "s3" else 403, code, "The security token included in the request is expired"
        )
    return ErrorResponse(
        503, "ServiceUnavailable", f"Service {service} is currently unavailable. Please try again later."
    )


def denied(service: str, action: str, principal: str, protocol: str, resource: str = "*") -> ErrorResponse:
    """Return AWS's refusal of a call that no policy allows.

    :param action: as policies name it, e.g. C(ssm:GetParameter).
    """
    why = (
        f"User: {principal} is not authorized to perform: {action} on resource: {resource} because no identity-based "
        f"policy allows the {action} action"
    )
    if service == "ec2":
        return ErrorResponse(403, "UnauthorizedOperation", f"You are not authorized to perform this operation. {why}")
    code = "AccessDeniedException" if protocol in ("json", "rest-json") else "AccessDenied"
    return ErrorResponse(400 if code == "AccessDeniedException" else 403, code, why)


def unknown_key(service: str, protocol: str) -> ErrorResponse:
    """Return AWS's refusal of an access key that it does not know, or that has no use in this region."""
    if service == "ec2":
        message = "AWS was not able to validate the provided access credentials"
        return ErrorResponse(401, "AuthFailure", message)
    if service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return ErrorResponse(403, "InvalidAccessKeyId", message)
    code = "UnrecognizedClientException" if protocol in ("json", "rest-json") else "InvalidClientTokenId"
    return ErrorResponse(403, code, "The security token included in the request is invalid.")


def wrong_signature(service: str, protocol: str) -> ErrorResponse:
    """Return AWS's refusal of a request that was signed with another secret, or wrongly."""
    if service == "ec2":
        return unknown_key(service, protocol)
    code = "InvalidSignatureException" if protocol in ("json", "rest-json") else "SignatureDoesNotMatch"
    return ErrorResponse(
        403,
        code,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details.",
    )
