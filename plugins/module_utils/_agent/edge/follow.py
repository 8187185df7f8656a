# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""The edge agent of a node: follows the managers' route feed and keeps the node's nginx on it.

Config files are written beside the living one, tested by nginx itself inside the container, moved over the old one and
loaded by a graceful reload. Whatever fails, nginx goes on with the last configuration that passed.
"""

from __future__ import annotations

import hashlib
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

from ..._errors import SwarmError
from ..engine import LocalEngine
from . import feed, routes
from .container import EdgeContainer
from .nginx import EdgeOptions, render

CONFIG, CANDIDATE, DOCUMENT = "nginx.conf", "candidate.conf", "routes.json"

# Managers are in the same VPC: never through a proxy.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

_WAIT = 4  # seconds that a manager may hold a question; one that died is noticed two seconds later
_PAUSE = 0.5
_REPEAT_LOG = 60.0


class Edge:
    """Follows the feed for one node.

    :param folder: where the configuration lives on the host; the container sees it as C(/etc/edge).
    :param own_address: this node's private address; a manager asks itself first.
    :param log: takes one line per event.
    """

    def __init__(
        self,
        engine: LocalEngine,
        container: EdgeContainer,
        folder: Path,
        options: EdgeOptions,
        own_address: str,
        feed_port: int,
        log: t.Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._container = container
        self._folder = folder
        self._options = options
        self._own_address = own_address
        self._port = feed_port
        self._log = log
        self._manager = ""
        self._active = ""  # what nginx runs
        self._loaded = ""  # version of the feed's document that this came from
        self._said, self._said_at = "", 0.0

    def run(self) -> None:
        """Follow the feed for ever."""
        self.prepare()
        while True:
            try:
                if self._container.ensure():
                    self._active = self._config()
                self.follow()
                self._said = ""
            except SwarmError as exc:
                self._complain(exc.message)
                time.sleep(_PAUSE)

    def prepare(self) -> None:
        """Make sure that there is a configuration to start with: the last good one, or one without routes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        document = self._folder / DOCUMENT
        try:
            known = routes.parse(document.read_text(encoding="utf-8"))
        except (OSError, SwarmError):
            known = routes.Routes()
        # A running nginx has what was there; it is rendered anew, as the node's name or this program may have changed.
        self._active = self._config()
        (self._folder / CONFIG).write_text(render(known, self._options), encoding="utf-8")
        document.write_text(known.to_json(), encoding="utf-8")
        self._loaded = ""

    def follow(self) -> bool:
        """Ask a manager once and load what is new; tell whether there was something.

        :raises SwarmError: no manager answers, or what it says cannot be used.
        """
        document = self._ask()
        if document is None:
            return False
        found = routes.parse(document)
        text = render(found, self._options)
        changed = text != self._active
        if changed:
            self._load(text)
        (self._folder / DOCUMENT).write_text(document, encoding="utf-8")
        self._loaded = routes.version(document)
        if changed:
            tasks = sum(len(route.tasks) for route in found.routes)
            self._log(f"loaded {self._loaded}: {len(found.routes)} routes, {tasks} tasks")
            for service, problem in (found.problems or {}).items():
                self._log(f"service {service} has no route: {problem}")
        return True

    def _load(self, text: str) -> None:
        candidate = self._folder / CANDIDATE
        candidate.write_text(text, encoding="utf-8")
        self._container.test(CANDIDATE)
        candidate.replace(self._folder / CONFIG)
        self._container.reload()
        self._active = text

    def _config(self) -> str:
        try:
            return (self._folder / CONFIG).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def _ask(self) -> str | None:
        """Return a document that is not the loaded one, or None when nothing is new."""
        managers = self._engine.manager_addresses()
        managers.sort(key=self._preference)
        problem = "this node knows no manager"
        for manager in managers:
            request = urllib.request.Request(f"http://{manager}:{self._port}{feed.PATH}?wait={_WAIT}")
            if self._loaded:
                request.add_header("If-None-Match", f'"{self._loaded}"')
            try:
                with _DIRECT.open(request, timeout=_WAIT + 2) as answer:
                    self._manager = manager
                    return t.cast(bytes, answer.read()).decode("utf-8")
            except urllib.error.HTTPError as exc:
                exc.close()
                if exc.code == 304:
                    self._manager = manager
                    return None
                problem = f"manager {manager} answers {exc.code}"
            except (OSError, ValueError) as exc:
                problem = f"manager {manager}: {exc}"
            self._manager = ""
        raise SwarmError(f"No manager gives routes, so the last ones stay ({problem}).")

    def _preference(self, manager: str) -> tuple[bool, bool, str]:
        """Stay with the manager that answered; else oneself, else one that differs from edge to edge."""
        spread = hashlib.sha256(f"{self._own_address} {manager}".encode()).hexdigest()
        return manager != self._manager, manager != self._own_address, spread

    def _complain(self, message: str) -> None:
        if message != self._said or time.monotonic() - self._said_at > _REPEAT_LOG:
            self._log(message)
            self._said, self._said_at = message, time.monotonic()
