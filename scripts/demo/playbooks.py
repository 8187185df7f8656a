# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the collection's playbooks and read their recap."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .people import People
from .report import CheckFailed

# They make what an inventory is read from; who runs them need not be allowed to read it.
WITHOUT_INVENTORY = ("bake", "cluster")
_RECAP = re.compile(r"^\S+\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What a playbook run came to."""

    status: int
    output: str

    @property
    def changed(self) -> int:
        """How many tasks changed something, on all hosts together."""
        return sum(int(match[2]) for match in _RECAP.finditer(self.output))

    def tail(self, lines: int = 25) -> str:
        """Return the end of the output."""
        return "\n".join(self.output.splitlines()[-lines:])


@dataclass(frozen=True)
class Playbooks:
    """Runs playbooks by their full name, each with its role's permissions, with every output kept in one log."""

    log: Path
    variables: Mapping[str, str]
    people: People
    inventory: Path | None = None

    def run(
        self, name: str, *arguments: str, variables: Mapping[str, object] | None = None, timeout: float = 600
    ) -> Outcome:
        """Run C(apiary.swarm.<name>) and return its outcome, whatever it is.

        :param timeout: seconds after which the run counts as hanging.
        :raises CheckFailed: it hangs.
        """
        command = ["ansible-playbook", f"apiary.swarm.{name}", *arguments]
        if self.inventory is not None and name not in WITHOUT_INVENTORY:
            command += ["-i", str(self.inventory)]
        command += ["-e", json.dumps({**self.variables, **(variables or {})})]
        environment = {**os.environ, **self.people.variables(name), "ANSIBLE_NOCOLOR": "1"}
        with self.log.open("a") as log:
            log.write(f"\n$ {' '.join(command)}\n")
        began = time.monotonic()
        try:
            done = subprocess.run(
                command,
                env=environment,
                text=True,
                timeout=timeout,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except subprocess.TimeoutExpired as exc:
            output = exc.stdout.decode(errors="replace") if isinstance(exc.stdout, bytes) else ""
            self._keep(output)
            raise CheckFailed(f"apiary.swarm.{name} did not end within {timeout:.0f} s") from exc
        self._keep(f"{done.stdout}\n# status {done.returncode} after {time.monotonic() - began:.1f} s\n")
        return Outcome(done.returncode, done.stdout)

    def must(
        self, name: str, *arguments: str, variables: Mapping[str, object] | None = None, timeout: float = 600
    ) -> Outcome:
        """Run a playbook that has to succeed.

        :raises CheckFailed: it does not; the message ends with its last lines.
        """
        outcome = self.run(name, *arguments, variables=variables, timeout=timeout)
        if outcome.status != 0:
            raise CheckFailed(f"apiary.swarm.{name} ended with status {outcome.status}:\n{outcome.tail()}")
        return outcome

    def _keep(self, text: str) -> None:
        with self.log.open("a") as log:
            log.write(text)
