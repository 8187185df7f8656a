# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node's agent, as the units run it, for an engine of the laboratory: join, then keep.

The metadata service is played by a file: whatever C(<notices>) holds is the answer to the question for the state that
Auto Scaling wants.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ansible_collections.apiary.swarm.plugins.module_utils._agent.engine import LocalEngine
from ansible_collections.apiary.swarm.plugins.module_utils._agent.imds import Identity, Imds
from ansible_collections.apiary.swarm.plugins.module_utils._agent.loop import Agent
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.absence import Patience
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.join import Joiner
from ansible_collections.apiary.swarm.plugins.module_utils._agent.settings import Settings


class Metadata(Imds):
    """The metadata service of one node."""

    def __init__(self, notices: Path) -> None:
        super().__init__()
        self._notices = notices

    def get(self, path: str) -> str | None:
        if path.endswith("target-lifecycle-state") and self._notices.exists():
            return self._notices.read_text().strip()
        return None


def main(text: str) -> None:
    """Run for ever; I(text) is JSON."""
    given = json.loads(text)
    settings = Settings.from_dict(given["settings"], "test")
    identity = Identity(given["instance_id"], "t3.small", "us-east-1a", given["address"])

    def log(line: str) -> None:
        print(given["name"], line, flush=True)

    Joiner(settings, identity, LocalEngine(given["host"]), log).run()
    metadata, patience = Metadata(Path(given["notices"])), Patience(**given["patience"])
    Agent(settings, metadata, identity, LocalEngine(given["host"]), log, patience).run()


if __name__ == "__main__":
    main(sys.argv[1])
