#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: job
short_description: Run a command once, in the setting of a service of a Docker swarm
version_added: 1.0.0
description:
  - Runs a command once with the image, environment, secrets, configs, mounts, networks and placement of a service, and
    waits for its end. For migrations, reports and repairs.
  - Fails when the command does not end with exit code 0, when no node can run it, or when it takes longer than
    O(wait_timeout).
  - One job of a name runs at a time.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.engine
  - apiary.swarm.engine.registry
  - apiary.swarm.engine.progress
attributes:
  check_mode:
    support: full
    details:
      - Says what would run, and runs nothing.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - Each run runs the command again.
options:
  service:
    description:
      - Service whose setting the job gets, by its name in the swarm.
    type: str
    required: true
  name:
    description:
      - Name of the job, which is a service of its own while it runs. The default is the service's name and C(-job),
        shortened to the 63 characters that the engine takes.
    type: str
  command:
    description:
      - Program and arguments, in place of the image's entry point and command.
    type: list
    elements: str
    default: []
  args:
    description:
      - Arguments, in place of the image's command.
    type: list
    elements: str
    default: []
  env:
    description:
      - Environment variables on top of those of the service.
    type: dict
    default: {}
  image:
    description:
      - Container image in place of the service's, for example the version that is to be deployed next.
    type: str
  wait_timeout:
    description:
      - Seconds until the job is stopped and has failed.
    type: int
    default: 600
  keep:
    description:
      - Leave the ended job in the swarm, to look at it. The next job of the name removes it.
    type: bool
    default: false
seealso:
  - module: apiary.swarm.stack
"""

EXAMPLES = r"""
- name: Bring the database to the schema of the new version
  apiary.swarm.job:
    service: shop_storage
    image: registry.example.org/shop/storage:v42
    command: [/app/migrate, --to-latest]
    wait_timeout: 300
"""

RETURN = r"""
exit_code:
  description: Exit code of the command, V(none) when it never ran or never ended.
  returned: when it was run
  type: int
logs:
  description: What it wrote, at most the last 1000 lines.
  returned: when it was run
  type: list
  elements: str
node:
  description: Name of the node that it ran on.
  returned: when it was run
  type: str
job:
  description: Name of the job.
  returned: always
  type: str
image:
  description: Container image with its digest.
  returned: always
  type: str
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._errors import PlanRefused, Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.common import job_problems, require
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import (
    ENGINE_OPTIONS,
    PROGRESS_OPTIONS,
    REGISTRY_OPTIONS,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy import jobs
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import LiveState
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.registry import digest
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.registry.auth import header_for
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.session import EngineWork
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch import report
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.progress import Progress

ARGUMENTS: dict[str, t.Any] = {
    **ENGINE_OPTIONS,
    **REGISTRY_OPTIONS,
    **PROGRESS_OPTIONS,
    "service": {"type": "str", "required": True},
    "name": {"type": "str"},
    "command": {"type": "list", "elements": "str", "default": []},
    "args": {"type": "list", "elements": "str", "default": []},
    "env": {"type": "dict", "default": {}},
    "image": {"type": "str"},
    "wait_timeout": {"type": "int", "default": 600},
    "keep": {"type": "bool", "default": False},
}


def spec_of(engine: Engine, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the ServiceSpec of the job that the arguments describe.

    :raises PlanRefused: there is no such service.
    """
    service = engine.service(params["service"])
    if service is None:
        raise PlanRefused(f"There is no service {params['service']} whose setting the job could get.")
    image = params["image"] or ""
    if image and params["resolve_image"]:
        image = digest.resolve(engine, [image], lambda name: header_for(params["registry_auth"], name))[image].reference
    name = params["name"] or jobs.name_for(service["Spec"]["Name"], "-job")
    env = {key: str(value) for key, value in params["env"].items()}
    return jobs.job_spec(service["Spec"], name, params["command"], params["args"], env, image)


def check(params: Params) -> None:
    """Check what can be known to be wrong without an engine.

    :raises PlanRefused: with all that is.
    """
    require(job_problems(params), "Nothing was run")


def run(engine: Engine, params: Params, check_mode: bool) -> Result:
    """Run the job."""
    spec = spec_of(engine, params)
    image = spec["TaskTemplate"]["ContainerSpec"]["Image"]
    result = {"job": spec["Name"], "image": image}
    if check_mode:
        return {"changed": True, **result}
    live = LiveState(services=[], tasks=[], nodes=engine.nodes(), networks=engine.networks())
    auth = header_for(params["registry_auth"], image)
    with Progress(params["progress_token"]) as progress:
        done = jobs.run(engine, spec, live, params["wait_timeout"], auth, params["keep"], progress)
    result.update(exit_code=done.exit_code, logs=done.logs, node=done.node)
    if not done.succeeded:
        failures = [done.failure] if done.failure else []
        raise Refused(report.text(failures, f"Job {done.name}: {done.reason}"), failures=failures, **result)
    return {"changed": True, **result}


WORK = EngineWork(ARGUMENTS, run, check=check)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
