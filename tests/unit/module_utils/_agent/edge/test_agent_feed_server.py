# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managers' server against readers that go, notices that are wrong, and everything that is no HTTP."""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge import feed as feed_module
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.feed import PATH, Feed, Watcher
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.departure import (
    LEAVING_PATH,
    SIGNATURE_HEADER,
    sign,
)
from ansible_collections.apiary.swarm.plugins.module_utils._errors import EngineError

TOKEN = "SWMTKN-worker"


class Engine:
    """A manager's engine with a node at each of two addresses of loopback."""

    def __init__(self) -> None:
        self.drained: list[str] = []
        self.refuses = False
        self.broken = False

    def swarm(self) -> dict[str, t.Any]:
        return {"JoinTokens": {"Worker": TOKEN, "Manager": "SWMTKN-manager"}}

    def nodes(self) -> list[dict[str, t.Any]]:
        if self.broken:
            raise KeyError("Spec")
        return [
            {
                "ID": f"n{last}",
                "Spec": {"Role": "worker", "Availability": "active"},
                "Status": {"State": "ready", "Addr": f"127.0.0.{last}"},
            }
            for last in (1, 2)
        ]

    def change_node(self, node: dict[str, t.Any], changes: dict[str, t.Any]) -> None:
        if self.refuses:
            raise EngineError("The swarm does not have a leader.", 500)
        assert changes == {"Availability": "drain"}
        self.drained.append(node["ID"])

    def services(self) -> list[dict[str, t.Any]]:
        return []

    def running_tasks(self, _services: t.Sequence[str]) -> list[dict[str, t.Any]]:
        return []


@pytest.fixture(scope="module")
def served() -> t.Iterator[tuple[Feed, Engine, list[str]]]:
    engine, lines = Engine(), list[str]()
    stand_in: t.Any = engine
    found = Feed(stand_in, "edge", "127.0.0.1", 0, lines.append)
    yield found, engine, lines
    found.close()


@pytest.fixture
def feed(served: tuple[Feed, Engine, list[str]]) -> Feed:
    return served[0]


@pytest.fixture
def engine(served: tuple[Feed, Engine, list[str]]) -> Engine:
    """The engine of the feed, well again."""
    served[1].__init__()  # type: ignore[misc]
    return served[1]


@pytest.fixture(autouse=True)
def lines(served: tuple[Feed, Engine, list[str]]) -> list[str]:
    """The journal of the feed, empty."""
    served[0].diary.over("feed")
    served[2].clear()
    return served[2]


def port(feed: Feed) -> int:
    return int(feed._server.server_address[1])


def post(feed: Feed, body: bytes, signature: bytes, source: str = "127.0.0.1", **headers: str) -> int:
    """Send a notice as it stands and return the answer's status."""
    with socket.create_connection(("127.0.0.1", port(feed)), 10, (source, 0)) as connection:
        head = {"Content-Length": str(len(body)), "Connection": "close", **headers}
        text = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        connection.sendall(
            f"POST {LEAVING_PATH} HTTP/1.1\r\nHost: x\r\n{text}{SIGNATURE_HEADER}: ".encode()
            + signature
            + b"\r\n\r\n"
            + body
        )
        answer = connection.makefile("rb").readline().split()
    return int(answer[1]) if answer else 0


def notice(node_id: str = "n1", address: str = "127.0.0.1", at: float | None = None) -> tuple[bytes, bytes]:
    body = json.dumps({"node_id": node_id, "address": address, "time": time.time() if at is None else at}).encode()
    return body, sign(TOKEN, body).encode()


def test_a5_a_node_drains_itself_and_no_other(feed: Feed, engine: Engine) -> None:
    assert post(feed, *notice("n2")) == 403, "named by a member, but it is not at the member's address"
    assert post(feed, *notice("n2", "127.0.0.2")) == 403
    assert post(feed, *notice("n9")) == 403
    assert engine.drained == []
    assert post(feed, *notice("n1")) == 200
    assert post(feed, *notice("n2", "127.0.0.2"), source="127.0.0.2") == 200
    assert engine.drained == ["n1", "n2"]


def test_a5_a_copy_does_nothing(feed: Feed, engine: Engine) -> None:
    body, signature = notice()
    assert [post(feed, body, signature) for dummy in range(3)] == [200, 403, 403]
    assert engine.drained == ["n1"]


def test_a5_a_notice_that_the_engine_could_not_serve_may_come_again(feed: Feed, engine: Engine) -> None:
    body, signature = notice()
    engine.refuses = True
    assert post(feed, body, signature) == 503
    engine.refuses = False
    assert post(feed, body, signature) == 200


@pytest.mark.parametrize(
    ("signature", "status"),
    [(b"\xff" * 64, 403), (b"\xc3\xa9", 403), (b"", 403), (b"a" * 60_000, 403), (b"a" * 70_000, 431)],
)
def test_a5_signatures_of_any_bytes(feed: Feed, lines: list[str], signature: bytes, status: int) -> None:
    assert post(feed, notice()[0], signature) == status
    assert lines == []


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "1e3", " ", "\u0661", "4097", "0x10", "+5"])
def test_a5_lengths_that_are_none(feed: Feed, lines: list[str], length: str) -> None:
    body, signature = notice()
    assert post(feed, body, signature, **{"Content-Length": length}) == 404
    assert lines == []


