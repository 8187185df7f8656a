# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a manager serves to the other nodes: the route feed, and an ear for nodes that leave.

An edge asks C(GET /v1/routes?wait=SECONDS) with C(If-None-Match) and is answered when there is something new. The
engine tells no events of tasks, so the feed looks at them twice a second, but only while somebody waits. An answer is
never older than its question.
"""

from __future__ import annotations

import http.server
import math
import socketserver
import sys
import threading
import time
import typing as t
import urllib.parse
from dataclasses import dataclass

from ..._errors import EngineError, SwarmError
from ..diary import Diary, line_of
from ..engine import LocalEngine
from ..membership import departure
from . import routes

PATH = "/v1/routes"
_LOOK_EVERY = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_BODY = 4096
_CONNECTIONS = 1024
"""Questions at one time; each holds a thread. An edge asks one at a time."""
_GONE = (BrokenPipeError, ConnectionResetError, ConnectionAbortedError, TimeoutError)
"""What a reader causes that is away before its answer: edges restart, nodes end. It is nobody's fault."""


@dataclass(frozen=True)
class Snapshot:
    """The routes as they were at C(taken) (monotonic seconds), or why they could not be read."""

    taken: float
    document: str = ""
    version: str = ""
    problem: str = ""


class Watcher:
    """Reads the routes from the engine while somebody waits for them.

    :param read: returns the document now.
    """

    def __init__(self, read: t.Callable[[], str]) -> None:
        self._read = read
        self._changed = threading.Condition()
        self._waiting = 0
        self._snapshot = Snapshot(taken=float("-inf"))
        self._closed = False
        self._thread = threading.Thread(target=self._watch, name="route-watcher", daemon=True)
        self._thread.start()

    def wait(self, known: str, seconds: float) -> Snapshot:
        """Return a snapshot taken after this call that is not the version *known*, or the last one after *seconds*."""
        asked = time.monotonic()
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            try:
                # A reading that never comes back must not hold the caller for ever.
                self._changed.wait_for(lambda: self._snapshot.taken >= asked or self._closed, _LONGEST_WAIT)
                remaining = seconds - (time.monotonic() - asked)
                self._changed.wait_for(lambda: self._snapshot.version != known or self._closed, max(0.0, remaining))
            finally:
                self._waiting -= 1
            if self._snapshot.taken < asked:
                return Snapshot(taken=asked, problem="the engine does not answer")
            return self._snapshot

    def close(self) -> None:
        """Stop watching; whoever waits is answered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _watch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
            started = time.monotonic()
            try:
                document = self._read()
                snapshot = Snapshot(started, document, routes.version(document))
            except Exception as exc:  # this thread is the only one that reads, so it must not end
                snapshot = Snapshot(started, problem=line_of(exc))
            with self._changed:
                self._snapshot = snapshot
                self._changed.notify_all()
                # A new question must not wait for the next look: it wakes this thread up.
                self._changed.wait_for(lambda: self._closed, _LOOK_EVERY)


class Feed:
    """The feed's HTTP server, on a manager only.

    :param address: address to listen on: the node's private one.
    :param log: takes one line per event.
    """

    def __init__(
        self, engine: LocalEngine, network: str, address: str, port: int, log: t.Callable[[str], None]
    ) -> None:
        self._engine = engine
        self._network = network
        self.diary = Diary(log)
        self._log = log
        self._seen = departure.Seen()
        # First, as it fails while another program has the port; a watcher's thread would be left over each time.
        self._server = _Server((address, port), type("_Handler", (_Handler,), {"feed": self}), self.diary)
        self.watcher = Watcher(self._document)
        self._thread = threading.Thread(target=self._server.serve_forever, name="route-feed", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self.watcher.close()
        self._server.shutdown()
        self._server.server_close()

    def drain(self, body: bytes, signature: str, sender: str) -> None:
        """Drain a node that says that it leaves.

        :raises SwarmError: the notice is not to be believed.
        :raises EngineError: the engine cannot do it now.
        """
        tokens = [str(token) for token in self._engine.swarm()["JoinTokens"].values()]
        node_id = departure.verify(tokens, body, signature, sender, time.time())
        self._seen.take(body, time.monotonic())
        try:
            node = departure.node_at(node_id, sender, self._engine.nodes())
            if node["Spec"]["Availability"] != "drain":
                self._engine.change_node(node, {"Availability": "drain"})
                self._log(f"drain: {sender} leaves")
        except EngineError:
            self._seen.forget(body)
            raise

    def _document(self) -> str:
        services = routes.routed(self._engine.services())
        tasks = self._engine.running_tasks(list(services))
        return routes.collect(services, tasks, self._network).to_json()


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], handler: type[http.server.BaseHTTPRequestHandler], diary: Diary
    ) -> None:
        self._diary = diary
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(address, handler)

    def process_request(self, request: t.Any, client_address: t.Any) -> None:
        if not self._free.acquire(blocking=False):
            self._diary.say("feed", f"route feed: {_CONNECTIONS} questions are open, so further ones are turned away")
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread was begun
            self._free.release()
            raise

    def process_request_thread(self, request: t.Any, client_address: t.Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """Tell of an error of ours in one line; the default prints a traceback for every reader that goes."""
        error = sys.exc_info()[1]
        if isinstance(error, Exception) and not isinstance(error, _GONE):
            self._diary.say("feed", f"route feed: {line_of(error)}")


class _Handler(http.server.BaseHTTPRequestHandler):
    """One conversation with a reader of the feed, or with a node that leaves."""

    protocol_version = "HTTP/1.1"
    timeout = _LONGEST_WAIT + 10
    feed: Feed  # set by the subclass that a server gets

    def do_GET(self) -> None:
        path, dummy, query = self.path.partition("?")
        if path != PATH:
            return self._refuse(404)
        try:
            seconds = float(urllib.parse.parse_qs(query).get("wait", ["0"])[0])
        except ValueError:
            seconds = math.nan
        if not math.isfinite(seconds):
            return self._refuse(400, "wait must be a number of seconds")
        known = self.headers.get("If-None-Match", "").strip('"')
        found = self.feed.watcher.wait(known, min(max(seconds, 0.0), _LONGEST_WAIT))
        if found.problem:
            return self._answer(503, f"{found.problem}\n".encode())
        if found.version == known:
            return self._answer(304, version=found.version)
        return self._answer(200, found.document.encode(), found.version)

    def do_POST(self) -> None:
        length = _length(self.headers.get("Content-Length", ""))
        if self.path != departure.LEAVING_PATH or length > _LONGEST_BODY:
            return self._refuse(404)
        body = self.rfile.read(length)
        signature = self.headers.get(departure.SIGNATURE_HEADER, "")
        try:
            self.feed.drain(body, signature, self.client_address[0])
        except EngineError as exc:
            return self._refuse(503, exc.message)
        except SwarmError as exc:
            return self._refuse(403, exc.message)
        return self._answer(200)

    def _refuse(self, status: int, why: str = "") -> None:
        """Answer and hang up: what follows may be a body that nobody has read."""
        self.close_connection = True
        self._answer(status, f"{why}\n".encode("utf-8", "replace") if why else b"")

    def _answer(self, status: int, body: bytes = b"", version: str = "") -> None:
        self.send_response(status)
        if version:
            self.send_header("ETag", f'"{version}"')
        if self.close_connection:
            self.send_header("Connection", "close")
        self.send_header("Content-Type", "application/json" if status == 200 else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Fifty edges ask all the time: say nothing."""


def _length(header: str) -> int:
    """Return what a Content-Length says, one more than is taken when it says nothing or too much."""
    return int(header) if header.isascii() and header.isdecimal() and len(header) < 6 else _LONGEST_BODY + 1
