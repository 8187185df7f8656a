# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking signatures (Signature Version 4) as AWS does, so that a wrong secret or a wrong signer is found out here."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=[^/]+/(?P<scope>(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request),"
    r"\s*SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True)
class _Signature:
    scope: str
    service: str
    headers: list[str]
    signature: str
    time: str
    payload: str  # hash of the body, or a word in its place


def matches(environ: dict[str, Any], body: bytes, secret: str) -> bool:
    """Say whether the request was signed with *secret*. An older kind of signature is not checked: it matches."""
    found = _from_header(environ, body) or _from_query(environ, body)
    if found is None:
        return True
    if re.fullmatch("[0-9a-f]{64}", found.payload) and found.payload != hashlib.sha256(body).hexdigest():
        return False
    canonical = "\n".join(
        (
            environ["REQUEST_METHOD"],
            _path(environ, found.service),
            _query(environ),
            *(f"{name}:{_header(environ, name)}" for name in found.headers),
            "",
            ";".join(found.headers),
            found.payload,
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{found.time}\n{found.scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in found.scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, found.signature)


def _from_header(environ: dict[str, Any], body: bytes) -> _Signature | None:
    match = _AUTHORIZATION.match(environ.get("HTTP_AUTHORIZATION", ""))
    if match is None:
        return None
    return _Signature(
        scope=match["scope"],
        service=match["service"],
        headers=match["headers"].split(";"),
        signature=match["signature"],
        time=environ.get("HTTP_X_AMZ_DATE", ""),
        payload=environ.get("HTTP_X_AMZ_CONTENT_SHA256") or hashlib.sha256(body).hexdigest(),
    )


def _presigned_payload(scope: str, body: bytes) -> str:
    """Only S3 leaves the content of a presigned request open."""
    return UNSIGNED_PAYLOAD if scope.split("/")[2] == "s3" else hashlib.sha256(body).hexdigest()


def _from_query(environ: dict[str, Any], body: bytes) -> _Signature | None:
    given = dict(_pairs(environ))
    if "X-Amz-Signature" not in given:
        return None
    values = {key: unquote(value) for key, value in given.items()}
    scope = values["X-Amz-Credential"].split("/", 1)[1]
    return _Signature(
        scope=scope,
        service=scope.split("/")[2],
        headers=values["X-Amz-SignedHeaders"].split(";"),
        signature=values["X-Amz-Signature"],
        time=values["X-Amz-Date"],
        payload=environ.get("HTTP_X_AMZ_CONTENT_SHA256") or _presigned_payload(scope, body),
    )


def _path(environ: dict[str, Any], service: str) -> str:
    """Return the path as it is signed: S3's as it was sent, other services' encoded once more."""
    raw = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or quote(environ.get("PATH_INFO", "/")))
    path = re.sub(r"^https?://[^/]+", "", raw).split("?", 1)[0] or "/"
    return path if service == "s3" else quote(path, safe="/-_.~")


def _pairs(environ: dict[str, Any]) -> list[tuple[str, str]]:
    parts = [part.partition("=") for part in environ.get("QUERY_STRING", "").split("&") if part]
    return [(key, value) for key, dummy, value in parts]


def _query(environ: dict[str, Any]) -> str:
    encoded = [
        (quote(unquote(key), safe="-_.~"), quote(unquote(value), safe="-_.~"))
        for key, value in _pairs(environ)
        if key != "X-Amz-Signature"
    ]
    return "&".join(f"{key}={value}" for key, value in sorted(encoded))


def _header(environ: dict[str, Any], name: str) -> str:
    key = name.upper().replace("-", "_")
    value = environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", "")
    return " ".join(str(value).split())
