#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_auth
short_description: Give running services a fresh registry login, without restarting a task
version_added: 1.0.0
description:
  - Sends each service whose image comes from one of the registries its own spec again, together with the login. The
    engine keeps the login for the tasks that it starts later. Running tasks stay as they are.
  - Tokens of Amazon ECR end after 12 hours. Run this more often than that, so that a task that moves to another node can
    pull its image there.
  - Each login is tried at its registry first. Nothing is sent when one is refused.
  - A service that this would disturb is left alone and returned in RV(left_alone) with the reason. That is a job, which
    would run again, a service whose update is under way or was paused, one with a task that has ended for good, and one
    with a task that does not run yet. A cluster's leader renews logins to ECR by itself, with the same care.
  - The engine takes the present spec of a service for its previous one then, so C(docker service rollback) changes
    nothing. O(apiary.swarm.stack#module:state=rolled_back) is not touched by that.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.engine
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - The engine never shows the login that it has.
  idempotent:
    support: none
    details:
      - The engine does not tell which login it has, so each run sends the login again and reports a change. No task is
        restarted.
options:
  registry_auth:
    description:
      - Logins of registries.
    type: list
    elements: dict
    required: true
    suboptions:
      registry:
        description: Host of the registry, with its port if it has one.
        type: str
        required: true
      username:
        description: User.
        type: str
        required: true
      password:
        description: Password or token.
        type: str
        required: true
      expires_at:
        description: When the password ends, as the lookup P(apiary.swarm.ecr_auth#lookup) returns it. Not used.
        type: str
  services:
    description:
      - Only these services, by their names in the swarm. The default is all services.
    type: list
    elements: str
    default: []
seealso:
  - module: apiary.swarm.stack
"""

EXAMPLES = r"""
- name: Refresh the login for ECR in all services
  apiary.swarm.registry_auth:
    registry_auth: "{{ query('apiary.swarm.ecr_auth', '123456789012.dkr.ecr.eu-central-1.amazonaws.com') }}"
"""

RETURN = r"""
services:
  description: Names of the services that got the login.
  returned: success
  type: list
  elements: str
busy:
  description: Names of services that keep the login that they have, because they are on the move. Try again soon.
  returned: success
  type: list
  elements: str
left_alone:
  description: All services that keep the login that they have, those of RV(busy) too.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the service.
      type: str
    reason:
      description: Why it was not written.
      type: str
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import ENGINE_OPTIONS, LOGINS
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.registry.auth import refresh
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.session import EngineWork

ARGUMENTS: dict[str, t.Any] = {
    **ENGINE_OPTIONS,
    "registry_auth": {**LOGINS, "required": True},
    "services": {"type": "list", "elements": "str", "default": []},
}


def run(engine: Engine, params: Params, check_mode: bool) -> Result:
    """Send the logins to the services that use them."""
    done = refresh(engine, params["registry_auth"], params["services"], check_mode)
    left = [{"name": name, "reason": why.reason} for name, why in done.left.items()]
    return {
        "changed": bool(done.sent),
        "services": done.sent,
        "busy": [name for name, why in done.left.items() if why.passes],
        "left_alone": left,
        "warnings": [f"Service {item['name']} keeps the login that it has: {item['reason']}." for item in left],
    }


WORK = EngineWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
