# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent's main loop on every node: stays in the swarm, leaves in order, keeps house while it leads."""

from __future__ import annotations

import threading
import time
import typing as t

from .._errors import SwarmError
from .diary import Diary, line_of
from .edge.feed import Feed
from .engine import LocalEngine
from .imds import Identity, Imds
from .membership.absence import PATIENCE, Patience
from .membership.departure import Departure, Notice, notice
from .membership.join import Joiner
from .membership.leader import Keeper
from .settings import Settings

_TICK = 2.0
_HOUSEKEEPING_EVERY = 5.0
_WITHDRAWN = 60.0
"""Seconds without the notice after which it counts as withdrawn: a hibernated instance goes on where it was."""


class Agent:
    """One node's agent.

    :param log: takes one line per event.
    :param patience: how long something must be absent until it is gone (tests have less of it).
    """

    def __init__(
        self,
        settings: Settings,
        imds: Imds,
        identity: Identity,
        engine: LocalEngine,
        log: t.Callable[[str], None],
        patience: Patience = PATIENCE,
    ) -> None:
        self._settings = settings
        self._imds = imds
        self._identity = identity
        self._engine = engine
        self._log = log
        self._joiner = Joiner(settings, identity, engine, log)
        self._keeper = Keeper(settings, identity, engine, log, patience)
        self._feed: Feed | None = None
        self._keeping = threading.Thread(target=str)  # none yet
        self._kept_at = float("-inf")
        self._diary = Diary(log)

    def run(self) -> None:
        """Go on until the instance ends."""
        while True:
            leaving = self._try("metadata", lambda: notice(self._imds))
            if leaving is not None:
                self._depart(leaving)
            self._try("agent", self._tick)
            time.sleep(_TICK)

    def _depart(self, leaving: Notice) -> None:
        """Leave, and stay away for as long as the notice is there; it is until the instance ends, as a rule."""
        # The feed goes on: others need it while this manager still is one.
        Departure(self._settings, self._identity.private_ip, self._engine, self._log).run(leaving)
        noticed = time.monotonic()
        while time.monotonic() - noticed < _WITHDRAWN:
            time.sleep(_TICK)
            # Still a manager: the last one, or one without which the others could not decide.
            self._try("agent", self._tick_manager)
            asked = self._try("metadata", lambda: [notice(self._imds)])  # None: no answer, so it still holds
            if asked is None or asked[0] is not None:
                noticed = time.monotonic()
        self._log("the notice was withdrawn: this node stays; if it is still in the swarm, it is drained")

    def _tick(self) -> None:
        membership = self._engine.membership()
        if membership.state != "active":
            action = self._joiner.step()
            self._diary.say("join", f"{action.do.value}: {action.reason}")
            return
        self._tick_manager()

    def _tick_manager(self) -> None:
        manager = self._engine.membership().manager
        self._serve(manager)
        if manager and not self._keeping.is_alive() and time.monotonic() - self._kept_at >= _HOUSEKEEPING_EVERY:
            self._kept_at = time.monotonic()
            # Beside this loop: AWS may take minutes to answer, and a notice that this node ends does not wait.
            self._keeping = threading.Thread(
                target=self._try, args=("housekeeping", self._keeper.round), name="housekeeping", daemon=True
            )
            self._keeping.start()

    def _serve(self, manager: bool) -> None:
        """Serve the feed while this node is a manager."""
        if manager and self._feed is None:
            settings = self._settings
            try:
                self._feed = Feed(
                    self._engine, settings.edge_network, self._identity.private_ip, settings.feed_port, self._log
                )
            except OSError as exc:
                raise SwarmError(f"The route feed cannot listen on port {settings.feed_port}: {exc}") from exc
            self._log(f"route feed on {self._identity.private_ip}:{settings.feed_port}")
        elif not manager and self._feed is not None:
            self._feed.close()
            self._feed = None

    def _try(self, subject: str, work: t.Callable[[], t.Any]) -> t.Any:
        """Do *work*; an error is recorded, and the next round tries again."""
        try:
            return work()
        except Exception as exc:  # the feed and what else goes on must not end with one round of something else
            self._diary.say(subject, line_of(exc))
        return None
