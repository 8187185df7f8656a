# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP service that behaves well in a swarm: JSON log lines, a health check, a graceful stop."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

MAX_BODY = 64 * 1024  # bytes


class HttpError(Exception):
    """Ends a request with an error status and a message for the client."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        """Keep the *status* beside the *message*."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Request:
    """What a handler gets: C(parameters) are the named parts of the route's path."""

    method: str
    path: str
    headers: Message  # names in any case
    body: Any = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True)
class Response:
    """What a handler returns; C(body) becomes JSON, and none at all if it is None."""

    body: Any = None
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]


@dataclass(frozen=True)
class Settings:
    """What the stack file says to every service, by environment variables."""

    service: str
    version: str
    task: str
    node: str
    port: int
    drain: float  # seconds after SIGTERM in which new requests are still answered
    stop_timeout: float  # seconds after that for requests in flight

    @classmethod
    def from_environment(cls, service: str, environment: Mapping[str, str]) -> Settings:
        """Read the settings; each has a default that suits a run by hand."""
        return cls(
            service=service,
            version=environment.get("VERSION", "dev"),
            task=environment.get("TASK", socket.gethostname()),
            node=environment.get("NODE", socket.gethostname()),
            port=int(environment.get("PORT", "8080")),
            drain=float(environment.get("DRAIN_SECONDS", "3")),
            stop_timeout=float(environment.get("STOP_SECONDS", "10")),
        )


class Router:
    """Maps methods and paths to handlers; C({name}) in a path stands for one part of it."""

    def __init__(self) -> None:
        """Start without routes."""
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Let *handler* answer *method* on *path*."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
        self._routes.append((method, re.compile(pattern), handler))

    def dispatch(self, request: Request) -> Response:
        """Call the handler of *request*.

        :raises HttpError: there is none, or it raised this itself.
        """
        allowed = []
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method.replace("HEAD", "GET"):
                return handler(
                    Request(request.method, request.path, request.headers, request.body, match.groupdict(), request.id)
                )
            if match:
                allowed.append(method)
        if allowed:
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.path} takes {', '.join(allowed)}")
        raise HttpError(HTTPStatus.NOT_FOUND, f"there is nothing at {request.path}")


class Service:
    """Runs a router's routes until SIGTERM.

    Then it goes on answering for C(drain) seconds, in which whoever sends requests notices that this task is going,
    closes its port, finishes what is in flight and ends.
    """

    def __init__(self, settings: Settings, router: Router) -> None:
        """Serve *router*; nothing is listening yet."""
        self.settings = settings
        self.draining = False
        self._router = router
        self._idle = threading.Condition()
        self._in_flight = 0
        router.add("GET", "/health", self._health)

    def run(self) -> None:
        """Listen, and return after a graceful stop."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *dummy: stop.set())
        server = _Server(("", self.settings.port), _connection_handler(self))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self.log("info", "ready", port=server.server_address[1])
        stop.wait()
        self.draining = True
        self.log("info", "stopping", drain_seconds=self.settings.drain)
        time.sleep(self.settings.drain)
        server.shutdown()
        server.server_close()
        with self._idle:
            done = self._idle.wait_for(lambda: self._in_flight == 0, self.settings.stop_timeout)
        self.log("info" if done else "error", "stopped", unfinished_requests=self._in_flight)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count a request as being in flight, from its first byte to the last of its answer."""
        with self._idle:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._idle:
                self._in_flight -= 1
                self._idle.notify_all()

    def handle(self, request: Request) -> Response:
        """Answer one request, errors included, and log it."""
        started = time.monotonic()
        problem: str | None = None
        try:
            response = self._router.dispatch(request)
        except HttpError as error:
            problem = str(error)
            response = Response({"error": problem}, error.status)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            response = Response({"error": "internal error"}, HTTPStatus.INTERNAL_SERVER_ERROR)
        milliseconds = round((time.monotonic() - started) * 1000, 1)
        details = {"method": request.method, "path": request.path, "status": int(response.status), "ms": milliseconds}
        if problem is not None:
            details["error"] = problem
        level = "error" if response.status >= 500 else "info"
        if request.path != "/health" or level == "error":
            self.log(level, "request", request_id=request.id, **details)
        return response

    def log(self, level: str, message: str, **details: Any) -> None:
        """Write one JSON line to standard output."""
        settings = self.settings
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        line = {
            "time": f"{now}Z",
            "level": level,
            "message": message,
            "service": settings.service,
            "version": settings.version,
            "task": settings.task,
            "node": settings.node,
            **details,
        }
        print(json.dumps(line), flush=True)

    def _health(self, request: Request) -> Response:
        if self.draining:
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, "stopping")
        return Response({"status": "ok", "version": self.settings.version})


class _Server(ThreadingHTTPServer):
    """Its threads end with the process: the service itself waits for requests in flight."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def _connection_handler(service: Service) -> type[BaseHTTPRequestHandler]:
    """Return the class that reads the requests of one connection for *service*."""

    class ConnectionHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout: ClassVar[float] = 75.0  # seconds that an idle connection stays open

        def answer(self) -> None:
            """Answer one request of any method."""
            with service.busy():
                self._answer()

        def _answer(self) -> None:
            request_id = self.headers.get("X-Request-Id") or self.headers.get("X-Amzn-Trace-Id") or uuid.uuid4().hex
            path = urlsplit(self.path).path
            try:
                body = self._read_body()
            except HttpError as error:
                self._send(Response({"error": str(error)}, error.status), request_id, close=True)
                return
            request = Request(self.command, path, self.headers, body, {}, request_id)
            self._send(service.handle(request), request_id, close=service.draining)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def version_string(self) -> str:
            """Return the Server header."""
            return "shop"

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing: the service logs requests itself."""

        def _read_body(self) -> Any:
            try:
                length = int(self.headers.get("Content-Length") or 0)
            except ValueError:
                raise HttpError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number") from None
            if length > MAX_BODY:
                raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body may have {MAX_BODY} bytes")
            if length == 0:
                return None
            try:
                return json.loads(self.rfile.read(length))
            except ValueError:
                raise HttpError(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None

        def _send(self, response: Response, request_id: str, *, close: bool) -> None:
            content = b"" if response.body is None else json.dumps(response.body).encode() + b"\n"
            self.send_response(response.status)
            headers = {
                "Content-Type": "application/json",
                "X-Request-Id": request_id,
                "X-Task": service.settings.task,
                "X-Node": service.settings.node,
                "X-Version": service.settings.version,
                **response.headers,
            }
            if response.status != HTTPStatus.NO_CONTENT:
                headers["Content-Length"] = str(len(content))
            if close:
                headers["Connection"] = "close"
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD" and response.status != HTTPStatus.NO_CONTENT:
                self.wfile.write(content)

    return ConnectionHandler


def start(name: str, routes: Callable[[Router, Mapping[str, str]], None]) -> None:
    """Run service *name* with what *routes* adds to its router.

    An image built with E(BROKEN) ends at once with status 3: it shows what a deploy makes of that.
    """
    settings = Settings.from_environment(name, os.environ)
    router = Router()
    service = Service(settings, router)
    if os.environ.get("BROKEN"):
        service.log("error", f"cannot start: {os.environ['BROKEN']}", exit_code=3)
        sys.exit(3)
    routes(router, os.environ)
    service.run()
