# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that go: a worker leaves the swarm before its instance ends, and long before the hook's time is up."""

from __future__ import annotations

import re

from road import CLUSTER, Road

WORKERS_WITHOUT = """
import boto3, json, time
client = boto3.client("autoscaling")
def workers():
    tags = [{"Name": "tag:swarm:cluster", "Values": [%r]}, {"Name": "tag:swarm:role", "Values": ["worker"]}]
    (group,) = client.describe_auto_scaling_groups(Filters=tags)["AutoScalingGroups"]
    return sorted(one["InstanceId"] for one in group["Instances"])
deadline = time.monotonic() + 150
while %r in workers() and time.monotonic() < deadline:
    time.sleep(1)
print(json.dumps(workers()))
"""


def test_the_worker_that_the_demo_gave_back_leaves_before_its_instance_ends(road: Road) -> None:
    told = re.search(r"(i-[0-9a-f]+) joined", road.output)
    assert told, road.output
    left = road.region.python(WORKERS_WITHOUT % (CLUSTER, told[1]), timeout=200)
    assert told[1] not in left, "the worker was held until the end of its hook's time"
    assert len(left) == 2
    done = road.playbook("status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ready" in done.stdout and told[1] not in done.stdout
