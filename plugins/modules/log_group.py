#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: CloudWatch log groups, many in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: log_group
short_description: Manage CloudWatch log groups, many in one task
version_added: 1.0.0
description:
  - Creates, changes and removes CloudWatch Logs log groups, with their retention, tags, KMS key, metric filters,
    subscription filters and deletion protection.
  - One task takes any number of groups. They are read with one call for each 50 groups under a common prefix, and
    written side by side.
  - All input is checked before the first write. A log group that exists is never deleted or recreated by O(state=present).
  - Removes the groups of services that are gone with O(prune).
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.aws
attributes:
  check_mode:
    support: full
    details:
      - Makes no call that writes.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - The name of a single log group. Excludes O(groups) and O(names).
    type: str
    aliases: [log_group_name]
  names:
    description:
      - The names of log groups that have all their settings in common. Excludes O(groups).
    type: list
    elements: str
  groups:
    description:
      - The log groups. Every option of a group may also be given beside O(groups), where it is the default for all entries;
        tags of both places are merged.
    type: list
    elements: dict
    aliases: [log_groups]
    suboptions:
      name:
        description: The name of the log group.
        type: str
        required: true
        aliases: [log_group_name]
      retention_in_days: &retention
        description:
          - How many days the events are kept. V(0) keeps them for ever. Not given leaves the retention as it is.
          - Any number that the installed botocore says the API takes.
        type: int
        aliases: [retention]
      purge_retention_policy: &purge_retention
        description: Keep the events for ever; the same as O(retention_in_days=0).
        type: bool
      kms_key_id: &kms
        description:
          - The ARN of the KMS key that encrypts new events. It must be in the group's region.
          - An empty string removes the key. Not given leaves it as it is.
        type: str
      log_class: &class
        description:
          - The class of a group that is made, V(STANDARD) when not given. AWS cannot change the class of an existing group.
        type: str
        aliases: [log_group_class]
      deletion_protection: &protection
        description: Whether AWS refuses to delete the group. Not given leaves it as it is.
        type: bool
      tags: &tags
        description: The tags. Not given leaves them as they are; V({}) with O(purge_tags=true) removes them.
        type: dict
        aliases: [resource_tags]
      purge_tags: &purge_tags
        description: Whether tags that are not in O(tags) are removed, V(true) when not given. Tags of AWS itself (C(aws:)) stay.
        type: bool
      metric_filters: &metric_filters
        description: The metric filters, made or replaced by their exact names.
        type: list
        elements: dict
        suboptions:
          filter_name:
            description: The name of the filter.
            type: str
            required: true
          filter_pattern:
            description: The pattern; an empty one matches every event.
            type: str
            default: ""
          metric_transformations:
            description: The metric to emit. AWS takes one for each filter.
            type: list
            elements: dict
            required: true
            suboptions:
              metric_name:
                description: The name of the metric.
                type: str
                required: true
              metric_namespace:
                description: The namespace of the metric.
                type: str
                required: true
              metric_value:
                description: The value for each match, a number or a field as in V($.latency).
                type: str
                default: "1"
              default_value:
                description: The value for each minute without a match.
                type: float
              unit:
                description: The unit of the metric.
                type: str
              dimensions:
                description: Dimension names and the fields that give their values.
                type: dict
      purge_metric_filters: &purge_metric_filters
        description: Whether metric filters that are not in O(metric_filters) are removed, V(false) when not given.
        type: bool
      subscription_filters: &subscription_filters
        description: The subscription filters (two at most), made or replaced by their exact names.
        type: list
        elements: dict
        suboptions:
          filter_name:
            description: The name of the filter.
            type: str
            required: true
          filter_pattern:
            description: The pattern; an empty one matches every event.
            type: str
            default: ""
          destination_arn:
            description: Where the events go, a stream, a function or a destination.
            type: str
            required: true
          role_arn:
            description: The role that may write to a stream.
            type: str
          distribution:
            description: How events are spread over the shards of a stream, V(ByLogStream) when not given.
            type: str
            choices: [ByLogStream, Random]
      purge_subscription_filters: &purge_subscription_filters
        description: Whether subscription filters that are not in O(subscription_filters) are removed, V(false) when not given.
        type: bool
  retention_in_days: *retention
  purge_retention_policy: *purge_retention
  kms_key_id: *kms
  log_class: *class
  deletion_protection: *protection
  tags: *tags
  purge_tags: *purge_tags
  metric_filters: *metric_filters
  purge_metric_filters: *purge_metric_filters
  subscription_filters: *subscription_filters
  purge_subscription_filters: *purge_subscription_filters
  state:
    description:
      - Whether the groups exist. V(absent) deletes them with all their logs.
    type: str
    choices: [present, absent]
    default: present
  prune:
    description:
      - What to do with groups under O(prefix) that belong to none of the O(services). Needs O(state=absent).
      - V(report) returns them in RV(orphans).
      - V(delete) also deletes those that had no event for O(unused_days), unless they carry O(protection_tag) or their
        deletion protection is on.
    type: str
    choices: [report, delete]
  prefix:
    description:
      - Where O(prune) looks, as in V(/swarm/demo/). It ends at a slash; one is added if it is missing.
    type: str
  services:
    description:
      - The services that live, as Docker names them (V(shop_gate)) or as paths under O(prefix) (V(shop/gate)).
    type: list
    elements: str
  keep:
    description: Groups under O(prefix), relative to it, that belong to no service and are never pruned.
    type: list
    elements: str
    default: [default, edge]
  unused_days:
    description: Days without an event after which O(prune=delete) deletes.
    type: int
    default: 30
  protection_tag:
    description: The key of the tag that forbids O(prune=delete), unless its value is V(false).
    type: str
    default: "swarm:protect"
