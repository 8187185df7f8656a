# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata service as it is on bad days: 5xx, HTML, nothing, slow; and then well again."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.imds import Identity, Imds, ImdsError

DOCUMENT = {"instanceId": "i-1", "instanceType": "t3.small", "availabilityZone": "a", "privateIp": "10.0.0.1"}


class Service(http.server.ThreadingHTTPServer):
    """A metadata service whose answers are set: path → (status, body)."""

    daemon_threads = True

    def __init__(self) -> None:
        self.token: tuple[int, bytes] = (200, b"token")
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.slow = 0.0
        self.tokens = 0
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                service.tokens += 1
                self._answer(*service.token)

            def do_GET(self) -> None:
                path = self.path.removeprefix("/latest/")
                self._answer(*service.answers.get(path, (404, b"")))

            def _answer(self, status: int, body: bytes) -> None:
                time.sleep(service.slow)
                if status == 0:
                    self.wfile.write(b"no HTTP at all\r\n\r\n")
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) + (10 if status == 299 else 0)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # who asked has lost patience
                    super().handle()

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def service() -> t.Iterator[Service]:
    found = Service()
    found.answers["dynamic/instance-identity/document"] = 200, json.dumps(DOCUMENT).encode()
    yield found
    found.shutdown()
    found.server_close()


def client(service: Service) -> Imds:
    return Imds(f"http://127.0.0.1:{service.server_address[1]}", timeout=0.3)


BAD = [(503, b"<html>busy</html>"), (500, b""), (0, b""), (299, b"half"), (200, b"\xff\xfe"), (200, b"<html>\nx")]


@pytest.mark.parametrize("bad", [*BAD, (200, b""), (200, b"two words"), (403, b"")])
def test_a25_a_token_that_is_none_is_not_kept(service: Service, bad: tuple[int, bytes]) -> None:
    imds = client(service)
    service.token = bad
    for dummy in range(3):
        with pytest.raises(ImdsError):
            imds.identity()
    service.token = 200, b"token"
    assert imds.identity() == Identity("i-1", "t3.small", "a", "10.0.0.1")


@pytest.mark.parametrize(
    "bad",
    [
        *BAD,
        (404, b""),
        (200, b""),
        (200, b"[]"),
        (200, b"null"),
        (200, json.dumps({**DOCUMENT, "privateIp": None}).encode()),
        (200, json.dumps({**DOCUMENT, "instanceId": ""}).encode()),
        (200, json.dumps({**DOCUMENT, "privateIp": "<html>"}).encode()),
    ],
)
def test_a25_an_identity_that_is_none_is_asked_for_again(service: Service, bad: tuple[int, bytes]) -> None:
    imds = client(service)
    good = service.answers["dynamic/instance-identity/document"]
    service.answers["dynamic/instance-identity/document"] = bad
    with pytest.raises(ImdsError):
        imds.identity()
    service.answers["dynamic/instance-identity/document"] = good
    assert imds.identity().instance_id == "i-1"


def test_a25_a_slow_service_is_an_error_that_passes(service: Service) -> None:
    imds = client(service)
    service.slow = 1.0
    with pytest.raises(ImdsError):
        imds.identity()
    service.slow = 0.0
    assert imds.identity().instance_id == "i-1"
    asked = service.tokens
    imds.identity()
    assert service.tokens == asked, "a good token is kept"


def test_a25_ranges_of_the_vpc_are_never_none(service: Service) -> None:
    """An edge that began without them would believe no load balancer for as long as it runs."""
    imds = client(service)
    macs = "meta-data/network/interfaces/macs/"
    for found in (
        {},
        {macs: (200, b"02:00/")},
        {macs: (200, b"02:00/"), f"{macs}02:00/vpc-ipv4-cidr-blocks": (200, b"<p>")},
    ):
        service.answers.update(found)
        with pytest.raises(ImdsError):
            imds.vpc_ranges()
    service.answers[f"{macs}02:00/vpc-ipv4-cidr-blocks"] = 200, b"10.0.0.0/16\n10.1.0.0/16"
    assert imds.vpc_ranges() == ("10.0.0.0/16", "10.1.0.0/16")
