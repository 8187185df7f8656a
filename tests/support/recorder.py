# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy in front of a real engine that writes down what its clients ask.

with Recorder(node.socket, folder / "proxy") as recorder:
    subprocess.run(["docker", "-H", recorder.host, "stack", "deploy", ...])
recorder.bodies("/services/create")
"""

from __future__ import annotations

import dataclasses
import http.client
import http.server
import json
import re
import socket
import socketserver
import threading
import typing as t
from pathlib import Path

_HOP_HEADERS = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclasses.dataclass
class Call:
    """One request: method, path without the API version and the query, and the JSON body (None when there is none)."""

    method: str
    path: str
    body: t.Any
    status: int = 0


class UnixConnection(http.client.HTTPConnection):
    """A connection to an engine.

    :param timeout: seconds, None for none.
    """

    def __init__(self, path: Path, timeout: float | None = None) -> None:
        super().__init__("engine", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


class Recorder:
    """Context manager for one proxy.

    :ivar host: address for clients (C(unix:///...)).
    :ivar calls: requests so far, oldest first.
    """

    def __init__(self, engine: Path, socket_path: Path) -> None:
        self.calls: list[Call] = []
        self.host = f"unix://{socket_path}"
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                recorder._pass_on(self, engine)

            do_GET = do_POST = do_DELETE = do_HEAD = do_PUT = _pass_on

            def log_message(self, *dummy: t.Any) -> None:
                pass

            def address_string(self) -> str:
                return "client"

        self._server = _Server(str(socket_path), Handler)
        self._path = socket_path

    def __enter__(self) -> Recorder:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *dummy: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)

    def bodies(self, path: str, method: str = "POST") -> list[t.Any]:
        """Return the bodies of all requests to I(path)."""
        return [call.body for call in self.calls if call.path == path and call.method == method]

    def writes(self) -> list[Call]:
        """Return all requests that could have changed something."""
        return [call for call in self.calls if call.method not in {"GET", "HEAD"}]

    def _pass_on(self, handler: http.server.BaseHTTPRequestHandler, engine: Path) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length) if length else _chunks(handler)
        headers = {key: value for key, value in handler.headers.items() if key.lower() not in _HOP_HEADERS}
        path = re.sub(r"^/v[0-9.]+", "", handler.path.partition("?")[0])
        call = Call(handler.command, path, json.loads(body) if body else None)
        self.calls.append(call)
        connection = UnixConnection(engine, timeout=60)
        try:
            connection.request(handler.command, handler.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            call.status = answer.status
            content = b"" if handler.command == "HEAD" else answer.read()
        finally:
            connection.close()
        handler.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in _HOP_HEADERS:
                handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


def _chunks(handler: http.server.BaseHTTPRequestHandler) -> bytes:
    """Return the body of a request that is sent in chunks; empty when it is not."""
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return b""
    parts = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)
