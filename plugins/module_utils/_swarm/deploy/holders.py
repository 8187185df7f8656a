# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who deploys a stack now: whoever else writes to its services asks first.

A deploy takes any write but its own for "somebody else changed the service", and rolls back.
"""

from __future__ import annotations

from ..._errors import LockHeld
from ..engine import Engine
from . import lock


def deploying(engine: Engine, stack: str) -> str:
    """Say who deploys a stack now, "" when nobody does; I(stack) may be "", that of services without one."""
    for release in lock.read(engine, stack) if stack else ():
        held_by = lock.holder(release, engine.nodes()) if release.is_open else ""
        if held_by:
            return held_by
    return ""


def refuse_deployed(engine: Engine, stack: str, doing: str) -> None:
    """Refuse to write to a service of a stack that is being deployed.

    :param doing: what was asked for, as in C(Service shop_web was not removed).
    :raises LockHeld: see above; the message names the holder.
    """
    held_by = deploying(engine, stack)
    if held_by:
        raise LockHeld(f"{doing}: stack {stack} is being deployed by {held_by}. Wait for it, or use force: true.")
