#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: what is known of CloudWatch log groups."""

from __future__ import annotations

DOCUMENTATION = r"""
module: log_group_info
short_description: What is known of CloudWatch log groups
version_added: 1.0.0
description:
  - Lists log groups by names or under a prefix, with retention, size, tags, and when they were last written.
  - Reads tags a hundred groups at a time.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
  - apiary.swarm.aws
options:
  names:
    description: The names of the log groups. Groups that do not exist are left out of the result.
    type: list
    elements: str
  prefix:
    description: List every log group whose name begins with this.
    type: str
    aliases: [log_group_name]
  tags:
    description: Read the tags too.
    type: bool
    default: true
  last_event:
    description: Read when the newest event of each group arrived. Costs a call for each group.
    type: bool
    default: false
seealso:
  - module: apiary.swarm.log_group
"""

EXAMPLES = r"""
- name: The log groups of a cluster
  apiary.swarm.log_group_info:
    prefix: /swarm/demo/
    last_event: true
  register: logs
"""

RETURN = r"""
log_groups:
  description: The log groups by name.
  returned: success
  type: list
  elements: dict
  contains:
    log_group_name:
      description: The name.
      type: str
    arn:
      description: The ARN.
      type: str
    retention_in_days:
      description: The retention in days, null for ever.
      type: int
    kms_key_id:
      description: The ARN of the KMS key, null for none.
      type: str
    log_class:
      description: The class.
      type: str
    deletion_protection:
      description: Whether AWS refuses the deletion.
      type: bool
    stored_bytes:
      description: The size in bytes, as AWS last counted.
      type: int
    creation_time:
      description: When it was made, milliseconds since 1970.
      type: int
    tags:
      description: The tags.
      type: dict
    last_event_time:
      description: When the newest event arrived, milliseconds since 1970, null for none; with O(last_event).
      type: int
stored_bytes:
  description: The size of all these groups in bytes.
  returned: success
  type: int
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs import api as logs
from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs import reading
from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs.groups import LogGroup
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.threads import in_threads
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "names": {"type": "list", "elements": "str"},
    "prefix": {"type": "str", "aliases": ["log_group_name"]},
    "tags": {"type": "bool", "default": True},
    "last_event": {"type": "bool", "default": False},
}


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Read the groups; check mode makes no difference."""
    client = session.client("logs")
    if params["names"] is not None:
        groups = reading.read_groups(client, params["names"])
    else:
        found = (LogGroup.from_api(item) for item in logs.describe_log_groups(client, params["prefix"]))
        groups = {group.name: group for group in found}
    if params["tags"]:
        groups = reading.with_tags(client, session.client("resourcegroupstaggingapi"), groups)
    reports = [groups[name].report() for name in sorted(groups)]
    if params["last_event"]:
        times = in_threads(lambda name: logs.last_event_time(client, name), sorted(groups))
        reports = [{**report, "last_event_time": moment} for report, moment in zip(reports, times)]
    return {
        "changed": False,
        "log_groups": reports,
        "stored_bytes": sum(group.stored_bytes for group in groups.values()),
    }


WORK = AwsWork(
    ARGUMENTS,
    run,
    mutually_exclusive=[("names", "prefix")],
    required_one_of=[("names", "prefix")],
)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
