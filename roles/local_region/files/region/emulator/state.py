# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all parts of the emulator share: the settings, the clock, one lock and the signal that something changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from region.config import RegionConfig
from region.middleware.control import Control
from region.middleware.record import Recorder

if TYPE_CHECKING:
    from region.middleware.app import Application

# Emulated services are not thread safe: requests and in-process callers alike hold this lock while they run.
lock = threading.RLock()

# Set after each call that may have changed something; who waits for it clears it.
events = threading.Event()


@dataclass
class Runtime:
    """The running emulator's settings; replaced as a whole by :func:`region.emulator.install`."""

    config: RegionConfig | None = None
    clock: Callable[[], float] = field(default=time.time)
    # Without a reconciler that boots machines, instances and images finish their transitions when next described.
    complete_transitions: bool = False
    # What in-process callers talk to; the last one that was made.
    application: Application | None = None
    control: Control = field(default_factory=lambda: Control(Recorder(None)))

    def now(self) -> float:
        """Seconds since the epoch by the emulator's clock."""
        return self.clock()

    @property
    def settings(self) -> RegionConfig:
        """The region's settings.

        :raises RuntimeError: before :func:`region.emulator.install`.
        """
        if self.config is None:
            raise RuntimeError("the emulator is not installed: call region.emulator.install first")
        return self.config


runtime = Runtime()
