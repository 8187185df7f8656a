#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: task_info
short_description: Where the tasks of a service run, and how they are
version_added: 1.0.0
description:
  - Lists the tasks of a service with their states, nodes, containers and errors.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
  - apiary.swarm.engine
options:
  service:
    description:
      - Name of the service in the swarm.
    type: str
    required: true
  history:
    description:
      - List the tasks that ended too, as far as the engine remembers them. Without it, only those that run.
    type: bool
    default: false
seealso:
  - module: apiary.swarm.cluster_info
  - module: apiary.swarm.exec
"""

EXAMPLES = r"""
- name: See why the tasks of a service fail
  apiary.swarm.task_info:
    service: shop_api
    history: true
  register: __api

- name: Show it
  ansible.builtin.debug:
    msg: "{{ __api.tasks | apiary.swarm.table(['slot', 'state', 'since', 'exit_code', 'error']) }}"
"""

RETURN = r"""
tasks:
  description: The tasks, by slot, the newest of a slot first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the task.
      type: str
    slot:
      description: Number of the replica; for a global service the id of the node.
      type: str
    state:
      description: State, such as V(running) or V(failed).
      type: str
    wanted:
      description: State that the swarm wants, such as V(running) or V(shutdown).
      type: str
    since:
      description: When it came to this state, by the clock of its node.
      type: str
    error:
      description: Error as the engine tells it, or an empty text.
      type: str
    exit_code:
      description: Exit code of a task that ended, else V(none).
      type: int
    image:
      description: Container image.
      type: str
    container:
      description: Id of the container, or an empty text.
      type: str
    node:
      description: Node with its C(id), C(hostname), C(address) and C(state).
      type: dict
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm import nodes
from ansible_collections.apiary.swarm.plugins.module_utils._swarm import tasks as task_facts
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import ENGINE_OPTIONS
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.session import (
    EngineWork,
    unknown_service,
)

Json = dict[str, t.Any]

ARGUMENTS: dict[str, t.Any] = {
    **ENGINE_OPTIONS,
    "service": {"type": "str", "required": True},
    "history": {"type": "bool", "default": False},
}


def node_of(node: Json | None) -> Json:
    """Return where a task runs, for the user (pure)."""
    if node is None:
        return {"id": "", "hostname": "", "address": "", "state": ""}
    return {
        "id": node["ID"],
        "hostname": nodes.name_of(node),
        "address": nodes.address_of(node),
        "state": (node.get("Status") or {}).get("State", ""),
    }


def task_of(task: Json, by_id: t.Mapping[str, Json]) -> Json:
    """Return a task for the user (pure)."""
    return {
        "id": task["ID"],
        "slot": task_facts.slot_of(task),
        "state": task_facts.state_of(task),
        "wanted": task.get("DesiredState", ""),
        "since": task["Status"].get("Timestamp", ""),
        "error": task_facts.error_of(task),
        "exit_code": task_facts.exit_code(task),
        "image": ((task.get("Spec") or {}).get("ContainerSpec") or {}).get("Image", ""),
        "container": task_facts.container_of(task),
        "node": node_of(by_id.get(task.get("NodeID", ""))),
    }


def listed(tasks: t.Sequence[Json], all_nodes: t.Sequence[Json], history: bool) -> list[Json]:
    """Return the tasks for the user, by slot, the newest of a slot first (pure)."""
    by_id = {node["ID"]: node for node in all_nodes}
    shown = [task for task in tasks if history or task_facts.is_running(task)]
    newest_first = sorted(shown, key=task_facts.created, reverse=True)
    return sorted((task_of(task, by_id) for task in newest_first), key=lambda item: item["slot"].zfill(8))


def run(engine: Engine, params: Params, check_mode: bool) -> Result:
    """Read the tasks; check mode makes no difference."""
    name = params["service"]
    service = engine.service(name)
    if service is None:
        raise unknown_service(engine, name)
    filters = {"service": [service["ID"]]}
    if not params["history"]:
        filters.update(task_facts.SHOULD_RUN)
    tasks = engine.tasks(filters)
    return {"changed": False, "tasks": listed(tasks, engine.nodes(), params["history"])}


WORK = EngineWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
