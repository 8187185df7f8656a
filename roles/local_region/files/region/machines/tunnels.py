# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels of Instance Connect Endpoints: the connection of a call becomes a WebSocket that carries SSH."""

from __future__ import annotations

import base64
import hashlib
import operator
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from region.emulator.ec2.instance_connect import PATH, TARGET

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
_BINARY, _CLOSE, _PING = 0x2, 0x8, 0x9
_LONGEST = 65_535  # bytes of a client's frame
_CHUNK = 32_768
_PATIENCE = 10.0  # seconds for a node to take the connection
_SILENCE = 60.0  # seconds that one side may keep the other from writing


class _Ended(Exception):
    """The tunnel is over: C(code) and words of the close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.frame = _frame(_CLOSE, struct.pack("!H", code) + reason.encode())


def carrying(application: Wsgi) -> Wsgi:
    """Let *application* answer everything, and carry the bytes of the tunnels that it opens."""

    def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != PATH:
            return application(environ, start_response)
        said: list[tuple[str, list[tuple[str, str]]]] = []
        body = application(environ, lambda status, headers: said.append((status, headers)))
        status, headers = said[-1]
        target = dict(headers).get(TARGET)
        if target is None:
            start_response(status, headers)
            return body
        address, port, seconds = target.split()
        key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "")
        if environ.get("HTTP_UPGRADE", "").lower() != "websocket" or not key:
            start_response("400 Bad Request", [("Content-Length", "0")])
            return []
        try:
            node = socket.create_connection((address, int(port)), timeout=_PATIENCE)
        except OSError:
            start_response("504 Gateway Timeout", [("Content-Length", "0")])
            return []
        with node:
            _carry(environ["werkzeug.socket"], key, node, time.monotonic() + int(seconds))
        # What werkzeug takes for a client that has gone: it writes nothing more.
        raise ConnectionError("the tunnel is over")

    return answer


def _carry(client: socket.socket, key: str, node: socket.socket, end: float) -> None:
    accepted = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()
    head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    head += [f"Sec-WebSocket-Accept: {accepted}", "", ""]
    held = bytearray()
    client.settimeout(_SILENCE)
    node.settimeout(_SILENCE)
    try:
        client.sendall("\r\n".join(head).encode())
        while True:
            pending = client.pending() if isinstance(client, ssl.SSLSocket) else 0
            left = end - time.monotonic()
            readable = select.select([client, node], [], [], 0 if pending else max(0.0, left))[0]
            if left <= 0:
                raise _Ended(1000, "the longest time of a tunnel is over")
            if pending or client in readable:
                held += _received(client)
                for opcode, payload in _frames(held):
                    _obey(opcode, payload, client, node)
            if node in readable:
                client.sendall(_frame(_BINARY, _received(node)))
    except _Ended as exc:
        _last(client, exc.frame)
    except OSError:
        pass  # one side has gone


def _received(link: socket.socket) -> bytes:
    data = link.recv(_CHUNK)
    if not data:
        raise _Ended(1000, "")
    return data


def _obey(opcode: int, payload: bytes, client: socket.socket, node: socket.socket) -> None:
    if opcode in (0, _BINARY):
        node.sendall(payload)
    elif opcode == _PING:
        client.sendall(_frame(0xA, payload))
    elif opcode == _CLOSE:
        raise _Ended(1000, "")


def _frames(held: bytearray) -> Iterator[tuple[int, bytes]]:
    """Yield and take out of *held* the frames that are whole. A client masks each; one that does not is refused."""
    while len(held) >= 2:
        if not held[1] & 0x80:
            raise _Ended(1002, "a frame without a mask")
        size, start = held[1] & 0x7F, 2
        if size == 127:
            raise _Ended(1009, "a frame that is too long")
        if size == 126:
            size, start = int.from_bytes(held[2:4], "big") if len(held) >= 4 else _LONGEST, 4
        if len(held) < start + 4 + size:
            return
        mask, content = held[start : start + 4], bytes(held[start + 4 : start + 4 + size])
        opcode = held[0] & 0x0F
        del held[: start + 4 + size]
        yield opcode, bytes(map(operator.xor, content, bytes(mask) * (size // 4 + 1)))


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    head = struct.pack("!BB", 0x80 | opcode, size) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 126, size)
    return head + payload


def _last(client: socket.socket, frame: bytes) -> None:
    try:
        client.sendall(frame)
        client.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
