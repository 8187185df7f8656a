#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_retire
short_description: Deregister old baked images together with their snapshots
description:
  - Keeps the newest validated images of a cluster and every one that something uses - an instance, a launch template's
    newest, default or group's version, or the SSM parameter C(/swarm-images/<cluster>/ami) of any cluster.
  - Deregisters the others, those that never passed their checks included, and deletes their snapshots.
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
      - The cluster whose images may go; images of other clusters are left alone.
    type: str
    required: true
  keep:
    description:
      - How many of the newest validated images stay whether used or not.
    type: int
    default: 3
  unfinished:
    description:
      - Whether images that are still being made go too. Only right under the lock of M(apiary.swarm.bake_lock).
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Keep the three newest images and those in use
  apiary.swarm.image_retire:
    cluster: demo
    region: eu-west-1
    keep: 3
"""

RETURN = r"""
retired:
  description: The images that are gone (in check mode - that would go), with their snapshots and the reason.
  type: list
  elements: dict
  returned: success
  sample: [{"image_id": "ami-0abc1234", "reason": "older than the newest that are kept", "snapshot_ids": ["snap-0abc"]}]
kept:
  description: The images that stay, with the reason.
  type: list
  elements: dict
  returned: success
  sample: [{"image_id": "ami-0def5678", "reason": "number 1 of the 3 newest"}]
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import api as images
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.baking import plan_retirement
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.users import find_users
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "cluster": {"type": "str", "required": True},
    "keep": {"type": "int", "default": 3},
    "unfinished": {"type": "bool", "default": False},
}


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Retire what may go.

    :raises InvalidInput: if I(keep) is negative.
    """
    if params["keep"] < 0:
        raise InvalidInput(f"keep {params['keep']} cannot be: write 0 or more.")
    ec2 = session.client("ec2")
    baked = images.list_baked(ec2)
    users = find_users(session, [image.image_id for image in baked])
    plan = plan_retirement(baked, users, params["keep"], params["cluster"], params["unfinished"])
    retired = [item for item in plan if item.retire]
    if not check_mode:
        for item in retired:
            images.deregister(ec2, item.image.image_id)
            for snapshot_id in item.image.snapshot_ids:
                images.delete_snapshot(ec2, snapshot_id)
    return {
        "changed": bool(retired),
        "retired": [
            {
                "image_id": item.image.image_id,
                "reason": item.reason,
                "snapshot_ids": list(item.image.snapshot_ids),
            }
            for item in retired
        ],
        "kept": [{"image_id": item.image.image_id, "reason": item.reason} for item in plan if not item.retire],
    }


WORK = AwsWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
