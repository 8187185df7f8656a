# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the registry that only ECR's API can decide: access, tags and manifests.

Layers go straight to Debian's docker-registry. Manifests pass through here, so that an image is in ECR's API the moment
the push ends, and a tag means what the API says.
"""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from region.registry.auth import RegistryId, Repositories, Target, Tokens, Verdict, authorise

STORAGE = ("127.0.0.1", 5000)
PREFIX = "/_region/registry"
MAX_MANIFEST = 4 * 1024 * 1024  # bytes, as ECR
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

StartResponse = Callable[[str, list[tuple[str, str]]], object]


@dataclass(frozen=True)
class Manifest:
    """An image's manifest, byte for byte as it was pushed."""

    digest: str
    media_type: str
    content: bytes


class Catalogue(Repositories, Protocol):
    """ECR's own idea of what is in its repositories."""

    def manifest(self, registry: RegistryId, repository: str, reference: str) -> Manifest | None:
        """Return the image with the tag or digest *reference*."""

    def tags(self, registry: RegistryId, repository: str) -> list[str]:
        """Return all tags of *repository*, sorted."""

    def is_fixed(self, registry: RegistryId, repository: str, tag: str, digest: str) -> bool:
        """Whether *tag* may not be moved to *digest*, because it is immutable and names another image."""

    def add(self, registry: RegistryId, repository: str, tag: str | None, manifest: Manifest) -> None:
        """Record a push."""


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Hooks:
    """A WSGI application with what the web server in front of the registry asks for."""

    def __init__(self, catalogue: Catalogue, tokens: Tokens) -> None:
        """Answer from *catalogue* and *tokens*."""
        self._catalogue = catalogue
        self._tokens = tokens

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request, as PEP 3333 says."""
        response = self._route(environ)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(response.body)), **response.headers}
        reason = http.client.responses.get(response.status, "")
        start_response(f"{response.status} {reason}", list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    def _route(self, environ: dict[str, Any]) -> Response:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path == f"{PREFIX}/auth":
            return Response(204 if self._verdict(environ).allowed else 403)
        if path == f"{PREFIX}/denied":
            return _denied(self._verdict(environ), environ.get("HTTP_X_ORIGINAL_HOST", ""))
        if path == f"{PREFIX}/tokens" and method == "DELETE":
            return Response(200, json.dumps({"expired": self._tokens.expire_all()}).encode())
        if path == f"{PREFIX}/token-lifetime" and method == "PUT":
            return self._set_lifetime(_read_body(environ))
        if path in ("/v2", "/v2/"):
            return Response(200, b"{}")
        target = Target.from_uri(path)
        registry = RegistryId.from_host(environ.get("HTTP_X_ORIGINAL_HOST", ""))
        if registry is not None and target.kind == "tags":
            tags = self._catalogue.tags(registry, target.repository)
            return Response(200, json.dumps({"name": target.repository, "tags": tags}).encode())
        if registry is not None and target.kind == "manifests":
            if method in ("GET", "HEAD"):
                return self._pull(registry, target)
            if method == "PUT":
                return self._push(registry, target, environ)
        return _error(404, "UNSUPPORTED", "The operation is unsupported.")

    def _verdict(self, environ: dict[str, Any]) -> Verdict:
        headers = {
            "Host": environ.get("HTTP_X_ORIGINAL_HOST", ""),
            "Authorization": environ.get("HTTP_AUTHORIZATION", ""),
        }
        method, uri = environ.get("HTTP_X_ORIGINAL_METHOD", "GET"), environ.get("HTTP_X_ORIGINAL_URI", "/")
        return authorise(headers, method, uri, self._tokens, self._catalogue)

    def _set_lifetime(self, body: bytes) -> Response:
        try:
            self._tokens.lifetime = float(body)
        except ValueError:
            return Response(400, b'{"error": "the body must be a number of seconds"}')
        return Response(200, json.dumps({"lifetime": self._tokens.lifetime}).encode())

    def _pull(self, registry: RegistryId, target: Target) -> Response:
        manifest = self._catalogue.manifest(registry, target.repository, target.reference)
        if manifest is None:
            return _error(404, "MANIFEST_UNKNOWN", "Requested image not found")
        headers = {"Content-Type": manifest.media_type, "Docker-Content-Digest": manifest.digest}
        return Response(200, manifest.content, headers)

    def _push(self, registry: RegistryId, target: Target, environ: dict[str, Any]) -> Response:
        content = _read_body(environ)
        if len(content) > MAX_MANIFEST:
            return _error(400, "MANIFEST_INVALID", "The manifest is too large.")
        manifest = Manifest(digest_of(content), environ.get("CONTENT_TYPE") or DOCKER_MANIFEST, content)
        tag = None if target.reference.startswith("sha256:") else target.reference
        if tag is None and target.reference != manifest.digest:
            return _error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        if tag is not None and self._catalogue.is_fixed(registry, target.repository, tag, manifest.digest):
            return _error(
                400,
                "TAG_INVALID",
                f"The image tag '{tag}' already exists in the '{target.repository}' repository and cannot be "
                "overwritten because the tag is immutable.",
            )
        stored = store(registry, target.repository, manifest)
        if stored.status != 201:
            return stored
        self._catalogue.add(registry, target.repository, tag, manifest)
        location = f"/v2/{target.repository}/manifests/{manifest.digest}"
        return Response(201, b"", {"Location": location, "Docker-Content-Digest": manifest.digest})


def digest_of(content: bytes) -> str:
    """Return the digest by which an image with the manifest *content* is known."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def store(registry: RegistryId, repository: str, manifest: Manifest) -> Response:
    """Give *manifest* to the storage, which refuses it (status 400) unless it has all its layers."""
    connection = http.client.HTTPConnection(*STORAGE, timeout=60)
    path = f"/v2/{registry.account}/{registry.region}/{repository}/manifests/{manifest.digest}"
    try:
        connection.request("PUT", path, body=manifest.content, headers={"Content-Type": manifest.media_type})
        answer = connection.getresponse()
        return Response(answer.status, answer.read())
    except OSError as exc:
        return _error(503, "UNAVAILABLE", f"the registry's storage does not answer: {exc}")
    finally:
        connection.close()


def _read_body(environ: dict[str, Any]) -> bytes:
    """Read at most one byte more than the largest manifest."""
    length = min(int(environ.get("CONTENT_LENGTH") or 0), MAX_MANIFEST + 1)
    body: bytes = environ["wsgi.input"].read(length)
    return body


def _denied(verdict: Verdict, host: str) -> Response:
    headers = {} if verdict.code else {"Content-Type": "text/plain; charset=utf-8"}
    if verdict.status == 401:
        headers["WWW-Authenticate"] = f'Basic realm="https://{host}/",service="ecr.amazonaws.com"'
    return Response(verdict.status, verdict.body(), headers)


def _error(status: int, code: str, message: str) -> Response:
    return Response(status, Verdict(status, code, message).body())
