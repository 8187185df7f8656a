# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients in threads, against an endpoint on loopback that notes how many requests it answers at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsOptions, AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.signed_http import SignedHttp

THREADS = 4


class Endpoint(ThreadingHTTPServer):
    """Answers after a moment; :ivar:`together` says for each request how many others were there when it came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.now = 0
        self.together: list[int] = []
        self.answers: list[bytes] = []

    @property
    def session(self) -> AwsSession:
        """A session whose services are all here."""
        where = f"http://127.0.0.1:{self.server_address[1]}"
        return AwsSession(AwsOptions(region="us-east-1", access_key="a", secret_key="b", endpoint_url=where))


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer with what was told, or with nothing in JSON."""
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.together.append(self.server.now)
            self.server.now += 1
            body = self.server.answers.pop(0) if self.server.answers else b"{}"
        time.sleep(0.2)
        with self.server.lock:
            self.server.now -= 1
        self.send_response(200 if body.startswith(b"{") else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Return an endpoint that listens."""
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_first_request_of_a_client_goes_alone_and_the_others_together(endpoint: Endpoint) -> None:
    client = endpoint.session.client("logs")
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda dummy: client.describe_log_groups(), range(THREADS + 1)))
    assert len(found) == THREADS + 1
    assert endpoint.together[:2] == [0, 0]
    assert max(endpoint.together) > 0


@pytest.mark.parametrize("answer", [b"<no JSON>", b'{"logGroups": 5}'])
def test_bad_first_answer_holds_nobody_back(endpoint: Endpoint, answer: bytes) -> None:
    client = endpoint.session.client("logs")
    endpoint.answers = [answer]
    with ThreadPoolExecutor(THREADS) as pool:
        pending = [pool.submit(client.describe_log_groups) for dummy in range(THREADS)]
        failed = [type(call.exception(timeout=30)) for call in pending if call.exception(timeout=30)]
    assert len(failed) <= 1, failed
    assert len(endpoint.together) >= THREADS


def test_unanswered_first_request_holds_nobody_back() -> None:
    nobody = AwsOptions(region="us-east-1", access_key="a", secret_key="b", endpoint_url="http://127.0.0.1:9")
    client = AwsSession(nobody).client("logs")
    with ThreadPoolExecutor(THREADS) as pool:
        pending = [pool.submit(client.describe_log_groups) for dummy in range(THREADS)]
        errors = [call.exception(timeout=60) for call in pending]
    assert all(errors)


def test_threads_have_connections_of_their_own(endpoint: Endpoint) -> None:
    http = SignedHttp(endpoint.session)
    used: dict[int, set[int]] = {}

    def call(dummy: int) -> None:
        http.json("ssm", "us-east-1", "AmazonSSM.GetParameters", {}, "read", "ssm:GetParameters")
        used.setdefault(threading.get_ident(), set()).add(id(http._http()))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(call, range(3 * THREADS)))
    assert max(endpoint.together) > 0
    assert all(len(found) == 1 for found in used.values())
    assert len(set.union(*used.values())) == len(used) == THREADS
