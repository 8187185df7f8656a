# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real nginx with the edge's own configuration, on a port of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
import typing as t
from pathlib import Path

from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.nginx import EdgeOptions, render
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.routes import Routes

PAGE = b"HTTP/1.1 502 Bad\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine"


def nginx() -> str:
    """Return this machine's nginx."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, "install the package nginx"
    return found


def local(text: str, port: int, folder: Path) -> str:
    """Return a configuration of the edge for whoever runs the test: another port, and nothing outside *folder*."""
    text = text.replace("listen 80", f"listen 127.0.0.1:{port}").replace("/tmp/", f"{folder}/")
    return text.replace("/dev/stdout", str(folder / "access.log"))


def refusal(routes: Routes, folder: Path) -> str:
    """Return what nginx has against the configuration of these routes, "" when it takes it."""
    config = folder / "tested.conf"
    config.write_text(local(render(routes, EdgeOptions("n1")), 18080, folder))
    command = [nginx(), "-t", "-q", "-e", "stderr", "-c", str(config)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return run.stderr if run.returncode else ""


@contextlib.contextmanager
def serving(routes: Routes, folder: Path) -> t.Iterator[int]:
    """Run nginx with these routes, and yield its port."""
    options = EdgeOptions("n1", max_body="1k", routes_file=str(folder / "none.json"), local_ranges=("192.0.2.0/24",))
    port = free_port()
    (folder / "nginx.conf").write_text("daemon off;\n" + local(render(routes, options), port, folder))
    with subprocess.Popen([nginx(), "-e", "stderr", "-c", str(folder / "nginx.conf")]) as process:
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
            yield port
        finally:
            process.terminate()


@contextlib.contextmanager
def service() -> t.Iterator[int]:
    """Run a service that answers every request with PAGE, and yield its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(listening,), daemon=True).start()
    yield int(listening.getsockname()[1])
    listening.close()


def _serve(listening: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _address = listening.accept()
            connection.recv(65536)
            connection.sendall(PAGE)
            connection.close()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def ask(port: int, request: str, host: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Send a request as it is written, and return status, headers and body."""
    lines = [request, f"Host: {host}", "Connection: close", *(f"{key}: {value}" for key, value in headers.items())]
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    head, _blank, body = answer.partition("\r\n\r\n")
    status, *rest = head.split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in rest), body
