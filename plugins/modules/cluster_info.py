#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_info
short_description: What a Docker swarm says about itself
version_added: 1.0.0
description:
  - Reads the nodes of a swarm with their roles and states, whether its managers have a majority, and its services with
    their tasks.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
  - apiary.swarm.engine
options:
  services:
    description:
      - Read the services too.
    type: bool
    default: true
seealso:
  - module: apiary.swarm.node
  - module: apiary.swarm.release_info
"""

EXAMPLES = r"""
- name: Look at the swarm
  apiary.swarm.cluster_info:
  register: __swarm

- name: Stop when a manager is missing
  ansible.builtin.assert:
    that: __swarm.managers.reachable == __swarm.managers.total
    fail_msg: "{{ __swarm.managers }}"
"""

RETURN = r"""
swarm_id:
  description: Id of the swarm.
  returned: success
  type: str
managers:
  description: Numbers of managers, V(total) and V(reachable), how many more may fail (V(may_fail)), and the V(leader).
  returned: success
  type: dict
  sample: {"total": 3, "reachable": 3, "may_fail": 1, "leader": "ip-10-20-1-5"}
nodes:
  description: The nodes, by host name.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the node.
      type: str
    hostname:
      description: Host name.
      type: str
    address:
      description: Address that the swarm knows.
      type: str
    role:
      description: V(manager) or V(worker).
      type: str
    leader:
      description: Whether it is the leader.
      type: bool
    reachability:
      description: V(reachable) or V(unreachable); only of managers.
      type: str
    state:
      description: V(ready), V(down), V(unknown) or V(disconnected).
      type: str
    availability:
      description: V(active), V(pause) or V(drain).
      type: str
    engine:
      description: Version of the engine.
      type: str
    labels:
      description: Labels.
      type: dict
    tasks:
      description: Number of tasks that run there.
      type: int
services:
  description: The services, by name.
  returned: when O(services=true)
  type: list
  elements: dict
  contains:
    name:
      description: Name.
      type: str
    stack:
      description: Stack that it belongs to.
      type: str
    image:
      description: Container image.
      type: str
    mode:
      description: Mode, such as V(replicated).
      type: str
    running:
      description: Number of its tasks that run.
      type: int
    wanted:
      description: Number of replicas; for other modes the number of nodes or runs.
      type: int
    update_state:
      description: State of the last update as the engine tells it, such as V(completed) or V(paused).
      type: str
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm import nodes
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import ENGINE_OPTIONS
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import namespace_of
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import running, to_tree
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.session import EngineWork
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.tasks import SHOULD_RUN, is_running

Json = dict[str, t.Any]

ARGUMENTS: dict[str, t.Any] = {**ENGINE_OPTIONS, "services": {"type": "bool", "default": True}}


def managers_of(all_nodes: t.Sequence[Json]) -> Json:
    """Return the numbers of managers (pure)."""
    total, reachable = len(nodes.managers(all_nodes)), len(nodes.reachable_managers(all_nodes))
    leader = next((node for node in all_nodes if (node.get("ManagerStatus") or {}).get("Leader")), None)
    return {
        "total": total,
        "reachable": reachable,
        "may_fail": max(0, reachable - (total // 2 + 1)),
        "leader": nodes.name_of(leader) if leader else None,
    }


def node_of(node: Json, tasks: t.Sequence[Json]) -> Json:
    """Return a node for the user (pure)."""
    status, spec = node.get("Status") or {}, node.get("Spec") or {}
    manager = node.get("ManagerStatus") or {}
    here = [task for task in tasks if task.get("NodeID") == node["ID"] and is_running(task)]
    return {
        "id": node["ID"],
        "hostname": nodes.name_of(node),
        "address": status.get("Addr", ""),
        "role": spec.get("Role"),
        "leader": bool(manager.get("Leader")),
        "reachability": manager.get("Reachability"),
        "state": status.get("State"),
        "availability": spec.get("Availability"),
        "engine": ((node.get("Description") or {}).get("Engine") or {}).get("EngineVersion"),
        "labels": spec.get("Labels") or {},
        "tasks": len(here),
    }


def service_of(service: Json, tasks: t.Sequence[Json], all_nodes: t.Sequence[Json]) -> Json:
    """Return a service for the user (pure)."""
    spec = service["Spec"]
    mode = to_tree(spec)["Mode"]
    if mode["Kind"].startswith("global"):
        wanted = len(nodes.eligible(all_nodes, spec["TaskTemplate"]))
    else:
        wanted = mode.get("Replicas", mode.get("TotalCompletions", 0))
    own = [task for task in running(tasks, service["ID"]) if is_running(task)]
    return {
        "name": spec["Name"],
        "stack": namespace_of(spec),
        "image": spec["TaskTemplate"].get("ContainerSpec", {}).get("Image", ""),
        "mode": mode["Kind"],
        "running": len(own),
        "wanted": wanted,
        "update_state": (service.get("UpdateStatus") or {}).get("State", ""),
    }


def run(engine: Engine, params: Params, check_mode: bool) -> Result:
    """Read the swarm; check mode makes no difference."""
    all_nodes, tasks = engine.nodes(), engine.tasks(SHOULD_RUN)
    result: Json = {
        "changed": False,
        "swarm_id": engine.swarm()["ID"],
        "managers": managers_of(all_nodes),
        "nodes": sorted((node_of(node, tasks) for node in all_nodes), key=lambda item: str(item["hostname"])),
    }
    if params["services"]:
        found = (service_of(service, tasks, all_nodes) for service in engine.services())
        result["services"] = sorted(found, key=lambda item: str(item["name"]))
    return result


WORK = EngineWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
