# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames of a WebSocket as a client writes and reads them (RFC 6455). Pure."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
import typing as t

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
LONGEST = 65_000
"""Bytes of one frame that is written; the endpoint takes no longer ones."""
_LONGEST_READ = 1 << 24
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class FrameError(ValueError):
    """What came is no frame that a server may send."""


def accept_key(key: str) -> str:
    """Return what a server answers to the handshake's *key*."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()


def write(opcode: int, payload: bytes, mask: bytes | None = None) -> bytes:
    """Return a frame of a client, masked.

    :param mask: four bytes, random by default.
    """
    mask = os.urandom(4) if mask is None else mask
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, size)
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Return *payload* with *mask* put on it, or taken off it."""
    size = len(payload)
    stretched = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stretched, "big")).to_bytes(size, "big")


class Reader:
    """Takes bytes as they come and gives the frames that they make."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> t.Iterator[tuple[int, bytes]]:
        """Yield opcode and payload of each frame that is complete with *data*; parts of a message come as they are.

        :raises FrameError: it is longer than anything here may be.
        """
        self._held += data
        while len(self._held) >= 2:
            size, start = self._held[1] & 0x7F, 2
            if size >= 126:
                width = 2 if size == 126 else 8
                start += width
                if len(self._held) < start:
                    return
                size = int.from_bytes(self._held[2:start], "big")
            if size > _LONGEST_READ:
                raise FrameError(f"a frame of {size} bytes")
            mask = b""
            if self._held[1] & 0x80:
                mask, start = bytes(self._held[start : start + 4]), start + 4
            if len(self._held) < start + size:
                return
            opcode, payload = self._held[0] & 0x0F, bytes(self._held[start : start + size])
            del self._held[: start + size]
            yield opcode, masked(payload, mask) if mask else payload


def close_reason(payload: bytes) -> tuple[int, str]:
    """Return code and words of a close frame; 1000, the normal end, when it has none."""
    if len(payload) < 2:
        return 1000, ""
    return int.from_bytes(payload[:2], "big"), payload[2:].decode("utf-8", "replace")
