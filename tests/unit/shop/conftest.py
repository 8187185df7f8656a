# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop's services in processes of their own, with a Redis that is played."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SHOP = Path(__file__).parents[3] / "examples" / "shop"


class Process:
    """One task of a service."""

    def __init__(self, service: str, **environment: str) -> None:
        """Start *service* and wait until it is ready or has ended."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(SHOP / service / "main.py")],
            env={
                "PATH": os.environ["PATH"],
                # In an image both folders are one.
                "PYTHONPATH": f"{SHOP / 'common'}:{Path(__file__).parent / 'fakes'}",
                "PORT": str(self.port),
                "TASK": f"{service}.1",
                "NODE": "node-1",
                "DRAIN_SECONDS": "0.4",
                **environment,
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: list[dict[str, Any]] = []
        self._read_line()

    def _read_line(self) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            self.lines.append(json.loads(line))

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, http.client.HTTPMessage]:
        """Return status, body and headers of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        content = body if isinstance(body, str) or body is None else json.dumps(body)
        connection.request(method, path, content, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, json.loads(data) if data else None, answer.headers

    def terminate(self) -> None:
        """Ask it to stop, as the engine does."""
        self.process.send_signal(signal.SIGTERM)

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        """Wait for its end; return its exit code and all lines of its log."""
        output, dummy = self.process.communicate(timeout=15)
        self.lines += [json.loads(line) for line in output.splitlines()]
        return self.process.returncode, self.lines

    def kill(self) -> None:
        """End it now, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def run() -> Iterator[Any]:
    """Starts services; all are gone after the test."""
    processes: list[Process] = []

    def start(service: str, **environment: str) -> Process:
        processes.append(Process(service, **environment))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


@pytest.fixture
def storage(run: Any) -> Process:
    """A task of storage."""
    process: Process = run("storage", VERSION="1")
    return process


@pytest.fixture
def gate(run: Any, storage: Process) -> Process:
    """A task of gate that asks C(storage)."""
    process: Process = run("gate", VERSION="1", STORAGE=f"127.0.0.1:{storage.port}")
    return process
