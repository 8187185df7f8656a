# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop's public API. It keeps sessions in Redis and asks the storage service, by its name, for everything else."""

from __future__ import annotations

import http.client
import json
import re
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any

import redis
from service import HttpError, Request, Response, Router, start

SESSION_SECONDS = 3600
SESSION = re.compile(r"[0-9a-f]{32}")


class Storage:
    """The internal API, behind a name that resolves to the addresses of all its tasks."""

    def __init__(self, host: str, port: int) -> None:
        """Ask the service at *host* and *port*."""
        self._host = host
        self._port = port

    def ask(self, method: str, path: str, body: Any = None, request_id: str = "") -> Response:
        """Send one request on, with its id, so that the log lines of both services can be joined.

        :raises HttpError: no task of the service answers (502).
        """
        # A task may go away between the look-up of its address and the request; reading again does no harm.
        attempts = 2 if method == "GET" else 1
        for attempt in range(1, attempts + 1):
            connection = http.client.HTTPConnection(self._host, self._port, timeout=5)
            try:
                content = None if body is None else json.dumps(body)
                connection.request(method, path, content, {"X-Request-Id": request_id})
                answer = connection.getresponse()
                data = answer.read()
                headers = {"X-Storage-Task": answer.headers.get("X-Task", "")}
                if answer.headers.get("Location"):
                    headers["Location"] = answer.headers["Location"]
                return Response(json.loads(data) if data else None, HTTPStatus(answer.status), headers)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if attempt == attempts:
                    raise HttpError(HTTPStatus.BAD_GATEWAY, f"storage does not answer: {error}") from error
            finally:
                connection.close()
        raise AssertionError("unreachable: the last attempt returns or raises")


class Gate:
    """The handlers of the public API."""

    def __init__(self, storage: Storage, sessions: redis.Redis, environment: Mapping[str, str]) -> None:
        """Answer from *storage* and *sessions*; *environment* says who and where this task is."""
        self._storage = storage
        self._sessions = sessions
        self._version = environment.get("VERSION", "dev")
        self._identity = {
            "service": "gate",
            "version": self._version,
            "task": environment.get("TASK", ""),
            "node": environment.get("NODE", ""),
        }

    def home(self, request: Request) -> Response:
        """Say who answers, how often this session was here, and what the shop has. All services take part."""
        session, visits = self._visit(request)
        items = self._storage.ask("GET", "/items", request_id=request.id)
        if items.status != HTTPStatus.OK:
            raise HttpError(HTTPStatus.BAD_GATEWAY, f"storage answers {items.status}")
        body = {
            **self._identity,
            "storage": {"task": items.headers["X-Storage-Task"], "items": len(items.body)},
            "session": {"visits": visits},
        }
        if self._version.split(".")[0] not in ("1", "dev"):
            body["offer"] = "free delivery this week"
        cookie = f"session={session}; Path=/; Max-Age={SESSION_SECONDS}; HttpOnly; SameSite=Lax"
        return Response(body, headers={"Set-Cookie": cookie})

    def forward(self, request: Request) -> Response:
        """Let storage answer."""
        return self._storage.ask(request.method, request.path, request.body, request.id)

    def _visit(self, request: Request) -> tuple[str, int]:
        """Count a visit; return the session's id, a new one if the client has none, and its visits."""
        session = session_of(request.headers.get("Cookie", "")) or uuid.uuid4().hex
        try:
            visits = self._sessions.incr(f"session:{session}")
            self._sessions.expire(f"session:{session}", SESSION_SECONDS)
        except redis.RedisError as error:
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, f"sessions are not available: {error}") from error
        return session, int(visits)


def session_of(cookies: str) -> str | None:
    """Return the session's id in a Cookie header; None if there is none that this service gave out."""
    try:
        morsel = SimpleCookie(cookies).get("session")
    except CookieError:
        return None
    return morsel.value if morsel is not None and SESSION.fullmatch(morsel.value) else None


def routes(router: Router, environment: Mapping[str, str]) -> None:
    """Add the routes of the service."""
    host, dummy, port = environment.get("STORAGE", "storage:8080").partition(":")
    sessions = redis.Redis(host=environment.get("REDIS", "redis"), socket_timeout=3, socket_connect_timeout=3)
    gate = Gate(Storage(host, int(port or 8080)), sessions, environment)
    router.add("GET", "/", gate.home)
    for method in ("GET", "POST"):
        router.add(method, "/items", gate.forward)
    for method in ("GET", "PUT", "DELETE"):
        router.add(method, "/items/{id}", gate.forward)


if __name__ == "__main__":
    start("gate", routes)
