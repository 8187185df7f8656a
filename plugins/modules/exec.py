#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: exec
short_description: Run a command in a running task of a service
version_added: 1.0.0
description:
  - Runs a command in the container of a task, as C(docker exec) does, and waits for its end.
  - A container can only be entered on the node that it runs on, so run the module there. M(apiary.swarm.task_info) says
    which node that is, and P(apiary.swarm.host_of_node#filter) which host of the inventory. The playbook
    C(apiary.swarm.exec) does all of this.
  - For a command that needs no running task, M(apiary.swarm.job) is the better choice. It starts a container of its own.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.engine
attributes:
  check_mode:
    support: full
    details:
      - Finds the container, and runs nothing.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - Each run runs the command again.
options:
  service:
    description:
      - Name of the service in the swarm. The command runs in one of its tasks on this node, a healthy one if there is one.
      - Give either this or O(container).
    type: str
  slot:
    description:
      - Number of the replica; for a global service the id of the node. The default is any.
    type: str
    default: ""
  container:
    description:
      - Id of the container, as M(apiary.swarm.task_info) returns it.
    type: str
  command:
    description:
      - Program and arguments. There is no shell; write V([sh, -c, ...]) for one.
    type: list
    elements: str
    required: true
  env:
    description:
      - Environment variables on top of those of the container.
    type: dict
    default: {}
  user:
    description:
      - User, and perhaps group, in the container, such as V(app) or V(1000:1000).
    type: str
  working_dir:
    description:
      - Folder in the container.
    type: str
  timeout:
    description:
      - Seconds until the command is stopped and has failed. Calls of the engine have their own 60 seconds for an answer.
    type: int
    default: 600
seealso:
  - module: apiary.swarm.job
  - module: apiary.swarm.task_info
"""

EXAMPLES = r"""
- name: See where the service runs
  apiary.swarm.task_info:
    service: shop_storage
  register: __storage
  delegate_to: "{{ groups.managers | first }}"

- name: Run a migration in one of its tasks
  apiary.swarm.exec:
    container: "{{ __storage.tasks[0].container }}"
    command: [/app/migrate, --to-latest]
    timeout: 300
  delegate_to: "{{ __storage.tasks[0].node | apiary.swarm.host_of_node(hostvars) }}"
"""

RETURN = r"""
exit_code:
  description: Exit code of the command, V(none) when it was stopped.
  returned: when it was run
  type: int
stdout:
  description: What it wrote to standard output.
  returned: when it was run
  type: str
stderr:
  description: What it wrote to standard error.
  returned: when it was run
  type: str
container:
  description: Id of the container.
  returned: success
  type: str
task:
  description: Name of the task, such as V(shop_storage.1.4qo3viukxiix), when the service was given.
  returned: success
  type: str
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput, Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm import programs
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import ENGINE_OPTIONS
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.session import EngineWork

ARGUMENTS: dict[str, t.Any] = {
    **ENGINE_OPTIONS,
    "service": {"type": "str"},
    "slot": {"type": "str", "default": ""},
    "container": {"type": "str"},
    "command": {"type": "list", "elements": "str", "required": True},
    "env": {"type": "dict", "default": {}},
    "user": {"type": "str"},
    "working_dir": {"type": "str"},
    "timeout": {"type": "int", "default": 600},
}
#: Lines of the output that the message of a failure repeats.
_LAST_LINES = 20


def spec_of(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the program as the engine's API wants it (pure).

    :raises InvalidInput: there is no command, or a variable has no good name.
    """
    if not params["command"] or not params["command"][0]:
        raise InvalidInput(
            "command is empty; write the program and its arguments, such as [/app/migrate, --to-latest]."
        )
    if params["timeout"] < 1:
        raise InvalidInput("timeout must be at least 1 second.")
    spec = {"Cmd": params["command"], "Env": programs.environment(params["env"])}
    for option, field in (("user", "User"), ("working_dir", "WorkingDir")):
        if params[option]:
            spec[field] = params[option]
    return spec


def run(engine: Engine, params: Params, check_mode: bool) -> Result:
    """Run the command."""
    spec = spec_of(params)
    result = {"container": params["container"], "task": ""}
    if params["service"]:
        place = programs.find(engine, params["service"], params["slot"])
        result = {"container": place.container, "task": place.task}
    if check_mode:
        return {"changed": True, **result}
    done = programs.run(engine, result["container"], spec, params["timeout"])
    result.update(exit_code=done.exit_code, stdout=done.stdout, stderr=done.stderr)
    if done.exit_code != 0:
        raise Refused(failure(params["command"][0], done), changed=True, **result)
    return {"changed": True, **result}


def failure(program: str, done: programs.Ended) -> str:
    """Return what went wrong, with the last words of the program (pure)."""
    reason = programs.not_started(done.stdout + done.stderr)
    if reason:
        return f"{program}: {reason}"
    said = [f"| {line}" for line in (done.stdout + done.stderr).splitlines()[-_LAST_LINES:]]
    return "\n".join([f"{program}: {done.problem or f'exit code {done.exit_code}'}", *said])


WORK = EngineWork(
    ARGUMENTS,
    run,
    own=("timeout",),
    required_one_of=[("service", "container")],
    mutually_exclusive=[("service", "container")],
)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
