# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first request of a client that threads share, alone.

A client's first connection fills its TLS context with CA certificates. OpenSSL does not guard that: threads that do it
at the same time crash the process, now and then (https://github.com/openssl/openssl/issues/24480).
"""

from __future__ import annotations

import threading
import typing as t


class FirstAlone:
    """Holds a client's other requests back until one has been answered; from then on nothing waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered = threading.Event()

    def guard(self, client: t.Any) -> None:
        """Put a client of botocore under guard, before its first request."""
        events = client.meta.events
        events.register("before-send", self._begin)
        events.register("before-parse", self._end)
        events.register("response-received", self._end)  # follows a request that could not be sent, too

    def _begin(self, **dummy: t.Any) -> None:
        if self._answered.is_set():
            return
        self._lock.acquire()
        if self._answered.is_set():
            self._lock.release()

    def _end(self, response_dict: t.Any = None, **dummy: t.Any) -> None:
        if self._answered.is_set():
            return
        if response_dict is not None:
            self._answered.set()
        self._lock.release()
