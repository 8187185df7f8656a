# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2: everything a node's life needs, on top of moto."""

from __future__ import annotations

from region.emulator.ec2 import (
    describe,
    filters,
    guards,
    images,
    instance_connect,
    instances,
    launch,
    launch_templates,
    security_groups,
)


def install() -> None:
    """Patch moto's EC2 and publish Debian's base images of the configured releases' account."""
    instances.install()
    launch_templates.install()
    launch.install()
    images.install()
    filters.install()
    describe.install()
    security_groups.install()
    instance_connect.install()
    guards.install()


def tick(now: float, complete_transitions: bool) -> None:
    """Let time pass: forget what was terminated long ago; without a reconciler complete all transitions."""
    if complete_transitions:
        instances.settle()
        images.settle()
    instances.forget_terminated(now)
