# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge agent of a node: follows the managers' route feed and keeps the node's nginx on it.

Config files are written beside the living one, tested by nginx itself inside the container, moved over the old one and
loaded by a graceful reload. Whatever fails, nginx goes on with the last configuration that passed.
"""

from __future__ import annotations

import hashlib
import http.client
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

from ..._errors import SwarmError
from .. import files
from ..diary import Diary, line_of
from ..engine import LocalEngine
from . import feed, routes
from .container import EdgeContainer
from .nginx import EdgeOptions, render

CONFIG, CANDIDATE, DOCUMENT = "nginx.conf", "candidate.conf", "routes.json"
FORMER = "routes.last.json"
"""The document before; what a node starts with when the newest one cannot be read."""

# Managers are in the same VPC: never through a proxy.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

_WAIT = 4  # seconds that a manager may hold a question; one that died is noticed two seconds later
_PAUSE = 0.5


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
        self._diary = Diary(log)

    def run(self) -> None:
        """Follow the feed for ever."""
        prepared = False
        while True:
            try:
                if not prepared:
                    self.prepare()
                    prepared = True
                if self._container.ensure():
                    self._active = files.read(self._folder / CONFIG)
                self.follow()
                self._diary.over("edge")
            except Exception as exc:  # nobody else follows for this node
                self._diary.say("edge", line_of(exc))
                time.sleep(_PAUSE)

    def prepare(self) -> None:
        """Make sure that there is a configuration to start with: the last good one, or one without routes.

        :raises SwarmError: the folder cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise SwarmError(f"{self._folder} cannot be made: {exc}") from exc
        # A running nginx has what was there; it is rendered anew, as the node's name or this program may have changed.
        self._active = files.read(self._folder / CONFIG)
        self._loaded = ""
        known = self._document(DOCUMENT)
        if known is None and _whole(self._active):
            self._diary.say("edge", f"{self._folder / DOCUMENT} cannot be read: the web server keeps its configuration")
            return
        known = known or self._document(FORMER) or routes.Routes()
        files.write(self._folder / CONFIG, render(known, self._options))
        files.write(self._folder / DOCUMENT, known.to_json())

    def _document(self, name: str) -> routes.Routes | None:
        """Return the routes of a kept document, or None when it is not there or broken."""
        try:
            return routes.parse(files.read(self._folder / name))
        except SwarmError:
            return None

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
        self._keep(document)
        self._loaded = routes.version(document)
        if changed:
            tasks = sum(len(route.tasks) for route in found.routes)
            self._log(f"loaded {self._loaded}: {len(found.routes)} routes, {tasks} tasks")
        for service, problem in (found.problems or {}).items():
            self._diary.say(f"route of {service}", f"service {service} has no route: {problem}")
        return True

    def _keep(self, document: str) -> None:
        """Put *document* in place of the last one, which stays beside it."""
        before = files.read(self._folder / DOCUMENT)
        if before == document:
            return
        if before:
            files.write(self._folder / FORMER, before)
        files.write(self._folder / DOCUMENT, document)

    def _load(self, text: str) -> None:
        candidate = self._folder / CANDIDATE
        files.write(candidate, text)
        self._container.test(CANDIDATE)
        files.move(candidate, self._folder / CONFIG)
        self._container.reload()
        self._active = text

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
            except (OSError, ValueError, http.client.HTTPException) as exc:
                problem = f"manager {manager}: {exc}"
            self._manager = ""
        raise SwarmError(f"No manager gives routes, so the last ones stay ({problem}).")

    def _preference(self, manager: str) -> tuple[bool, bool, str]:
        """Stay with the manager that answered; else oneself, else one that differs from edge to edge."""
        spread = hashlib.sha256(f"{self._own_address} {manager}".encode()).hexdigest()
        return manager != self._manager, manager != self._own_address, spread


def _whole(config: str) -> bool:
    """Tell whether a configuration is there to its end: a power loss may cut what is written in place."""
    return config.rstrip().endswith("}") and config.count("{") == config.count("}")
