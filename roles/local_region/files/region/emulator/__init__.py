# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's APIs for one account, on this machine: moto, corrected where AWS does otherwise.

Use: :func:`install` once, serve :func:`application`, call :func:`tick` about once a second and after each change,
watch :data:`events`, read and answer through :mod:`region.emulator.view`.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from moto.core.base_backend import BackendDict

from region.config import RegionConfig
from region.emulator import (
    autoscaling,
    client,
    cloudformation,
    cloudwatch,
    credentials,
    ec2,
    logs,
    serialization,
    ssm,
    sts,
    view,
)
from region.emulator.ec2 import debian, launch
from region.emulator.services import EmulatedServices
from region.emulator.state import events, lock, runtime
from region.middleware.app import Application
from region.middleware.control import Control
from region.middleware.record import Recorder

__all__ = [
    "application",
    "cloudwatch",
    "credentials",
    "events",
    "install",
    "lock",
    "register_base_images",
    "tick",
    "view",
]

CALLS_FILE = "calls.jsonl"


def install(config: RegionConfig, clock: Callable[[], float], *, complete_transitions: bool = False) -> None:
    """Start an empty account: apply all patches and forget what an earlier call left behind.

    *clock* returns seconds since the epoch. With *complete_transitions* instances and images reach their states
    by themselves; otherwise who runs the machines says so through :mod:`region.emulator.view`.
    """
    os.environ["MOTO_ACCOUNT_ID"] = config.account
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    with lock:
        BackendDict.reset()
        runtime.config, runtime.clock, runtime.complete_transitions = config, clock, complete_transitions
        config.state_dir.mkdir(parents=True, exist_ok=True)
        runtime.control = Control(Recorder(config.state_dir / CALLS_FILE))
        launch.reset()
        client.reset()
        credentials.install()
        serialization.install()
        ec2.install()
        sts.install()
        autoscaling.install()
        cloudwatch.install()
        logs.install()
        ssm.install()
        cloudformation.install()
        register_base_images()


def register_base_images() -> dict[str, str]:
    """Publish Debian's base AMIs and return the id of each release (C(bookworm), C(trixie))."""
    with lock:
        return {codename: debian.register(codename) for codename in runtime.settings.node_releases}


def application(config: RegionConfig) -> Application:
    """Return the WSGI application of the region's API, for all services and host names."""
    runtime.application = Application(EmulatedServices(), runtime.control)
    return runtime.application


def tick(now: float) -> None:
    """Let what depends on time happen: call about once a second and after each change. *now* is in epoch seconds."""
    with lock:
        ec2.tick(now, runtime.complete_transitions)
        cloudwatch.tick(now)
        autoscaling.tick(now)
        cloudformation.tick(now)
