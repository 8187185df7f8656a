#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_record_info
short_description: Read what a cluster says about itself, and wait until it has formed
description:
  - Reads the record that the managers' agents keep in SSM and compares it with the cluster's Auto Scaling groups and
    instances.
  - With O(wait), waits until every instance that the groups want is a Ready node of the swarm, and every other one gone.
  - Only reads, and asks AWS alone; no node is contacted.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.aws
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
options:
  cluster:
    description:
      - The name of the cluster.
    type: str
    required: true
  wait:
    description:
      - Whether to wait until the cluster has formed. The task fails if it has not within O(wait_timeout).
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds to wait at most.
    type: int
    default: 900
  poll_interval:
    description:
      - Seconds between two looks.
    type: float
    default: 5
seealso:
  - module: apiary.swarm.preflight
"""

EXAMPLES = r"""
- name: Wait until the swarm is formed
  apiary.swarm.cluster_record_info:
    cluster: demo
    region: eu-west-1
    wait: true
  register: formation

- name: Show the nodes
  ansible.builtin.debug:
    msg: "{{ formation.nodes | apiary.swarm.table }}"
"""

RETURN = r"""
formed:
  description: Whether all nodes that the groups want are Ready.
  type: bool
  returned: success or time-out
expected:
  description: How many nodes the groups want.
  type: int
  returned: success or time-out
  sample: 5
missing:
  description: What is missing until the cluster has formed.
  type: list
  elements: str
  returned: success or time-out
  sample: ["worker i-0abc (10.20.64.7, eu-west-1a) has not joined the swarm"]
nodes:
  description: The cluster's instances, managers first, with what the swarm says about each.
  type: list
  elements: dict
  returned: success or time-out
  contains:
    instance_id: {description: ID of the instance., type: str}
    role: {description: "V(manager) or V(worker).", type: str}
    zone: {description: Availability zone., type: str}
    private_ip: {description: Primary private IPv4 address., type: str}
    instance_type: {description: Type of the instance., type: str}
    image_id: {description: The image that it was started from., type: str}
    state: {description: "State in the swarm, V(ready) when all is well, V(unknown) when nobody has reported it.", type: str}
    availability: {description: "V(active), V(pause) or V(drain).", type: str}
    leader: {description: Whether it leads the swarm., type: bool}
    reachability: {description: "Of a manager: V(reachable) or V(unreachable).", type: str}
record_state:
  description: The state in the record, V(absent) if there is no record.
  type: str
  returned: success or time-out
  sample: ready
updated_at:
  description: When the leader renewed the record, empty if never.
  type: str
  returned: success or time-out
left:
  description: The instances that were there when the module began, and are gone.
  type: list
  elements: str
  returned: success or time-out
waited:
  description: Seconds that the module waited.
  type: float
  returned: success or time-out
"""

import time
import typing as t
from dataclasses import asdict
from datetime import datetime, timezone

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster import fleet
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.formation import Formation, assess
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import (
    ClusterRecord,
    parameter_name,
    parse_record,
)
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ssm import get_parameter
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "cluster": {"type": "str", "required": True},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 900},
    "poll_interval": {"type": "float", "default": 5},
}


def look(session: AwsSession, cluster: str) -> tuple[Formation, ClusterRecord | None]:
    """Return how far *cluster* has formed, and its record."""
    stored = get_parameter(session.client("ssm"), parameter_name(cluster))
    record = parse_record(stored.value) if stored else None
    groups = fleet.list_groups(session.client("autoscaling"), cluster)
    machines = fleet.list_machines(session.client("ec2"), cluster)
    return assess(groups, machines, record, datetime.now(timezone.utc)), record


def report(
    formation: Formation, record: ClusterRecord | None, waited: float, before: t.Collection[str]
) -> dict[str, t.Any]:
    """Return what the task returns, apart from C(changed).

    :param before: the ids of the instances that were there first.
    """
    return {
        "formed": formation.formed,
        "expected": formation.expected,
        "missing": list(formation.missing),
        "nodes": [asdict(node) for node in formation.nodes],
        "record_state": record.state if record else "absent",
        "updated_at": record.updated_at if record else "",
        "left": sorted(set(before) - {node.instance_id for node in formation.nodes}),
        "waited": round(waited, 1),
    }


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Look once, or until the cluster has formed.

    :raises Refused: if the cluster does not exist or does not form in time.
    """
    start = time.monotonic()
    cluster = params["cluster"]
    before: set[str] = set()
    while True:
        formation, record = look(session, cluster)
        before.update(node.instance_id for node in formation.nodes)
        waited = time.monotonic() - start
        if not formation.expected and not formation.nodes:
            raise Refused(
                f"There is no cluster {cluster} in {session.region}: "
                f"no Auto Scaling group or instance has the tag swarm:cluster={cluster}."
            )
        if formation.formed or not params["wait"]:
            return {"changed": False, **report(formation, record, waited, before)}
        if waited >= params["wait_timeout"]:
            ready = sum(1 for node in formation.nodes if node.state == "ready")
            raise Refused(
                f"{ready} of {formation.expected} nodes of {cluster} are Ready after {waited:.0f} s; missing: "
                + "; ".join(formation.missing)
                + ".",
                **report(formation, record, waited, before),
            )
        time.sleep(params["poll_interval"])


WORK = AwsWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
