# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local regions for tests, brought up and down by the playbook that users run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
HOME = CACHE / "region"


@dataclass(frozen=True)
class LocalRegion:
    """One local region by name."""

    name: str
    releases: tuple[str, ...] = ("trixie",)

    @property
    def state_dir(self) -> Path:
        """The folder that "absent" removes."""
        return HOME / self.name

    @property
    def init(self) -> int:
        """PID, on the host, of the region's first process."""
        return int((self.state_dir / "pid").read_text().split()[0])

    def sandbox(self, state: str, *arguments: str, timeout: float = 420) -> subprocess.CompletedProcess[str]:
        """Run the sandbox playbook."""
        variables = {
            "sandbox_state": state,
            "sandbox_name": self.name,
            "sandbox_home": str(HOME),
            "sandbox_cache": str(CACHE / "region-cache"),
            "sandbox_python": sys.executable,
            "sandbox_releases": list(self.releases),
        }
        command = ["ansible-playbook", "apiary.swarm.sandbox", "-e", json.dumps(variables), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=environment())

    def up(self) -> str:
        """Start it, or see that it runs; return the playbook's output."""
        return self._must("present")

    def down(self) -> str:
        """Remove it; return the playbook's output."""
        return self._must("absent")

    def _must(self, state: str) -> str:
        done = self.sandbox(state)
        assert done.returncode == 0, f"sandbox_state={state} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def run(
        self, command: Sequence[str], timeout: float = 300, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside the region."""
        return subprocess.run(
            [str(self.state_dir / "run"), *command],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=cwd,
            env=environment(),
        )

    def python(self, code: str, timeout: float = 120) -> Any:
        """Run Python code inside the region; it prints one JSON value, which is returned."""
        done = self.run([sys.executable, "-c", code], timeout=timeout)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def environment() -> dict[str, str]:
    """The environment of playbooks in tests: the collection from this work tree, no colours."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": f"{CACHE / 'ac'}:{CACHE / 'collections'}",
        "ANSIBLE_HOME": str(CACHE / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
    }


@contextmanager
def local_region(name: str, releases: tuple[str, ...] = ("trixie",)) -> Iterator[LocalRegion]:
    """A region for the time of a test; removed also after a failure."""
    region = LocalRegion(name, releases)
    region.down()
    try:
        region.up()
        yield region
    finally:
        region.down()
