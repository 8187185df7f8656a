#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bake_lock
short_description: Hold the lock under which one bake of a cluster runs at a time
description:
  - Takes or gives back a lock that lives in SSM as C(/swarm/<cluster>/bake-lock), with its owner and age.
  - Fails at once, with one sentence that says who holds it, when another bake does.
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
  state:
    description:
      - V(present) takes the lock, V(absent) gives it back. A lock that O(token) does not hold is never given back.
    type: str
    choices: [present, absent]
    default: present
  owner:
    description:
      - Who bakes, for the message that others get.
    type: str
    default: ''
  token:
    description:
      - Tells this bake from all others; any text that no other run uses.
    type: str
    required: true
  max_age:
    description:
      - Seconds after which a lock counts as left behind by a bake that died, and may be taken over.
    type: int
    default: 5400
"""

EXAMPLES = r"""
- name: Take the lock
  apiary.swarm.bake_lock:
    cluster: demo
    region: eu-west-1
    owner: jenkins@ci-3
    token: "{{ run_id }}"

- name: Give the lock back
  apiary.swarm.bake_lock:
    cluster: demo
    region: eu-west-1
    token: "{{ run_id }}"
    state: absent
"""

RETURN = r"""
owner:
  description: Who holds the lock, empty if nobody does.
  type: str
  returned: always
since:
  description: Since when.
  type: str
  returned: always
"""

import typing as t
from datetime import datetime, timezone

from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import lock as bake_lock
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ssm import get_parameter
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "cluster": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "owner": {"type": "str", "default": ""},
    "token": {"type": "str", "required": True, "no_log": False},
    "max_age": {"type": "int", "default": 5400},
}


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Take or give back the lock.

    :raises Refused: if another bake holds it.
    """
    client = session.client("ssm")
    cluster, token = params["cluster"], params["token"]
    stored = get_parameter(client, bake_lock.parameter_name(cluster))
    before = bake_lock.parse_lock(stored.value) if stored else None
    ours = before is not None and before.token == token
    if params["state"] == "absent":
        changed = ours if check_mode else bake_lock.release(client, cluster, token)
        return {"changed": changed, "owner": "", "since": ""}

    now = datetime.now(timezone.utc)
    if check_mode and (before is None or before.age(now) > params["max_age"]):
        return {"changed": True, "owner": params["owner"], "since": ""}
    held = before if check_mode else None
    if held is None:
        held = bake_lock.acquire(client, cluster, params["owner"], token, params["max_age"])
    if held.token != token:
        minutes = held.age(now) / 60
        raise Refused(
            f"Another bake of {cluster} has been running for {minutes:.0f} minutes, by {held.owner or 'an unknown user'}: "
            "wait for it, or, if it is dead, delete the SSM parameter "
            f"{bake_lock.parameter_name(cluster)} in {session.region}.",
            owner=held.owner,
            since=held.since,
        )
    return {"changed": not ours, "owner": held.owner, "since": held.since}


WORK = AwsWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
