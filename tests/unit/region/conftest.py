# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulated account served on loopback, with boto3 clients for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from region import emulator
from region.config import RegionConfig
from region.middleware.identity import CONTROLLER_ACCESS_KEY, CONTROLLER_SECRET_KEY
from werkzeug.serving import WSGIRequestHandler, make_server


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Account:
    """One emulated account and how to reach it."""

    config: RegionConfig
    clock: Clock
    url: str
    app: Any
    _clients: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def client(self, service: str, region: str | None = None, **credentials: str) -> Any:
        """Return a boto3 client, of the controller unless other credentials are given."""
        key = (service, region or "", *sorted(credentials.values()))
        made: Any = boto3.client  # which service it is, is known at run time only
        if key not in self._clients:
            self._clients[key] = made(
                service,
                region_name=region or self.config.region,
                endpoint_url=self.url,
                aws_access_key_id=credentials.get("key", CONTROLLER_ACCESS_KEY),
                aws_secret_access_key=credentials.get("secret", CONTROLLER_SECRET_KEY),
                aws_session_token=credentials.get("token"),
                config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False),
            )
        return self._clients[key]

    def wait(self, seconds: float) -> None:
        """Let time pass, one second at a time."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now = min(end, self.clock.now + 1)
            emulator.tick(self.clock.now)

    @property
    def calls(self) -> Any:
        """The record of calls."""
        return self.app.control.recorder


def _serve(tmp_path: Path, complete_transitions: bool) -> Iterator[Account]:
    config = RegionConfig(name="test", state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")
    clock = Clock()
    emulator.install(config, clock, complete_transitions=complete_transitions)
    app = emulator.application(config)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Account(config, clock, f"http://127.0.0.1:{server.server_port}", app)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """An account in which machines boot, stop and go at once."""
    yield from _serve(tmp_path, complete_transitions=True)


@pytest.fixture
def held_account(tmp_path: Path) -> Iterator[Account]:
    """An account in which every transition waits until the test completes it."""
    yield from _serve(tmp_path, complete_transitions=False)
