# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example's container images, built while another step waits for AWS."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .report import check

TIMEOUT = 300.0  # seconds for building, and again for pushing


@dataclass
class Images:
    """Builds and pushes the versions of the example; what still builds when the context ends is ended.

    :ivar shop: the example application.
    :ivar cache: base file systems of its container images.
    :ivar docker_config: holds the login to the registry.
    """

    shop: Path
    cache: Path
    registry: str
    docker_config: Path
    versions: Sequence[str]
    _building: subprocess.Popen[str] | None = field(default=None, init=False)

    def __enter__(self) -> Images:
        """Return the images, none of them begun."""
        return self

    def __exit__(self, *dummy: object) -> None:
        """End a build that nobody has waited for."""
        if self._building is not None and self._building.poll() is None:
            self._building.terminate()
            self._building.wait(timeout=30)

    def start(self) -> None:
        """Begin to build, in the background."""
        self._building = self._run()

    def push(self) -> None:
        """Wait for the build and push what it made."""
        self._finish(self._building or self._run())
        self._finish(self._run("--push"))

    def login(self, user: str, password: str) -> None:
        """Log in to the registry."""
        command = ["docker", "login", "--username", user, "--password-stdin", self.registry]
        subprocess.run(command, input=password, text=True, env=self._environment(), capture_output=True, check=True)

    def _finish(self, process: subprocess.Popen[str]) -> None:
        output, dummy = process.communicate(timeout=TIMEOUT)
        check(process.returncode == 0, f"build.sh ended with status {process.returncode}:\n{output[-2000:]}")

    def _run(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["nice", str(self.shop / "build.sh"), *options, *self.versions],  # the bake beside it goes first
            text=True,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def _environment(self) -> dict[str, str]:
        variables = {"REGISTRY": self.registry, "SHOP_CACHE": str(self.cache), "DOCKER_CONFIG": str(self.docker_config)}
        return {**os.environ, **variables}