def test_a5_an_unread_body_is_no_second_request(feed: Feed, engine: Engine) -> None:
    """What follows a refused notice on the same connection is its body, whatever it looks like."""
    body, signature = notice()
    signed = f"{SIGNATURE_HEADER}: {signature.decode()}"
    inner = f"POST {LEAVING_PATH} HTTP/1.1\r\nContent-Length: {len(body)}\r\n{signed}\r\n\r\n"
    outer = f"POST {LEAVING_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port(feed)), 10) as connection:
        connection.sendall(outer.encode() + inner.encode() + body)
        answers = connection.makefile("rb").read()
    assert answers.count(b"HTTP/1.1 ") == 1
    assert engine.drained == []


def test_a5_fuzz(feed: Feed, engine: Engine, lines: list[str]) -> None:
    """Bytes of every kind, signed as a member would: always an answer, never a drain, never a word in the journal."""
    dice = random.Random(5)
    good = json.loads(notice()[0])
    odd: list[t.Any] = [
        None,
        True,
        0,
        -1,
        1e308,
        [],
        {},
        "",
        "n1\x00",
        "\u202e",
        [[]] * 50,
        "x" * 500,
        float("nan"),
        float("inf"),
    ]
    for dummy in range(300):
        if dice.random() < 0.5:
            data = {**good, dice.choice(["node_id", "address", "time"]): dice.choice(odd)}
            body = json.dumps(data).encode()
        else:
            raw = bytearray(json.dumps(good).encode())
            for _byte in range(dice.randrange(1, 6)):
                raw[dice.randrange(len(raw))] = dice.randrange(256)
            body = bytes(raw).replace(b'"n1"', b'"n2"')
        assert post(feed, body, sign(TOKEN, body).encode()) == 403, body
    assert engine.drained == []
    assert lines == []


@pytest.mark.parametrize("wait", ["nan", "inf", "-inf", "x", "1e999", "%D9%A1%20x"])
def test_waits_that_are_none(feed: Feed, wait: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port(feed), timeout=10)
    connection.request("GET", f"{PATH}?wait={wait}")
    assert connection.getresponse().status == 400
    connection.close()


def test_a29_readers_that_go_leave_no_trace(feed: Feed, lines: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """Thirty edges that ask and hang up, some in the middle of their question."""
    for number in range(30):
        connection = socket.create_connection(("127.0.0.1", port(feed)), 10)
        # A reset instead of a farewell, so that the answer meets it.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.sendall(f"GET {PATH}?wait=0 HTTP/1.1\r\n{'' if number % 3 else 'Host: x'}\r\n".encode())
        connection.close()
    deadline = time.monotonic() + 10
    while any("process_request_thread" in thread.name for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a thread is left over"
        time.sleep(0.02)
    assert lines == []
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize("error", [BrokenPipeError(), ConnectionResetError(), ConnectionAbortedError(), TimeoutError()])
def test_a29_a_reader_that_goes_is_no_error(
    feed: Feed, lines: list[str], capfd: pytest.CaptureFixture[str], error: OSError
) -> None:
    try:
        raise error
    except OSError:
        feed._server.handle_error(None, ("10.0.0.1", 1))
    assert lines == []
    assert capfd.readouterr() == ("", "")


def test_a29_an_error_of_ours_is_one_line(
    feed: Feed, engine: Engine, lines: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    engine.broken = True
    for dummy in range(5):
        assert post(feed, *notice()) == 0
    assert len(lines) == 1
    assert "unexpected KeyError" in lines[0]
    assert capfd.readouterr() == ("", "")


def test_a29_connections_are_bounded(engine: Engine, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_CONNECTIONS", 3)
    stand_in: t.Any = engine
    feed = Feed(stand_in, "edge", "127.0.0.1", 0, lines.append)
    try:
        held = [socket.create_connection(("127.0.0.1", port(feed)), 10) for dummy in range(3)]
        with socket.create_connection(("127.0.0.1", port(feed)), 10) as one_more:
            assert one_more.recv(1) == b"", "it is turned away at once"
        assert len(lines) == 1
        for connection in held:
            connection.close()
        deadline = time.monotonic() + 10
        while post(feed, *notice()) != 200:
            assert time.monotonic() < deadline, "the places are not given back"
            time.sleep(0.02)
    finally:
        feed.close()


def test_a_port_that_is_taken_leaves_no_thread(engine: Engine, feed: Feed) -> None:
    stand_in: t.Any = engine
    before = threading.active_count()
    for dummy in range(5):
        with pytest.raises(OSError, match="in use"):
            Feed(stand_in, "edge", "127.0.0.1", port(feed), lambda _line: None)
    assert threading.active_count() == before


def test_an_error_nobody_foresaw_does_not_end_the_watcher() -> None:
    broken = [True]

    def read() -> str:
        if broken[0]:
            raise KeyError("DesiredState")
        return "document"

    watcher = Watcher(read)
    try:
        assert "unexpected KeyError" in watcher.wait("x", 5).problem
        broken[0] = False
        assert watcher.wait("x", 5).document == "document"
    finally:
        watcher.close()
