# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the edge says by itself, asked of nginx: JSON as its other answers, with the status that nginx chose."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.nginx import PROBLEMS, EdgeOptions, render
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.routes import Route, Routes, Task

PAGE = b"HTTP/1.1 502 Bad\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[int]:
    """The port of an nginx with two routes: of C(own) a service answers 502 itself, of C(gone) none does."""
    folder = tmp_path_factory.mktemp("edge")
    service = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(service,), daemon=True).start()
    ports = [service.getsockname()[1], _free_port()]
    routes = [
        Route(host, port, f"{host}.example", tasks=(Task("task1", "127.0.0.1"),))
        for host, port in zip(("own", "gone"), ports, strict=True)
    ]
    options = EdgeOptions("n1", max_body="1k", routes_file=str(folder / "none.json"), local_ranges=("192.0.2.0/24",))
    port = _free_port()
    text = render(Routes(tuple(routes)), options)
    text = text.replace("listen 80", f"listen 127.0.0.1:{port}").replace("/tmp/", f"{folder}/")
    text = text.replace("/dev/stdout", str(folder / "access.log"))
    (folder / "nginx.conf").write_text("daemon off;\n" + text)
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert nginx, "install the package nginx"
    with subprocess.Popen([nginx, "-e", "stderr", "-c", str(folder / "nginx.conf")]) as process:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
        yield port
        process.terminate()
    service.close()


def _serve(service: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _address = service.accept()
            connection.recv(65536)
            connection.sendall(PAGE)
            connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def ask(port: int, request: str, host: str = "gone.example", **headers: str) -> tuple[int, dict[str, str], str]:
    """Send a request as it is written, and return status, headers and body."""
    lines = [request, f"Host: {host}", "Connection: close", *(f"{key}: {value}" for key, value in headers.items())]
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    head, _blank, body = answer.partition("\r\n\r\n")
    status, *rest = head.split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in rest), body


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
