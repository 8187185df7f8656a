# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated services behind one door: finding the service of a request and running it under the lock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from region.emulator.authorization import decision
from region.emulator.ec2 import instance_connect
from region.emulator.state import events, lock, runtime
from region.middleware.identity import Principal
from region.middleware.requests import Call


class EmulatedServices:
    """moto's dispatcher, entered by one request at a time."""

    def __init__(self) -> None:
        self._dispatcher = DomainDispatcherApplication(create_backend_app)

    def knows(self, call: Call) -> bool:
        """Say whether moto has the service at all."""
        model = call.model
        names = {call.service, str(model.endpoint_prefix) if model else "", str(model.signing_name) if model else ""}
        patterns = self._dispatcher.backend_url_patterns
        urls = [f"https://{name}.{call.region}.amazonaws.com" for name in names if name]
        return any(pattern.match(url) for url in urls for dummy, pattern in patterns)

    def dispatch(self, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        """Run one request to its end and return status, headers and body."""
        if environ.get("PATH_INFO") == instance_connect.PATH:
            with lock:
                return instance_connect.open_tunnel(environ)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            started.append((status, headers))

        with lock:
            chunks: Iterable[bytes] = self._dispatcher(environ, start_response)
            body = b"".join(chunks)
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        status, headers = started[-1]
        return int(status.split()[0]), headers, body

    def missing(self, call: Call, principal: Principal, via: str) -> tuple[str, str] | None:
        """Evaluate the policies of the principal's role; return action and resource of what is not allowed."""
        with lock:
            need = decision.missing(call, principal, via)
        return None if need is None else (need.action, need.resource)

    def changed(self) -> None:
        """Wake whoever waits for changes."""
        events.set()

    def now(self) -> float:
        """Seconds since the epoch by the emulator's clock."""
        return runtime.now()
