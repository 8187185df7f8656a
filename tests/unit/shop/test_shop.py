# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example's services as a swarm sees them: requests, log lines, health, and how they end."""

from __future__ import annotations

import http.client
import threading
import time
from typing import Any

import pytest


def test_items_can_be_created_read_updated_and_deleted(storage: Any) -> None:
    status, items, dummy = storage.ask("GET", "/items")
    assert (status, [item["name"] for item in items]) == (200, ["Honey", "Beeswax candle"])
    status, item, headers = storage.ask("POST", "/items", {"name": " Mead ", "price": 12})
    assert (status, item, headers["Location"]) == (201, {"id": "3", "name": "Mead", "price": 12}, "/items/3")
    assert storage.ask("PUT", "/items/3", {"name": "Mead", "price": 11})[1]["price"] == 11
    assert storage.ask("GET", "/items/3")[:2] == (200, {"id": "3", "name": "Mead", "price": 11})
    assert storage.ask("DELETE", "/items/3")[:2] == (204, None)
    for method in ("GET", "DELETE"):
        assert storage.ask(method, "/items/3")[:2] == (404, {"error": "there is no item 3"})
    assert storage.ask("PUT", "/items/3", {"name": "Mead", "price": 1})[0] == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "an item has exactly a name and a price"),
        ([], "an item has exactly a name and a price"),
        ({"name": "x"}, "an item has exactly a name and a price"),
        ({"name": "", "price": 1}, "name must be a text of 1 to 100 characters"),
        ({"name": "x" * 101, "price": 1}, "name must be a text of 1 to 100 characters"),
        ({"name": "x", "price": True}, "price must be a number from 0 to 1000000"),
        ({"name": "x", "price": -1}, "price must be a number from 0 to 1000000"),
        ("nonsense", "the body is not JSON"),
    ],
)
def test_bad_items_are_refused(storage: Any, body: Any, message: str) -> None:
    assert storage.ask("POST", "/items", body)[:2] == (400, {"error": message})


def test_unknown_path_wrong_method_and_huge_body(storage: Any) -> None:
    assert storage.ask("GET", "/nothing")[:2] == (404, {"error": "there is nothing at /nothing"})
    assert storage.ask("PATCH", "/items")[:2] == (405, {"error": "/items takes GET, POST"})
    assert storage.ask("POST", "/items", "x" * 65537)[0] == 413
    assert storage.ask("HEAD", "/items")[:2] == (200, None)


def test_home_goes_through_all_services_and_says_who_answered(gate: Any) -> None:
    status, body, headers = gate.ask("GET", "/")
    assert status == 200
    assert body == {
        "service": "gate",
        "version": "1",
        "task": "gate.1",
        "node": "node-1",
        "storage": {"task": "storage.1", "items": 2},
        "session": {"visits": 1},
    }
    assert (headers["X-Task"], headers["X-Node"], headers["X-Version"]) == ("gate.1", "node-1", "1")


def test_session_is_counted_by_its_cookie(gate: Any) -> None:
    cookie = gate.ask("GET", "/")[2]["Set-Cookie"].split(";")[0]
    assert gate.ask("GET", "/", Cookie=cookie)[1]["session"] == {"visits": 2}
    assert gate.ask("GET", "/")[1]["session"] == {"visits": 1}


@pytest.mark.parametrize("cookie", ["session=../../x", "session=", "a=b; c", "session=" + "g" * 32])
def test_made_up_session_is_a_new_one(gate: Any, cookie: str) -> None:
    assert gate.ask("GET", "/", Cookie=cookie)[1]["session"] == {"visits": 1}


def test_version_two_shows(run: Any, storage: Any) -> None:
    gate = run("gate", VERSION="2", STORAGE=f"127.0.0.1:{storage.port}")
    assert gate.ask("GET", "/")[1]["offer"] == "free delivery this week"


