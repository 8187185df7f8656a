# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reconciler's decisions."""

from __future__ import annotations

import pytest
from region.machines.instances import Step, plan
from region.machines.nodes import missing_capabilities


@pytest.mark.parametrize(
    ("state", "container", "verb"),
    [
        ("pending", None, "launch"),
        ("pending", False, "start"),
        ("pending", True, "adopt"),
        ("running", True, None),
        ("running", False, "lost"),
        ("running", None, "lost"),
        ("stopping", True, "stop"),
        ("stopped", False, None),
        ("shutting-down", True, "remove"),
        ("shutting-down", None, "remove"),
        ("terminated", None, None),
        ("terminated", False, "remove"),
    ],
)
def test_instance_steps(state: str, container: bool | None, verb: str | None) -> None:
    containers = {} if container is None else {"i-1": container}
    assert plan({"i-1": state}, containers, {}, frozenset()) == ([Step(verb, "i-1")] if verb else [])


def test_container_without_instance_is_removed() -> None:
    assert plan({}, {"i-9": True}, {}, frozenset()) == [Step("remove", "i-9")]


def test_reboot_only_while_running() -> None:
    waiting = frozenset({"i-1"})
    assert plan({"i-1": "running"}, {"i-1": True}, {}, frozenset(), waiting) == [Step("reboot", "i-1")]
    assert plan({"i-1": "stopped"}, {"i-1": False}, {}, frozenset(), waiting) == []


def test_images_are_committed_while_pending_and_forgotten_when_deregistered() -> None:
    images = {"ami-new": "pending", "ami-kept": "available"}
    steps = plan({}, {}, images, frozenset({"ami-kept", "ami-gone"}))
    assert steps == [Step("commit", "ami-new"), Step("forget", "ami-gone")]


def test_capability_that_the_host_lacks_is_not_asked_for() -> None:
    assert missing_capabilities("Name:\tx\nCapBnd:\t000001fffeffffff\n") == ["SYS_RESOURCE"]
    assert missing_capabilities("Name:\tx\nCapBnd:\t000001ffffffffff\n") == []
