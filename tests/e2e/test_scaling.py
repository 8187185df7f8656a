# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that go: a worker leaves the swarm before its instance ends, and long before the hook's time is up."""

from __future__ import annotations

import time
from typing import Any

from road import CLUSTER, Road

PATIENCE = 150.0
"""Seconds, half of the hook's."""
WORKERS = """
import boto3, json
tags = [{"Name": "tag:swarm:cluster", "Values": [%r]}, {"Name": "tag:swarm:role", "Values": ["worker"]}]
(group,) = boto3.client("autoscaling").describe_auto_scaling_groups(Filters=tags)["AutoScalingGroups"]
print(json.dumps([one["InstanceId"] for one in group["Instances"]]))
"""


def said_goodbye(road: Road) -> list[tuple[str, float]]:
    """Return the instances that ended their hook since the demo made the group smaller, and after how many seconds."""
    calls: list[dict[str, Any]] = [call for call in road.calls()[0] if call["service"] == "autoscaling"]
    smaller = [call["time"] for call in calls if call["action"] == "SetDesiredCapacity"][-1]
    return [
        (call["parameters"]["InstanceId"], call["time"] - smaller)
        for call in calls
        if call["action"] == "CompleteLifecycleAction" and call["time"] > smaller
    ]


def test_the_worker_that_the_demo_gave_back_leaves_before_its_instance_ends(road: Road) -> None:
    deadline = time.monotonic() + PATIENCE
    while not (gone := said_goodbye(road)) and time.monotonic() < deadline:
        time.sleep(1)
    ((instance, seconds),) = gone
    assert seconds < PATIENCE
    while len(left := road.region.python(WORKERS % CLUSTER)) > 2 and time.monotonic() < deadline:
        time.sleep(1)
    assert len(left) == 2 and instance not in left
    done = road.playbook("status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ready" in done.stdout and instance not in done.stdout
