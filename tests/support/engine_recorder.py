# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy in front of a Docker engine that records every request: the proof of what was, and was not, written."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import typing as t
from pathlib import Path

_REQUEST = re.compile(rb"^(GET|HEAD|POST|PUT|DELETE|PATCH) (\S+) HTTP/1\.[01]\r\n", re.MULTILINE)


class Recorder:
    """Listens on a socket of its own and passes everything on.

    :ivar requests: C((method, path)) of each request so far.
    """

    def __init__(self, engine: Path, listen: Path) -> None:
        self._engine = str(engine)
        self.host = f"unix://{listen}"
        self.requests: list[tuple[str, str]] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(listen))
        self._server.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def writes(self) -> list[tuple[str, str]]:
        """Return the requests that are not mere reads."""
        return [(method, path) for method, path in self.requests if method not in ("GET", "HEAD")]

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._server.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._engine)
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, record: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if record:
                    found: t.Iterable[tuple[bytes, bytes]] = _REQUEST.findall(data)
                    self.requests += [(method.decode(), path.decode()) for method, path in found]
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
                end.close()
