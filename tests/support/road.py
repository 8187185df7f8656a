# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What end-to-end tests know of the demo that was run, and how they go on from it."""

from __future__ import annotations

import functools
import json
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from demo.playbooks import WITHOUT_INVENTORY
from local_region import ROOT, LocalRegion

NAME = "e2e"
CLUSTER = "demo"
REGION = "us-east-1"


@dataclass(frozen=True)
class Road:
    """The region after the demo, and what the demo said."""

    region: LocalRegion
    status: int
    output: str

    @property
    def folder(self) -> Path:
        """Where the demo keeps its inventory."""
        return self.region.state_dir / "demo"

    @cached_property
    def report(self) -> list[dict[str, Any]]:
        """What came of each step of the demo."""
        file = self.folder / "report.json"
        steps: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
        return steps

    def playbook(
        self, name: str, *arguments: str, variables: dict[str, Any] | None = None, timeout: float = 400
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the collection's playbooks for the demo's cluster, with the permissions of its document."""
        values = {"cluster": CLUSTER, "region": REGION, **(variables or {})}
        # Inside a region its administrator's keys are set, so these come after.
        own = [f"{key}={value}" for key, value in _credentials(self.region, name).items()]
        command = ["env", *own, "ansible-playbook", f"apiary.swarm.{name}", "-e", json.dumps(values), *arguments]
        if name not in WITHOUT_INVENTORY:
            command += ["-i", str(self.folder / "demo.swarm_ec2.yml")]
        return self.region.run(command, timeout=timeout)

    def calls(self, since: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Return the calls that AWS's APIs have had after number *since*, and the number of the last."""
        answer = self.region.run(["curl", "-s", f"http://100.100.0.1/_region/calls?since={since}"])
        value = json.loads(answer.stdout)
        return value["calls"], value["last"]


@functools.cache  # a session lasts for an hour, all tests of a road half of one
def _credentials(region: LocalRegion, playbook: str) -> dict[str, str]:
    """Return the environment variables of the role that runs a playbook in the demo."""
    code = (
        f"import json, sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); from demo.account import Account; "
        f"from demo.people import People; "
        f"print(json.dumps(People(Account({CLUSTER!r}, {REGION!r})).variables({playbook!r})))"
    )
    found: dict[str, str] = region.python(code)
    return found
