# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WSGI application around the emulated services: identity, faults, enforcement, honest errors, the record."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Protocol

from region.middleware import admin, faults, masking, record, requests, responses, signature
from region.middleware.control import ENFORCE_INSTANCE_PROFILES, ENFORCE_ROLES, Control
from region.middleware.identity import Principal
from region.middleware.requests import Call
from region.middleware.responses import ErrorResponse

log = logging.getLogger("region.api")
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
# Services that take unsigned requests: S3 for public objects, STS for web identities.
UNSIGNED = ("s3", "sts")
# Key of the WSGI environment that names the AWS service which makes the call for itself or for its caller.
VIA = "region.via"


class Services(Protocol):
    """What the application needs from the emulator."""

    def knows(self, call: Call) -> bool:
        """Say whether the service is emulated at all."""

    def dispatch(self, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        """Run the request; return status, headers and body. Raises NotImplementedError for what is not emulated."""

    def missing(self, call: Call, principal: Principal, via: str) -> tuple[str, str] | None:
        """Evaluate the IAM policies of the principal's role; return action and resource of what they do not allow."""

    def changed(self) -> None:
        """Tell whoever waits that something may have changed."""

    def now(self) -> float:
        """Seconds since the epoch."""


class Application:
    """One region's API, for all services on all host names."""

    def __init__(self, services: Services, control: Control) -> None:
        self._services = services
        self.control = control

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("PATH_INFO", "").startswith(admin.PREFIX):
            code, value = admin.answer(environ, requests.buffer_body(environ), self.control)
            return _send(start_response, code, [("Content-Type", "application/json")], json.dumps(value).encode())
        call = requests.parse(environ)
        sequence, began = self.control.recorder.next_sequence(), self._services.now()
        principal = self.control.principals.get(call.access_key)
        try:
            self._admit(call, principal, environ)
            status, headers, body = self._run(call, environ)
        except ErrorResponse as exc:
            status, headers, body = responses.serialize(call, exc)
        error_code = responses.error_code(status, body, headers)
        written = record.is_write(call.service, call.action)
        self.control.recorder.add(
            record.Record(
                sequence=sequence,
                time=began,
                principal=principal.arn if principal else "anonymous",
                role=principal.role if principal else "",
                service=call.service,
                action=call.action,
                region=call.region,
                status=status,
                error=error_code,
                write=written,
                via=environ.get(VIA, ""),
                resources=record.resource_arns(call.parameters) or ["*"],
                parameters=masking.mask(call.service, call.parameters),
            )
        )
        if written and not error_code:
            self._services.changed()
        return _send(start_response, status, headers, body)

    def _admit(self, call: Call, principal: Principal | None, environ: dict[str, Any]) -> None:
        """Let the call pass, or end it the way AWS would."""
        arn = principal.arn if principal else "anonymous"
        for rule in self.control.faults.take(call.service, call.action, arn, call.region):
            if rule.kind == "latency":
                time.sleep(rule.seconds)
            else:
                raise faults.error_for(rule.kind, call.service, call.action, arn, call.protocol)
        if not call.service:
            raise ErrorResponse(
                400, "NotEmulated", f"not emulated by the local region: a request to {call.host or '?'}"
            )
        if not call.access_key:
            if call.service not in UNSIGNED:
                raise ErrorResponse(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        elif principal is None or not self._token_fits(call):
            raise faults.unknown_key(call.service, call.protocol)
        elif VIA not in environ and not self._signature_fits(call, environ):
            raise faults.wrong_signature(call.service, call.protocol)
        elif principal.expires_at is not None and principal.expires_at <= self._services.now():
            raise faults.error_for("expired_token", call.service, call.action, arn, call.protocol)
        if principal and self._is_judged(principal):
            refused = self._services.missing(call, principal, environ.get(VIA, ""))
            if refused is not None:
                raise faults.denied(call.service, refused[0], arn, call.protocol, refused[1])

    def _is_judged(self, principal: Principal) -> bool:
        if self.control.enforce == ENFORCE_INSTANCE_PROFILES:
            return bool(principal.instance_id)
        return self.control.enforce == ENFORCE_ROLES and bool(principal.role)

    def _token_fits(self, call: Call) -> bool:
        return self.control.principals.token(call.access_key) == call.token

    def _signature_fits(self, call: Call, environ: dict[str, Any]) -> bool:
        secret = self.control.principals.secret(call.access_key)
        return not secret or signature.matches(environ, requests.buffer_body(environ), secret)

    def _run(self, call: Call, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        what = f"{call.service}.{call.action or environ['REQUEST_METHOD'] + ' ' + environ.get('PATH_INFO', '')}"
        not_emulated = ErrorResponse(400, "NotEmulated", f"not emulated by the local region: {what}")
        if not self._services.knows(call):
            raise not_emulated
        try:
            status, headers, body = self._services.dispatch(environ)
        except NotImplementedError as exc:
            log.info("%s: %s", what, exc)
            raise not_emulated from exc
        except Exception as exc:
            log.exception(
                "%s failed inside the local region; parameters %s", what, masking.mask(call.service, call.parameters)
            )
            raise ErrorResponse(500, "InternalFailure", f"The local region failed in {what}: {exc!r}") from exc
        if status >= 400 and _is_html(headers, body) and call.service != "s3":
            raise not_emulated
        return status, headers, body


def _is_html(headers: list[tuple[str, str]], body: bytes) -> bool:
    types = [value for name, value in headers if name.lower() == "content-type"]
    return any(value.startswith("text/html") for value in types) and not body.lstrip().startswith((b"<?xml", b"{"))


def _send(start_response: StartResponse, status: int, headers: list[tuple[str, str]], body: bytes) -> Iterable[bytes]:
    kept = [(name, str(value)) for name, value in headers if name.lower() not in ("content-length", "status")]
    length = next((str(value) for name, value in headers if name.lower() == "content-length"), str(len(body)))
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
    start_response(f"{status} {phrase}", [*kept, ("Content-Length", length if not body else str(len(body)))])
    return [body]
