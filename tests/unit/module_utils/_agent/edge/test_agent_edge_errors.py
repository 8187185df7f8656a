# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the edge says by itself, asked of nginx: JSON as its other answers, with the status that nginx chose."""

from __future__ import annotations

import json
import typing as t

import pytest
from edges import ask, free_port, service, serving

from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.nginx import PROBLEMS
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.routes import Route, Routes, Task


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[int]:
    """The port of an nginx with two routes: of C(own) a service answers 502 itself, of C(gone) none does."""
    with service() as own:
        routes = [
            Route(host, port, f"{host}.example", tasks=(Task("task1", "127.0.0.1"),))
            for host, port in (("own", own), ("gone", free_port()))
        ]
        with serving(Routes(tuple(routes)), tmp_path_factory.mktemp("edge")) as port:
            yield port


@pytest.mark.parametrize(
    ("request_line", "host", "headers", "status"),
    [
        ("POST / HTTP/1.1", "gone.example", {"Content-Length": "5000"}, 413),
        ("GET / HTTP/1.1", "gone.example", {}, 502),
        ("GET /_edge/routes HTTP/1.1", "other", {}, 403),
        ("GET /_edge/error HTTP/1.1", "other", {}, 404),
        ("GET / HTTP/1.1", "gone.example", {"Content-Length": "x"}, 400),
        ("GET / HTTP/1.1", "bad host", {}, 400),
        ("nonsense", "gone.example", {}, 400),
        ("GET /" + "a" * 40000 + " HTTP/1.1", "gone.example", {}, 414),
        ("GET / HTTP/1.1", "gone.example", {"X-Long": "a" * 40000}, 400),
        ("POST / HTTP/1.1", "gone.example", {"Transfer-Encoding": "gzip"}, 501),
        ("GET / HTTP/7.0", "gone.example", {}, 505),
    ],
)
def test_u27_errors_of_the_edge_are_json_as_its_other_answers(
    edge: int, request_line: str, host: str, headers: dict[str, str], status: int
) -> None:
    found, answered, body = ask(edge, request_line, host, **headers)
    assert (found, answered["Content-Type"], answered["X-Edge-Node"]) == (status, "application/json", "n1")
    words = {PROBLEMS[status], *((PROBLEMS[494],) if status == 400 else ())}
    assert json.loads(body)["error"] in words


def test_u27_errors_of_a_service_pass_as_they_are(edge: int) -> None:
    found, answered, body = ask(edge, "GET / HTTP/1.1", "own.example")
    assert (found, answered["Content-Type"], body) == (502, "text/html", "mine")
    found, _answered, body = ask(edge, "GET / HTTP/1.1", "nobody.example")
    assert (found, json.loads(body)) == (404, {"error": "no route", "host": "nobody.example"})
