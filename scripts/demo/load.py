# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to a web service through its load balancer, counted by who answered."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """One answer: HTTP status (0 when the connection broke), the JSON body, and which edge it came through."""

    status: int
    body: dict[str, str]
    edge: str
    error: str = ""


@dataclass
class Client:
    """A browser's view of one web site behind a load balancer."""

    address: str
    host: str
    timeout: float = 10.0

    def get(self, path: str = "/", headers: dict[str, str] | None = None) -> Answer:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection(self.address, 80, timeout=self.timeout)
        try:
            connection.request("GET", path, headers={"Host": self.host, **(headers or {})})
            response = connection.getresponse()
            text = response.read()
            body = json.loads(text) if response.headers.get_content_type() == "application/json" else {}
            return Answer(response.status, body, response.headers.get("X-Edge-Node", "?"))
        except (OSError, http.client.HTTPException, ValueError) as exc:
            return Answer(0, {}, "?", f"{type(exc).__name__}: {exc}")
        finally:
            connection.close()

    def good_answer(self) -> Answer | None:
        """Send one request; return its answer only if it is a success."""
        answer = self.get("/")
        return answer if answer.status == 200 else None

    def many(self, count: int, path: str = "/", threads: int = 8) -> list[Answer]:
        """Send *count* requests, *threads* at once."""
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda dummy: self.get(path), range(count)))


@dataclass
class Load:
    """Requests without pause in the background, as a context manager.

    :ivar pause: seconds between two requests of a thread.
    """

    client: Client
    path: str = "/"
    threads: int = 4
    pause: float = 0.02
    answers: list[Answer] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _workers: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._workers = [threading.Thread(target=self._work) for dummy in range(self.threads)]
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, *dummy: object) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            self.answers.append(self.client.get(self.path))
            time.sleep(self.pause)

    def failed(self) -> list[Answer]:
        """Return the answers that are no success."""
        return [answer for answer in self.answers if answer.status != 200]


def share(answers: list[Answer], who: str) -> list[str]:
    """Return a small table: how many of *answers* each edge node and each task (*who* in the body) gave."""
    edges = Counter(answer.edge for answer in answers)
    tasks = Counter(answer.body.get(who, "?") for answer in answers)
    rows = [f"edge {name:24} {count:4}" for name, count in sorted(edges.items())]
    return rows + [f"task {name:24} {count:4}" for name, count in sorted(tasks.items())]
