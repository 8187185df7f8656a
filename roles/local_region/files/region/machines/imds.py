# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instance metadata (IMDSv2), answering each instance by the address that it asks from."""

from __future__ import annotations

import base64
import secrets
import socketserver
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socket import IP_TTL, IPPROTO_IP
from typing import Union

Tree = Mapping[str, Union["Tree", str, bytes, None]]


@dataclass(frozen=True)
class Metadata:
    """All that one instance may read about itself.

    :ivar tree: below /latest/.
    """

    tree: Tree
    hop_limit: int = 1


def lookup(tree: Tree, path: str) -> bytes | None:
    """Return what the service answers for *path* (below the version), or None for 404.

    A folder answers with its entries, one a line, folders with a slash at the end, as the real service does. A folder
    whose name carries a title (C(0=name), of key pairs) is listed with it and found by what stands before it.
    """
    entry: Tree | str | bytes | None = tree
    for part in (part for part in path.split("/") if part):
        if not isinstance(entry, Mapping):
            return None
        entry = next((child for name, child in entry.items() if part in (name, name.partition("=")[0])), None)
    if entry is None:
        return None
    if isinstance(entry, Mapping):
        return "\n".join(_listed(name, child) for name, child in entry.items() if child is not None).encode()
    return entry.encode() if isinstance(entry, str) else entry


def _listed(name: str, child: object) -> str:
    return f"{name}/" if isinstance(child, Mapping) and "=" not in name else name


@dataclass
class Tokens:
    """Session tokens, each valid for the instance that asked and for the time that it asked for."""

    clock: Callable[[], float] = time.time
    _known: dict[str, tuple[str, float]] = field(default_factory=dict)

    def issue(self, address: str, seconds: int) -> str:
        """Return a new token for the instance at *address*."""
        now = self.clock()
        self._known = {token: value for token, value in self._known.items() if value[1] > now}
        token = base64.urlsafe_b64encode(secrets.token_bytes(42)).decode()
        self._known[token] = (address, now + seconds)
        return token

    def valid(self, address: str, token: str) -> bool:
        """Tell whether *token* was given to *address* and still holds."""
        owner, expires = self._known.get(token, ("", 0.0))
        return owner == address and expires > self.clock()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def serve(address: str, describe: Callable[[str], Metadata | None]) -> None:
    """Answer for ever on *address*, port 80.

    :param describe: maps the caller's address to its metadata; None when no instance has that address.
    """
    tokens = Tokens()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "EC2ws"
        sys_version = ""

        def do_PUT(self) -> None:
            metadata = describe(self.client_address[0])
            if metadata is None or self.path != "/latest/api/token":
                return self._answer(404)
            try:
                seconds = int(self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", ""))
            except ValueError:
                return self._answer(400)
            if not 1 <= seconds <= 21600 or "X-Forwarded-For" in self.headers:
                return self._answer(400 if "X-Forwarded-For" not in self.headers else 403)
            # As in EC2, the answer to this one request lives for so many hops: a container behind the node's
            # bridge is one hop further away, so a limit of 1 keeps it from ever getting a token.
            self.connection.setsockopt(IPPROTO_IP, IP_TTL, metadata.hop_limit)
            token = tokens.issue(self.client_address[0], seconds)
            return self._answer(200, token.encode(), {"X-aws-ec2-metadata-token-ttl-seconds": str(seconds)})

        def do_GET(self) -> None:
            metadata = describe(self.client_address[0])
            if metadata is None:
                return self._answer(404)
            if not tokens.valid(self.client_address[0], self.headers.get("X-aws-ec2-metadata-token", "")):
                return self._answer(401)
            parts = self.path.split("?")[0].lstrip("/").split("/", 1)
            known = parts[0] == "latest" or parts[0][:4].isdigit()
            body = lookup(metadata.tree, parts[1] if len(parts) > 1 else "") if known else None
            return self._answer(404) if body is None else self._answer(200, body)

        def _answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the region's log for what goes wrong."""

    _Server((address, 80), Handler).serve_forever()
