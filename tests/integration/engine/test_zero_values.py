# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that mean nothing, which the engine forgets: other tools send them again and again."""

from __future__ import annotations

import typing as t

import pytest
from engine_recorder import Recorder
from stacks import SECOND, service, stack
from workbench import Swarm


def test_x01_a_delay_of_nothing_is_no_change(swarm: Swarm, name: str, recorder: Recorder) -> None:
    """Sending it again would also wake a paused update and start the bad version once more."""
    quick = {"delay": "0s", "monitor": "1s", "parallelism": 0, "order": "stop-first"}
    args: dict[str, t.Any] = {"name": name, "image": swarm.images["v1"], "update_config": quick, "wait_timeout": 30}
    assert not swarm.module("service", **args).failed
    for _attempt in range(2):
        assert not swarm.module("service", **args, docker_host=recorder.host).changed
    assert recorder.writes() == []
    crash: dict[str, t.Any] = {**args, "image": swarm.images["crash"]}
    assert swarm.module("service", **crash).failed
    version = swarm.client.inspect_service(name)["Version"]
    again = swarm.module("service", **crash)
    assert again.failed and "paused" in again.msg
    assert swarm.client.inspect_service(name)["Version"] == version


def test_x01_in_a_stack(swarm: Swarm, name: str) -> None:
    update = {"Delay": 0, "Monitor": SECOND, "Parallelism": 0, "FailureAction": "pause", "MaxFailureRatio": 0}
    model = stack(name, service(name, "web", swarm.images["v1"], UpdateConfig=update))
    assert not swarm.stack(model).failed
    assert not swarm.stack(model).changed


@pytest.mark.parametrize(
    "option",
    [
        {"tty": False},
        {"hostname": ""},
        {"limits": {"cpus": 0.0, "memory": "0"}},
        {"reservations": {"cpus": 0.0, "memory": "0"}},
        {"init": False},
        {"user": ""},
        {"working_dir": ""},
        {"stop_grace_period": "0s"},
        {"env": {"EMPTY": ""}},
        {"restart_config": {"delay": "0s", "max_attempts": 0, "window": "0s"}},
        {"rollback_config": {"delay": "0s", "parallelism": 0, "monitor": "0s", "max_failure_ratio": 0.0}},
        {"update_config": {"delay": "0s", "parallelism": 0, "max_failure_ratio": 0.0}},
        {"replicas": 0},
    ],
    ids="-".join,
)
def test_x02_zero_values_converge(swarm: Swarm, name: str, option: dict[str, t.Any]) -> None:
    args: dict[str, t.Any] = {"name": name, "image": swarm.images["v1"], "wait": False, **option}
    first = swarm.module("service", **args)
    assert first.changed and not first.failed, first.msg
    second = swarm.module("service", **args)
    assert not second.changed, second.data["changes"]
