# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that go: a worker leaves the swarm before its instance ends, and long before the hook's time is up."""

from __future__ import annotations

from road import CLUSTER, Road

ONE_LESS = """
import boto3, json, time
client = boto3.client("autoscaling")
def workers():
    tags = [{"Name": "tag:swarm:cluster", "Values": [%r]}, {"Name": "tag:swarm:role", "Values": ["worker"]}]
    (group,) = client.describe_auto_scaling_groups(Filters=tags)["AutoScalingGroups"]
    return group["AutoScalingGroupName"], {one["InstanceId"] for one in group["Instances"]}
name, before = workers()
client.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=len(before) - 1)
deadline = time.monotonic() + 150
while len(workers()[1]) == len(before) and time.monotonic() < deadline:
    time.sleep(1)
print(json.dumps(sorted(before - workers()[1])))
"""


def test_a_worker_leaves_before_its_instance_ends(road: Road) -> None:
    gone = road.region.python(ONE_LESS % CLUSTER, timeout=200)
    assert len(gone) == 1, "the worker was held until the end of its hook's time"
    done = road.playbook("status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ready" in done.stdout and gone[0] not in done.stdout
