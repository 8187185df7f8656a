# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's HAProxy as a child: start, reload without a lost request, and commands while it runs."""

from __future__ import annotations

import csv
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from region.world.children import Child, ChildError

TIMEOUT = 10.0  # seconds for a start, a reload or a command


@dataclass(frozen=True)
class ServerStatus:
    """What HAProxy says about one server of a backend.

    :ivar status: UP, DOWN, DRAIN, MAINT, ... maybe with a counter: "DOWN 1/3".
    :ivar check: how the last check that is over ended: L7OK, L7STS, L4CON, ...; INI before the first one.
    :ivar code: HTTP status of the last check.
    """

    status: str
    check: str
    code: str


class HAProxy:
    """One HAProxy process (a master and its worker)."""

    def __init__(self, directory: Path, log: Path) -> None:
        """Keep configuration, sockets and state in *directory*, and the process's messages in *log*."""
        self.directory = directory
        self._file = directory / "haproxy.cfg"
        self.socket = directory / "admin.sock"
        self.state_file = directory / "state"
        self._generation = 0
        self._child = Child("haproxy", ["haproxy", "-W", "-f", str(self._file)], log)

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._child.running

    @property
    def preamble(self) -> str:
        """The part of the configuration that is about the process itself."""
        return f"""\
global
  stats socket {self.socket} mode 600 level admin expose-fd listeners
  server-state-file {self.state_file}
  setenv GENERATION {self._generation}
  # Connections that outlive a reload are kept this long.
  hard-stop-after 300s
"""

    def apply(self, body: str) -> None:
        """Make *body*, everything but the preamble, the configuration: by a start or by a reload.

        Servers that were known before keep their health over a reload.

        :raises ChildError: HAProxy refuses the configuration (the old one stays) or does not come up.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self._generation += 1
        candidate = self._file.with_suffix(".new")
        candidate.write_text(self.preamble + body)
        if self.running:
            # The first line, the number of the format, is what the loader wants to see first.
            self.state_file.write_text(self.command("show servers state").lstrip())
        else:
            self.state_file.write_text("1\n")
        check = subprocess.run(
            ["haproxy", "-c", "-q", "-f", str(candidate)], capture_output=True, text=True, timeout=60, check=False
        )
        if check.returncode != 0:
            raise ChildError(f"haproxy refuses its configuration {candidate}:\n{check.stderr or check.stdout}")
        candidate.replace(self._file)
        if self.running:
            self._child.signal(signal.SIGUSR2)
        else:
            self.socket.unlink(missing_ok=True)
            self._child.start()
        self._wait()

    def stop(self) -> None:
        """Stop at once, with all connections."""
        self._child.stop()

    def command(self, *commands: str) -> str:
        """Run *commands* one after the other on the worker and return their output.

        :raises ChildError: it does not answer.
        """
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(TIMEOUT)
                sock.connect(str(self.socket))
                sock.sendall(("; ".join(commands) + "\n").encode())
                chunks = []
                while chunk := sock.recv(65536):
                    chunks.append(chunk)
        except OSError as exc:
            raise ChildError(f"haproxy does not answer: {exc}\n{self._child.tail()}") from exc
        return b"".join(chunks).decode()

    def servers(self) -> dict[tuple[str, str], ServerStatus]:
        """Return the status of all servers by backend and name."""
        lines = self.command("show stat -1 4 -1").lstrip("# ").splitlines()  # 4: servers only
        found = {}
        for row in csv.DictReader(line for line in lines if line.strip()):
            check = row.get("check_status") or ""
            found[row["pxname"], row["svname"]] = ServerStatus(
                row.get("status") or "", check.removeprefix("* "), row.get("check_code") or ""
            )
        return found

    def _wait(self) -> None:
        """Wait until the worker with the current configuration answers."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if not self.running:
                raise ChildError(f"haproxy ended:\n{self._child.tail()}")
            try:
                if self.command("show env GENERATION").strip() == f"GENERATION={self._generation}":
                    return
            except ChildError:
                pass  # the socket is not there yet
            time.sleep(0.02)
        raise ChildError(f"haproxy did not take its new configuration within {TIMEOUT:.0f} s:\n{self._child.tail()}")
