#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_purge
short_description: Remove what a deleted cluster's agents and deploys left in AWS
description:
  - Deletes the SSM parameters that agents wrote under C(/swarm/<cluster>/) and the log groups of the cluster's stacks.
  - The published image and the lock of a bake stay; they belong to the images, not to the cluster.
  - Fails while the cluster has groups or instances, so a running cluster cannot lose its tokens.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.aws
  - apiary.swarm.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  cluster:
    description:
      - The name of the cluster.
    type: str
    required: true
  log_groups:
    description:
      - Whether the log groups under C(/swarm/<cluster>/) go too, with all their lines.
    type: bool
    default: true
  even_if_running:
    description:
      - In check mode, whether to list what would go although the cluster still runs. Without check mode it is refused.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Remove the rest of a cluster
  apiary.swarm.cluster_purge:
    cluster: demo
    region: eu-west-1
"""

RETURN = r"""
parameters:
  description: The SSM parameters that are gone (in check mode - that would go).
  type: list
  elements: str
  returned: success
log_groups:
  description: The log groups that are gone (in check mode - that would go).
  type: list
  elements: str
  returned: success
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster import fleet, leftovers
from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs.api import delete_log_group
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._preflight import check_cluster_name, one_message

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "cluster": {"type": "str", "required": True},
    "log_groups": {"type": "bool", "default": True},
    "even_if_running": {"type": "bool", "default": False},
}


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Find and delete the rest of the cluster.

    :raises Refused: if the name is no cluster's, or the cluster still runs.
    """
    cluster = params["cluster"]
    wrong = check_cluster_name(cluster)
    if wrong:
        raise Refused(one_message(wrong))
    groups = fleet.list_groups(session.client("autoscaling"), cluster)
    machines = fleet.list_machines(session.client("ec2"), cluster)
    if (groups or machines) and not (check_mode and params["even_if_running"]):
        raise Refused(
            f"The cluster {cluster} in {session.region} still has {len(groups)} groups and {len(machines)} instances: "
            "delete it first."
        )
    ssm, logs = session.client("ssm"), session.client("logs")
    parameters = leftovers.list_parameters(ssm, cluster)
    log_groups = leftovers.list_log_groups(logs, cluster) if params["log_groups"] else []
    if not check_mode:
        leftovers.delete_parameters(ssm, parameters)
        for name in log_groups:
            delete_log_group(logs, name)
    return {"changed": bool(parameters or log_groups), "parameters": parameters, "log_groups": log_groups}


WORK = AwsWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
