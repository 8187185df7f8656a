#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_settings
short_description: Settle a cluster's settings, keeping what is not given as its stack has it
description:
  - Returns all settings of a cluster - those that are given, then those that the cluster's CloudFormation stack has, then
    the defaults of a new cluster.
  - Says what a run would change of a living cluster, and refuses what would take its network, its quorum, or, without a
    word of its own, workers or the load balancer away.
  - Only reads.
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
  settings:
    description:
      - The settings that are given, named as the variables of the role P(apiary.swarm.cluster#role) without C(cluster_).
      - An empty value, as YAML's V(null), is not given.
    type: dict
    default: {}
  tags:
    description:
      - Tags of all resources. Not given, the stack's own stay.
    type: dict
  allow_shrink:
    description:
      - Whether a smaller size may end workers that run.
    type: bool
    default: false
  allow_replace:
    description:
      - Whether the load balancer may be replaced by one with another name.
    type: bool
    default: false
seealso:
  - module: apiary.swarm.preflight
"""

EXAMPLES = r"""
- name: Ask for more workers, and keep everything else as it is
  apiary.swarm.cluster_settings:
    cluster: demo
    region: eu-west-1
    settings:
      workers_max: 20
  register: settled

- name: Show what would change
  ansible.builtin.debug:
    msg: "{{ settled.changes | apiary.swarm.table(['setting', 'before', 'after']) }}"
"""

RETURN = r"""
exists:
  description: Whether the cluster has a stack that lives.
  type: bool
  returned: success
  sample: true
settings:
  description: Every setting, by name.
  type: dict
  returned: success
  sample: {"workers": 20, "vpc_cidr": "10.20.0.0/16"}
parameters:
  description: The parameters of the CloudFormation template for them, but for zones and ECR repositories.
  type: dict
  returned: success
  sample: {"WorkersDesired": "20", "VpcCidr": "10.20.0.0/16"}
tags:
  description: The tags of all resources.
  type: dict
  returned: success
  sample: {"team": "shop"}
image_id:
  description: The image that new nodes of a living cluster get, empty for a new cluster.
  type: str
  returned: success
changes:
  description: What the run changes of a living cluster.
  type: list
  elements: dict
  returned: success
  sample: [{"setting": "workers_max", "before": 10, "after": 20}]
findings:
  description: Why it is refused, one sentence each.
  type: list
  elements: str
  returned: failure
"""

import dataclasses
import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils import _preflight as rules
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster import fleet, settings
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.stack import Stack, get_stack
from ansible_collections.apiary.swarm.plugins.module_utils._aws.errors import known_regions
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "cluster": {"type": "str", "required": True},
    "settings": {"type": "dict", "default": {}},
    "tags": {"type": "dict"},
    "allow_shrink": {"type": "bool", "default": False},
    "allow_replace": {"type": "bool", "default": False},
}
_OWN_TAG = "swarm:cluster"


def workers_now(session: AwsSession, cluster: str) -> int:
    """Return how many workers the cluster's group wants now, whoever asked for them."""
    groups = fleet.list_groups(session.client("autoscaling"), cluster)
    return sum(group.desired for group in groups if group.role == "worker")


def tags_of(params: Params, stack: Stack | None) -> dict[str, str]:
    """Return the tags of all resources."""
    if params["tags"] is not None:
        return dict(params["tags"])
    return {key: value for key, value in (stack.tags if stack else {}).items() if key != _OWN_TAG}


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Settle the settings.

    :raises Refused: with all findings.
    """
    given, found = settings.take(params["settings"])
    found = rules.check_cluster_name(params["cluster"]) + rules.check_region(session.region, known_regions()) + found
    if found:
        raise Refused(rules.one_message(found), findings=found)
    stack = get_stack(session.client("cloudformation"), f"swarm-{params['cluster']}")
    before = settings.living(stack.parameters) if stack else None
    if stack and before is not None:
        home = settings.home_of(stack.arn)
        before, given = settings.at_home(before, home), settings.at_home(given, home)
    running = workers_now(session, params["cluster"]) if stack else 0
    after = settings.resolve(given, before, running)
    changes: list[settings.SettingChange] = []
    if before is not None:
        changes = settings.changes(before, after)
        now, tags = tags_of({**params, "tags": None}, stack), tags_of(params, stack)
        if now != {key: str(value) for key, value in tags.items()}:
            changes.append(settings.SettingChange("tags", now, tags))
        found = settings.refusals(before, after, running, params["allow_shrink"], params["allow_replace"])
    if found:
        raise Refused(rules.one_message(found), findings=found)
    return {
        "changed": False,
        "exists": stack is not None,
        "settings": after,
        "parameters": settings.parameters(after),
        "tags": tags_of(params, stack),
        "image_id": stack.parameters.get("ImageId", "") if stack else "",
        "changes": [dataclasses.asdict(change) for change in changes],
    }


WORK = AwsWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
