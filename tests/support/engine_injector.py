# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy in front of a Docker engine that spoils one answer: which one and how is told before the deploy."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import http.server
import re
import socket
import socketserver
import threading
import time
import typing as t
from pathlib import Path

from recorder import UnixConnection

#: C(lose): the request never arrives. C(drop): the engine carries it out, and the connection ends without an answer.
#: C(delay): the answer comes when the client has given up. C(double): it comes twice. Beside these, C(fail): the engine
#: never hears of it, and the answer is an error of the engine's own.
FAULTS = ("lose", "drop", "delay", "double")
_ID = re.compile(r"/[0-9a-z]{25}(?=/|$)")


@dataclasses.dataclass(frozen=True)
class Place:
    """One call of a deploy, the same in every run of it.

    :ivar after: the write before it, with its turn; of a write it is "", for how many others come before it varies.
    :ivar call: method and path, without ids.
    :ivar turn: counts the same write in the deploy, or the same read after a write, from 1.
    """

    after: str
    call: str
    turn: int

    @property
    def is_write(self) -> bool:
        return not self.call.startswith(("GET ", "HEAD "))


class Injector:
    """Listens on a socket of its own and passes everything on but what I(arm) names.

    :ivar places: of the calls since I(arm), in their order.
    :ivar hit: whether the fault has happened.
    """

    def __init__(self, engine: Path, listen: Path, late: float) -> None:
        self.engine = engine
        self.host = f"unix://{listen}"
        self.late = late
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.arm()
        self._server = _Server(str(listen), self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def arm(self, place: Place | None = None, fault: str = "", act: t.Callable[[], object] = lambda: None) -> None:
        """Forget what was seen, end streams that are left, and spoil the call at I(place) from now on.

        :param act: done before that call goes on.
        """
        with self._lock:
            self._place, self._fault, self._act, self.hit = place, fault, act, False
            self.places: list[Place] = []
            self._after = ""
            self._turns: dict[tuple[str, str], int] = {}
            left, self._open = self._open, set()
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening."""
        self.arm()
        self._server.shutdown()
        self._server.server_close()

    def meet(self, method: str, path: str, connection: socket.socket) -> str:
        """Note a call and return the fault that it meets, "" for none."""
        call = f"{method} {_ID.sub('/*', path.partition('?')[0])}"
        with self._lock:
            self._open.add(connection)
            after = "" if method not in ("GET", "HEAD") else self._after
            turn = self._turns[after, call] = self._turns.get((after, call), 0) + 1
            place = Place(after, call, turn)
            self.places.append(place)
            if place.is_write:
                self._after = f"{call} {turn}"
            if place != self._place or self.hit:
                return ""
            self.hit = True
        self._act()
        return self._fault

    def forget(self, connection: socket.socket) -> None:
        """A connection has ended by itself."""
        with self._lock:
            self._open.discard(connection)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, listen: str, injector: Injector) -> None:
        self.injector = injector
        super().__init__(listen, _Handler)

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """A client that has gone away is no news."""


_WORDS = b'{"message":"rpc error: code = Internal desc = no space left on device"}'
_ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: %d\r\n\r\n%s" % (len(_WORDS), _WORDS)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_arguments: object) -> None:
        return

    def finish(self) -> None:
        self.server.injector.forget(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def pass_on(self) -> None:
        injector = self.server.injector
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = injector.meet(self.command, self.path, self.connection)
        if fault == "lose":
            return self._end()
        if fault == "fail":
            self.wfile.write(_ERROR)
            return None
        headers = {key: value for key, value in self.headers.items() if key not in ("Connection", "Host")}
        upstream = UnixConnection(injector.engine)
        upstream.request(self.command, self.path, body or None, headers)
        answer = upstream.getresponse()
        with contextlib.closing(upstream):
            if self.path.startswith("/events"):
                return self._stream(answer, fault)
            content = answer.read()
        if fault == "drop":
            return self._end()
        if fault == "delay":
            time.sleep(injector.late)
        self.wfile.write(_bytes(answer, content) * (2 if fault == "double" else 1))
        return None

    do_GET = do_HEAD = do_POST = do_DELETE = pass_on

    def _end(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _stream(self, answer: http.client.HTTPResponse, fault: str) -> None:
        self.close_connection = True
        if fault == "drop":
            return self._end()
        self.wfile.write(f"HTTP/1.1 {answer.status} {answer.reason}\r\nConnection: close\r\n\r\n".encode())
        while data := answer.read1(65536):
            self.wfile.write(data)
        return None


def _bytes(answer: http.client.HTTPResponse, content: bytes) -> bytes:
    ours = ("transfer-encoding", "content-length", "connection")
    head = [f"{key}: {value}" for key, value in answer.getheaders() if key.lower() not in ours]
    length = [] if answer.status == 204 else [f"Content-Length: {len(content)}"]
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *head, *length, "", ""]
    return "\r\n".join(lines).encode() + content
