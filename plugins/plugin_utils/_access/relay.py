# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes back and forth between ssh, which is this process's input and output, and whatever leads to the node."""

from __future__ import annotations

import os
import select
import socket
import ssl
import typing as t

from . import frames

_CHUNK = frames.LONGEST
_AHEAD = 1 << 20
"""Bytes from ssh that may wait to be sent before no more are read."""


class Broken(Exception):
    """The other side ended the connection with a complaint."""


class Plain:
    """Bytes as they are."""

    def wrap(self, data: bytes) -> bytes:
        """Return what is sent for *data*."""
        return data

    def unwrap(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """Return what ssh gets, what is to be answered, and whether that was all."""
        return data, b"", False

    def goodbye(self) -> bytes:
        """Return what is sent last."""
        return b""


class Framed(Plain):
    """Bytes in the frames of a WebSocket."""

    def __init__(self) -> None:
        self._reader = frames.Reader()

    def wrap(self, data: bytes) -> bytes:
        """Return a frame."""
        return frames.write(frames.BINARY, data)

    def unwrap(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """Return the content of frames.

        :raises Broken: the other side closes, and not because all is said.
        """
        content, answer = bytearray(), bytearray()
        for opcode, payload in self._reader.feed(data):
            if opcode in (frames.BINARY, frames.CONTINUATION):
                content += payload
            elif opcode == frames.PING:
                answer += frames.write(frames.PONG, payload)
            elif opcode == frames.CLOSE:
                code, reason = frames.close_reason(payload)
                if code != 1000:
                    raise Broken(f"The tunnel was closed: {reason or code}.")
                return bytes(content), bytes(answer + frames.write(frames.CLOSE, payload)), True
        return bytes(content), bytes(answer), False

    def goodbye(self) -> bytes:
        """Return a frame that closes."""
        return frames.write(frames.CLOSE, b"\x03\xe8")


def run(link: socket.socket, coding: Plain, source: int = 0, sink: int = 1) -> None:
    """Carry bytes until one side ends.

    One thread, for a TLS connection is not for two of them, and nothing ever waits for the one side while the other
    could go on.

    :param link: to the node; may be TLS.
    :param source: file descriptor of what ssh writes.
    :param sink: file descriptor of what ssh reads.
    :raises Broken: the other side complains.
    """
    link.setblocking(False)
    waiting, ended = bytearray(), False
    while True:
        if ended and not waiting:
            return
        readers: list[t.Any] = [link, *([source] if len(waiting) < _AHEAD and not ended else [])]
        held = _pending(link) > 0  # read from the network, and not yet from TLS
        readable = select.select(readers, [link] if waiting else [], [], 0 if held else None)[0]
        if held or link in readable:
            data = _receive(link)
            if data is None:
                return
            content, answer, over = coding.unwrap(data)
            _write(sink, content)
            waiting += answer
            ended = ended or over
        if source in readable and not ended:
            data = os.read(source, _CHUNK)
            ended = not data
            waiting += coding.wrap(data) if data else coding.goodbye()
        if waiting:
            del waiting[: _send(link, waiting)]


def _pending(link: socket.socket) -> int:
    return link.pending() if isinstance(link, ssl.SSLSocket) else 0


def _receive(link: socket.socket) -> bytes | None:
    """Return what is there, None at the end; TLS may turn out to have nothing whole yet."""
    data = bytearray()
    while len(data) < _AHEAD:
        try:
            chunk = link.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            break
        except (ConnectionResetError, ssl.SSLEOFError):
            chunk = b""
        if not chunk:
            return bytes(data) if data else None
        data += chunk
    return bytes(data)


def _send(link: socket.socket, data: bytearray) -> int:
    try:
        return link.send(bytes(data[:_CHUNK]))
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return 0
    except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
        return len(data)


def _write(sink: int, content: bytes) -> None:
    while content:
        content = content[os.write(sink, content) :]