seealso:
  - module: apiary.swarm.log_group_info
  - module: amazon.aws.cloudwatchlogs_log_group
"""

EXAMPLES = r"""
- name: The log groups of a stack
  apiary.swarm.log_group:
    region: eu-west-1
    retention: 30
    tags:
      swarm:cluster: demo
    groups:
      - name: /swarm/demo/shop/gate
      - name: /swarm/demo/shop/storage
        retention: 90
      - name: /swarm/demo/shop/redis
        metric_filters:
          - filter_name: errors
            filter_pattern: ERROR
            metric_transformations:
              - metric_name: errors
                metric_namespace: shop

- name: One log group, kept for ever, encrypted with an own key
  apiary.swarm.log_group:
    name: /swarm/demo/audit
    retention: 0
    kms_key_id: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
    deletion_protection: true

- name: See which groups outlived their services
  apiary.swarm.log_group:
    state: absent
    prune: report
    prefix: /swarm/demo
    services: [shop_gate, shop_storage, shop_redis]
  register: pruned

- name: Delete those without an event for 60 days
  apiary.swarm.log_group:
    state: absent
    prune: delete
    unused_days: 60
    prefix: /swarm/demo
    services: [shop_gate, shop_storage, shop_redis]
"""

RETURN = r"""
log_groups:
  description: The groups after the task, in the order given. In check mode, as they would be.
  returned: with O(state=present), also when a group failed
  type: list
  elements: dict
  contains:
    log_group_name:
      description: The name.
      type: str
    arn:
      description: The ARN, empty for a group that check mode would make.
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
      description: The tags, if O(tags) was given.
      type: dict
    metric_filters:
      description: The metric filters by name, if O(metric_filters) was given.
      type: dict
    subscription_filters:
      description: The subscription filters by name, if O(subscription_filters) was given.
      type: dict
    changes:
      description: What was changed, V(created), V(deleted) or names of options.
      type: list
      elements: str
deleted:
  description: The names of the groups that were deleted, or would be.
  returned: with O(state=absent)
  type: list
  elements: str
orphans:
  description: The groups under O(prefix) that belong to no service.
  returned: with O(prune)
  type: list
  elements: dict
  contains:
    log_group_name:
      description: The name.
      type: str
    stored_bytes:
      description: The size in bytes.
      type: int
    unused_days:
      description: Days since the newest event, or since the group was made.
      type: int
    kept_because:
      description: Why V(delete) leaves it, empty if it does not.
      type: str
failed_groups:
  description: The error of each group that failed; the others were brought to the wanted state.
  returned: failure
  type: dict
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs.params import SETTINGS
from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs.task import LogGroupTask
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

_NAME: dict[str, t.Any] = {"type": "str", "aliases": ["log_group_name"]}

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "name": _NAME,
    "names": {"type": "list", "elements": "str"},
    "groups": {
        "type": "list",
        "elements": "dict",
        "aliases": ["log_groups"],
        "options": {"name": {**_NAME, "required": True}, **SETTINGS},
    },
    **SETTINGS,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "prune": {"type": "str", "choices": ["report", "delete"]},
    "prefix": {"type": "str"},
    "services": {"type": "list", "elements": "str"},
    "keep": {"type": "list", "elements": "str", "default": ["default", "edge"]},
    "unused_days": {"type": "int", "default": 30},
    "protection_tag": {"type": "str", "default": "swarm:protect", "no_log": False},
}


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Do the task."""
    result = LogGroupTask(session, params, check_mode=check_mode).run()
    failed = result.get("failed_groups")
    if failed:
        raise Refused(f"{len(failed)} log group(s) failed. {next(iter(failed.values()))}", **result)
    return result


WORK = AwsWork(
    ARGUMENTS,
    run,
    mutually_exclusive=[("name", "names", "groups")],
    required_one_of=[("name", "names", "groups", "prune")],
)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
