# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge agent against a feed over real HTTP: what it loads, what it keeps when something is wrong."""

from __future__ import annotations

import http.server
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge import follow as edge
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge import routes
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.follow import Edge
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.image import libraries
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.nginx import EdgeOptions
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.routes import Route, Routes, Task
from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError

ONE = Routes((Route("web", 80, tasks=(Task("t1", "10.1.1.1"),)),))
TWO = Routes((Route("web", 80, tasks=(Task("t2", "10.1.1.2"),)),))


class Manager(http.server.ThreadingHTTPServer):
    """A manager that serves one document."""

    daemon_threads = True

    def __init__(self, address: str, port: int = 0) -> None:
        self.document: str = ""
        self.status = 200
        self.asked = 0
        manager = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                manager.asked += 1
                known = self.headers.get("If-None-Match", "").strip('"')
                status = 304 if manager.status == 200 and known == routes.version(manager.document) else manager.status
                body = manager.document.encode() if status == 200 else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__((address, port), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Engine:
    def __init__(self, *managers: str) -> None:
        self.managers = list(managers)

    def manager_addresses(self) -> list[str]:
        return list(self.managers)


class Container:
    """nginx, as far as the edge asks it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refuses = False
        self.reloads = 0

    def test(self, config: str) -> None:
        assert (self.folder / config).exists()
        if self.refuses:
            raise SwarmError("nginx refuses")

    def reload(self) -> None:
        self.reloads += 1


@pytest.fixture
def manager() -> t.Iterator[Manager]:
    server = Manager("127.0.0.2")
    server.document = ONE.to_json()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def make(container: Container, manager: Manager, *addresses: str) -> Edge:
    engine: t.Any = Engine(*(addresses or ("127.0.0.2",)))
    stand_in: t.Any = container
    found = Edge(
        engine, stand_in, container.folder, EdgeOptions("n"), "10.0.0.1", manager.server_address[1], lambda _line: None
    )
    found.prepare()
    return found


def config(container: Container) -> str:
    return (container.folder / edge.CONFIG).read_text()


def test_a_fresh_node_starts_without_routes(container: Container, manager: Manager) -> None:
    make(container, manager)
    assert "/_edge/health" in config(container)
    assert "proxy_pass" not in config(container)


def test_a_change_is_loaded_once(container: Container, manager: Manager) -> None:
    found = make(container, manager)
    assert found.follow()
    assert "10.1.1.1:80" in config(container)
    assert not found.follow(), "the same version is not loaded again"
    manager.document = TWO.to_json()
    assert found.follow()
    assert "10.1.1.2:80" in config(container)
    assert container.reloads == 2


def test_a_restarted_agent_knows_the_last_routes(container: Container, manager: Manager) -> None:
    make(container, manager).follow()
    make(container, manager)
    assert "10.1.1.1:80" in config(container)


def test_a_newer_agent_makes_a_running_nginx_reload(container: Container, manager: Manager) -> None:
    make(container, manager).follow()
    (container.folder / edge.CONFIG).write_text("of an older agent")
    make(container, manager).follow()
    assert container.reloads == 2


def test_a_restarted_agent_does_not_reload_for_nothing(container: Container, manager: Manager) -> None:
    make(container, manager).follow()
    make(container, manager).follow()
    assert container.reloads == 1


def test_what_nginx_refuses_is_not_loaded(container: Container, manager: Manager) -> None:
    found = make(container, manager)
    found.follow()
    manager.document, container.refuses = TWO.to_json(), True
    with pytest.raises(SwarmError, match="nginx refuses"):
        found.follow()
    assert "10.1.1.1:80" in config(container)
    assert container.reloads == 1
    container.refuses = False
    assert found.follow(), "it is tried again"


@pytest.mark.parametrize("document", ["", "{}", ONE.to_json().replace("10.1.1.1", "10.1.1.1;}")])
def test_a_document_that_is_none_is_not_loaded(container: Container, manager: Manager, document: str) -> None:
    found = make(container, manager)
    found.follow()
    manager.document = document
    with pytest.raises(SwarmError):
        found.follow()
    assert "10.1.1.1:80" in config(container)


def test_the_next_manager_is_asked(container: Container, manager: Manager) -> None:
    found = make(container, manager, "127.0.0.3", "127.0.0.2")
    assert found.follow()
    assert "10.1.1.1:80" in config(container)


@pytest.mark.parametrize("addresses", [("127.0.0.3",), ()])
def test_no_manager(container: Container, manager: Manager, addresses: tuple[str, ...]) -> None:
    found = make(container, manager)
    found.follow()
    engine: t.Any = found._engine
    engine.managers = list(addresses)
    with pytest.raises(SwarmError, match="the last ones stay"):
        found.follow()
    assert "10.1.1.1:80" in config(container)


def test_a_manager_that_cannot_answer_is_left(container: Container, manager: Manager) -> None:
    found = make(container, manager)
    found.follow()
    manager.status = 503
    with pytest.raises(SwarmError, match="answers 503"):
        found.follow()


def test_libraries() -> None:
    listed = """\
\tlinux-vdso.so.1 (0x00007ffd)
\tlibcrypt.so.1 => /lib/x86_64-linux-gnu/libcrypt.so.1 (0x00007f1)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f3)
"""
    assert libraries(listed) == [
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib/x86_64-linux-gnu/libcrypt.so.1",
        "/lib64/ld-linux-x86-64.so.2",
    ]
    with pytest.raises(SwarmError, match="lacks a library"):
        libraries("\tlibssl.so.3 => not found")
