# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry of a laboratory: one C(docker-registry) with its folder, open or behind a login."""

from __future__ import annotations

import ctypes
import subprocess
import typing as t
from pathlib import Path

from lab_processes import MORTAL, children, kill


class Registry:
    """One registry.

    :param enter: gives the command prefix for the laboratory's namespaces, by nsenter's option names.
    :param folder: where its content, its settings and its log are; they outlive M(stop).
    :param address: C(host:port) that it listens on.
    """

    def __init__(self, enter: t.Callable[..., list[str]], folder: Path, address: str) -> None:
        self.address = address
        self._enter = enter
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, user: str = "", password: str = "") -> None:
        """Start it; with I(user) it demands that login. It takes connections a moment later: ask M(answers)."""
        self._folder.mkdir(exist_ok=True)
        auth = ""
        if user:
            self.set_password(user, password)
            auth = f"auth: {{htpasswd: {{realm: lab, path: {self._folder}/htpasswd}}}}\n"
        (self._folder / "config.yml").write_text(
            f"version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {self._folder}/data}}}}\n"
            f"http: {{addr: '{self.address}'}}\n{auth}"
        )
        self._process = subprocess.Popen(
            [
                *MORTAL, *self._enter("--pid", "--net"),
                *("docker-registry", "serve", str(self._folder / "config.yml")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=(self._folder / "log").open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip

    def answers(self) -> bool:
        """Say whether it takes connections."""
        probe = [*self._enter("--net"), "bash", "-c", f"exec 3<>/dev/tcp/{self.address.replace(':', '/')}"]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0

    def set_password(self, user: str, password: str) -> None:
        """Set its only login; a running registry sees it at its next request."""
        crypt = ctypes.CDLL("libcrypt.so.1").crypt
        crypt.restype = ctypes.c_char_p
        digest = crypt(password.encode(), b"$2b$05$abcdefghijklmnopqrstuu")
        (self._folder / "htpasswd").write_text(f"{user}:{digest.decode()}\n")

    def stop(self) -> None:
        """Stop it. Safe to call twice."""
        if self._process is None:
            return
        for child in children(self._process.pid):
            kill(child)
        self._process.kill()
        self._process.wait(10)
        self._process = None
