# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module service takes for a change that the engine has taken back."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy import service


class _Engine:
    """Knows failed tasks, by image and memory."""

    def __init__(self, *failed: tuple[str, int]) -> None:
        self._failed = failed

    def tasks(self, dummy: object) -> list[dict[str, t.Any]]:
        return [{"Status": {"State": "failed"}, "Spec": _task(*what)} for what in self._failed]


def _task(image: str, memory: int = 0) -> dict[str, t.Any]:
    limits = {"Resources": {"Limits": {"MemoryBytes": memory}}} if memory else {}
    return {"ContainerSpec": {"Image": image}, **limits}


@pytest.mark.parametrize(
    ("wanted", "refused"),
    [
        (("bad:1", 0), True),
        (("good:1", 4_194_304), True),  # the same image with less memory than it needs
        (("good:1", 0), False),  # what stands now: a task of it fell over once
        (("good:1", 8_388_608), False),
        (("other:1", 0), False),
    ],
)
def test_p13_a_failed_task_of_what_stands_now_is_no_change_that_was_taken_back(
    wanted: tuple[str, int], refused: bool
) -> None:
    found = {"ID": "s", "UpdateStatus": {"State": "rollback_completed"}, "Spec": {"TaskTemplate": _task("good:1")}}
    engine = t.cast("t.Any", _Engine(("bad:1", 0), ("good:1", 4_194_304), ("good:1", 0)))
    desired = {"Name": "web", "Mode": {"Replicated": {"Replicas": 3}}, "TaskTemplate": _task(*wanted)}
    assert bool(service._failed_before(engine, found, desired)) == refused