def test_gate_hands_items_through(gate: Any) -> None:
    status, item, headers = gate.ask("POST", "/items", {"name": "Mead", "price": 12})
    assert (status, item["id"], headers["Location"]) == (201, "3", "/items/3")
    assert gate.ask("GET", "/items/4")[:2] == (404, {"error": "there is no item 4"})
    assert gate.ask("DELETE", "/items/3")[:2] == (204, None)


def test_gate_says_when_storage_is_gone(gate: Any, storage: Any) -> None:
    storage.kill()
    status, body, dummy = gate.ask("GET", "/")
    assert status == 502
    assert body["error"].startswith("storage does not answer")


def test_services_say_when_redis_is_gone(run: Any) -> None:
    status, body, dummy = run("storage", REDIS_DOWN="yes").ask("GET", "/items")
    assert (status, body) == (503, {"error": "redis does not answer: connection refused"})
    status, body, dummy = run("gate", REDIS_DOWN="yes").ask("GET", "/")
    assert (status, body) == (503, {"error": "sessions are not available: connection refused"})


def test_a_request_is_one_log_line_in_each_service(gate: Any, storage: Any) -> None:
    gate.ask("GET", "/items", X_Request_Id="abc")
    gate.ask("GET", "/health")
    for process in (gate, storage):
        process.terminate()
        code, lines = process.end()
        assert code == 0
        assert [line["message"] for line in lines] == ["ready", "request", "stopping", "stopped"]
        request = lines[1]
        assert (request["request_id"], request["path"], request["status"]) == ("abc", "/items", 200)
        assert {"time", "level", "service", "version", "task", "node", "ms"} <= set(request)


def test_health_turns_bad_while_it_drains(storage: Any) -> None:
    assert storage.ask("GET", "/health")[:2] == (200, {"status": "ok", "version": "1"})
    storage.terminate()
    time.sleep(0.2)
    status, body, headers = storage.ask("GET", "/health")
    assert (status, body) == (503, {"error": "stopping"})
    assert headers["Connection"] == "close"


def test_requests_are_answered_while_it_drains_and_refused_after(storage: Any) -> None:
    storage.terminate()
    time.sleep(0.2)
    assert storage.ask("GET", "/items")[0] == 200
    code, dummy = storage.end()
    assert code == 0
    with pytest.raises(ConnectionRefusedError):
        storage.ask("GET", "/items")


def test_request_in_flight_is_finished(storage: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", storage.port, timeout=5)
    connection.putrequest("POST", "/items")
    body = b'{"name": "Mead", "price": 12}'
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    time.sleep(0.1)
    storage.terminate()
    time.sleep(0.7)  # the drain is over, and the body is still missing
    connection.send(body)
    assert connection.getresponse().status == 201
    code, lines = storage.end()
    assert (code, lines[-1]["unfinished_requests"]) == (0, 0)


def test_stop_does_not_wait_for_ever(run: Any) -> None:
    storage = run("storage", STOP_SECONDS="0.3")
    connection = http.client.HTTPConnection("127.0.0.1", storage.port, timeout=5)
    connection.putrequest("POST", "/items")
    connection.putheader("Content-Length", "10")
    connection.endheaders()
    time.sleep(0.1)
    storage.terminate()
    code, lines = storage.end()
    assert (code, lines[-1]["level"], lines[-1]["unfinished_requests"]) == (0, "error", 1)


def test_idle_connections_do_not_hold_up_the_end(storage: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", storage.port, timeout=5)
    connection.request("GET", "/items")
    connection.getresponse().read()
    started = time.monotonic()
    storage.terminate()
    assert storage.end()[0] == 0
    assert time.monotonic() - started < 3


def test_broken_image_says_why_and_ends_with_3(run: Any) -> None:
    gate = run("gate", VERSION="3", BROKEN="the price list is missing")
    code, lines = gate.end()
    assert code == 3
    assert [line["message"] for line in lines] == ["cannot start: the price list is missing"]
    assert lines[0]["level"] == "error"


def test_many_at_once(gate: Any) -> None:
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.extend(gate.ask("GET", "/")[0] for dummy in range(5)))
        for dummy in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40
