# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of a WebSocket, and bytes carried between ssh and the other side, both ways at once."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from ansible_collections.apiary.swarm.plugins.plugin_utils._access import dial, frames, relay


def test_the_handshake_of_the_rfc() -> None:
    assert frames.accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_the_masked_frame_of_the_rfc() -> None:
    mask = bytes.fromhex("37fa213d")
    assert frames.write(frames.TEXT, b"Hello", mask) == bytes.fromhex("818537fa213d7f9f4d5158")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_000, 65_535, 65_536])
def test_frames_of_all_lengths_are_read_however_they_come(size: int) -> None:
    payload = random.Random(size).randbytes(size)
    sent = frames.write(frames.BINARY, payload) + frames.write(frames.PING, b"x")
    reader, found = frames.Reader(), []
    for start in range(0, len(sent), 4093):
        found += list(reader.feed(sent[start : start + 4093]))
    assert found == [(frames.BINARY, payload), (frames.PING, b"x")]


def test_a_frame_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(frames.FrameError):
        list(frames.Reader().feed(bytes.fromhex("827f00000001") + bytes(4)))


@dataclass
class Site:
    """A relay in a thread.

    :ivar far: the other side.
    :ivar writer: what ssh writes to.
    :ivar reader: what it reads from.
    """

    far: socket.socket
    writer: int
    reader: int
    complaints: list[str] = field(default_factory=list)


@contextmanager
def running(coding: relay.Plain) -> Iterator[Site]:
    """Run a relay until its ssh ends."""
    near, far = socket.socketpair()
    (source, writer), (reader, sink) = os.pipe(), os.pipe()
    site = Site(far, writer, reader)

    def work() -> None:
        try:
            relay.run(near, coding, source, sink)
        except relay.Broken as exc:
            site.complaints.append(str(exc))
        os.close(sink)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    far.settimeout(10)
    try:
        yield site
    finally:
        os.close(writer)
        thread.join(10)
        assert not thread.is_alive()


def everything(reader: int) -> bytes:
    parts = []
    while part := os.read(reader, 1 << 16):
        parts.append(part)
    return b"".join(parts)


def server_frame(opcode: int, payload: bytes) -> bytes:
    assert len(payload) < 126
    return bytes([0x80 | opcode, len(payload)]) + payload


def test_bytes_go_both_ways() -> None:
    with running(relay.Framed()) as site:
        site.far.sendall(server_frame(frames.BINARY, b"SSH-2.0-x"))
        assert os.read(site.reader, 100) == b"SSH-2.0-x"
        os.write(site.writer, b"SSH-2.0-y")
        assert list(frames.Reader().feed(site.far.recv(1000))) == [(frames.BINARY, b"SSH-2.0-y")]


def test_a_ping_is_answered() -> None:
    with running(relay.Framed()) as site:
        site.far.sendall(server_frame(frames.PING, b"there?"))
        assert list(frames.Reader().feed(site.far.recv(1000))) == [(frames.PONG, b"there?")]


@pytest.mark.parametrize(
    ("payload", "says"), [(b"", []), (b"\x03\xe8", []), (b"\x03\xf3late", ["The tunnel was closed: late."])]
)
def test_the_end_is_told_when_it_is_no_good_one(payload: bytes, says: list[str]) -> None:
    with running(relay.Framed()) as site:
        site.far.sendall(server_frame(frames.BINARY, b"last") + server_frame(frames.CLOSE, payload))
        assert everything(site.reader) == (b"" if says else b"last")
        assert site.complaints == says


def test_when_ssh_ends_the_tunnel_is_closed() -> None:
    with running(relay.Framed()) as site:
        pass
    assert list(frames.Reader().feed(site.far.recv(1000))) == [(frames.CLOSE, b"\x03\xe8")]


@pytest.mark.parametrize("coding", [relay.Plain, relay.Framed])
def test_neither_side_waits_for_the_other(coding: type[relay.Plain]) -> None:
    """Much goes out while nobody over there reads, and much comes in meanwhile: no standstill."""
    size = 3_000_000
    with running(coding()) as site:
        content = bytes(size)
        sender = threading.Thread(target=lambda: os.write(site.writer, content) and None, daemon=True)
        sender.start()
        came = 0
        block = bytes(100)
        site.far.setblocking(True)
        for dummy in range(2000):
            site.far.sendall(block if coding is relay.Plain else server_frame(frames.BINARY, block))
            came += len(os.read(site.reader, 1 << 16))
        while came < 2000 * len(block):
            came += len(os.read(site.reader, 1 << 16))
        taken, frame_reader = 0, frames.Reader()
        while taken < size:
            data = site.far.recv(1 << 16)
            taken += (
                len(data) if coding is relay.Plain else sum(len(body) for dummy_op, body in frame_reader.feed(data))
            )
        sender.join(10)
        assert (came, taken) == (2000 * len(block), size)


def test_a_node_that_does_not_answer_is_named() -> None:
    with pytest.raises(dial.Refused, match=r"No connection to 127\.0\.0\.1 port 1: "):
        dial.node("127.0.0.1", 1)
