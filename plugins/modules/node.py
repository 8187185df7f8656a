#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node
short_description: Manage a node of a Docker swarm without an outage
version_added: 1.0.0
description:
  - Sets role, availability and labels of a node, and removes dead nodes.
  - Draining moves the tasks of replicated services away first, one service after the other, each in its own update order
    (with C(start-first) a new task runs before the old one stops), and returns when the node is empty.
  - Services whose stack is being deployed are waited for.
  - Nothing is done that would cost the managers their majority.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.engine
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  hostname:
    description:
      - Host name or id of the node.
    type: str
    required: true
  state:
    description:
      - V(present) sets what is given.
      - V(absent) removes a node that is down, a manager after it has been demoted.
    type: str
    choices: [present, absent]
    default: present
  availability:
    description:
      - V(active) takes tasks. V(pause) keeps what it has. V(drain) has none.
      - Each of them also takes away what an interrupted drain of the node left in services.
    type: str
    choices: [active, pause, drain]
  role:
    description:
      - Role of the node. A manager is not demoted when the others would have no majority without it.
    type: str
    choices: [manager, worker]
  labels:
    description:
      - Labels of the node.
    type: dict
  labels_state:
    description:
      - V(merge) sets O(labels) and keeps others. V(replace) removes others.
    type: str
    choices: [merge, replace]
    default: merge
  labels_to_remove:
    description:
      - Labels to remove.
    type: list
    elements: str
    default: []
  wait_timeout:
    description:
      - Seconds until a drain is given up.
    type: int
    default: 600
  force:
    description:
      - Drain although some tasks can run nowhere else, and remove a node although it is up.
    type: bool
    default: false
seealso:
  - module: apiary.swarm.cluster_info
"""

EXAMPLES = r"""
- name: Empty a node before it is replaced
  apiary.swarm.node:
    hostname: ip-10-20-3-17
    availability: drain

- name: Label a node
  apiary.swarm.node:
    hostname: ip-10-20-3-17
    labels:
      disk: ssd

- name: Forget a node that died
  apiary.swarm.node:
    hostname: ip-10-20-3-17
    state: absent
"""

RETURN = r"""
node:
  description: The node as it is afterwards, or would be.
  returned: when O(state=present)
  type: dict
  contains:
    id:
      description: Id of the node.
      type: str
    hostname:
      description: Host name.
      type: str
    role:
      description: V(manager) or V(worker).
      type: str
    availability:
      description: V(active), V(pause) or V(drain).
      type: str
    labels:
      description: Labels.
      type: dict
moved:
  description: Services whose tasks were moved away by a drain.
  returned: success
  type: list
  elements: str
"""

import copy
import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._errors import PlanRefused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm import nodes, writes
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import ENGINE_OPTIONS
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy import drain
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.session import EngineWork

Json = dict[str, t.Any]

ARGUMENTS: dict[str, t.Any] = {
    **ENGINE_OPTIONS,
    "hostname": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "availability": {"type": "str", "choices": ["active", "pause", "drain"]},
    "role": {"type": "str", "choices": ["manager", "worker"]},
    "labels": {"type": "dict"},
    "labels_state": {"type": "str", "choices": ["merge", "replace"], "default": "merge"},
    "labels_to_remove": {"type": "list", "elements": "str", "default": []},
    "wait_timeout": {"type": "int", "default": 600},
    "force": {"type": "bool", "default": False},
}


def find(all_nodes: t.Sequence[Json], wanted: str) -> Json | None:
    """Return the node with this id or host name, None when there is none.

    :raises PlanRefused: several nodes have the name, as happens when a machine came back as a new node.
    """
    found = [node for node in all_nodes if wanted in (node["ID"], nodes.name_of(node))]
    if len(found) > 1:
        ids = ", ".join(f"{node['ID']} ({(node.get('Status') or {}).get('State')})" for node in found)
        raise PlanRefused(f"{len(found)} nodes are called {wanted}: {ids}. Give the id.")
    return found[0] if found else None


def desired(spec: Json, params: t.Mapping[str, t.Any]) -> Json:
    """Return the node spec that the arguments ask for (pure)."""
    spec = copy.deepcopy(spec)
    given = {str(key): str(value) for key, value in (params["labels"] or {}).items()}
    replace = params["labels_state"] == "replace" and params["labels"] is not None
    labels = {**({} if replace else spec.get("Labels") or {}), **given}
    spec["Labels"] = {key: value for key, value in labels.items() if key not in params["labels_to_remove"]}
    spec["Role"] = params["role"] or spec["Role"]
    spec["Availability"] = params["availability"] or spec["Availability"]
    return spec


def facts(node: Json, spec: Json) -> Json:
    """Return a node for the user."""
    return {
        "id": node["ID"],
        "hostname": nodes.name_of(node),
        "role": spec["Role"],
        "availability": spec["Availability"],
        "labels": spec.get("Labels") or {},
    }


def check_quorum(all_nodes: t.Sequence[Json], node: Json) -> None:
    """Refuse to take a manager out of raft when the others would have no majority.

    :raises PlanRefused: see above.
    """
    if not nodes.keeps_quorum(all_nodes, node["ID"]):
        healthy = len([item for item in nodes.reachable_managers(all_nodes) if item["ID"] != node["ID"]])
        raise PlanRefused(
            f"Manager {nodes.name_of(node)} stays: without it {healthy} reachable managers of "
            f"{len(nodes.managers(all_nodes)) - 1} are not a majority."
        )


def present(engine: Engine, all_nodes: t.Sequence[Json], node: Json, params: Params, check_mode: bool) -> Result:
    """Set what the arguments ask for."""
    wanted = desired(node["Spec"], params)
    before, after = facts(node, node["Spec"]), facts(node, wanted)
    demoted = node["Spec"]["Role"] == "manager" and wanted["Role"] == "worker"
    if demoted:
        check_quorum(all_nodes, node)
    changed, moved = before != after, list[str]()
    if not check_mode:
        if wanted["Availability"] == "drain" and node["Spec"]["Availability"] != "drain":
            moved = drain.drain(engine, node, params["wait_timeout"], params["force"]).moved
        if changed:
            writes.write_node(engine, node["ID"], lambda spec: desired(spec, params))
        if params["availability"] is not None:
            changed = bool(drain.release(engine, node["ID"])) or changed
    return {"changed": changed, "node": after, "moved": moved, "diff": {"before": before, "after": after}}


def absent(engine: Engine, all_nodes: t.Sequence[Json], node: Json, params: Params, check_mode: bool) -> Result:
    """Remove a node from the swarm."""
    force = params["force"]
    if nodes.is_up(node) and not force:
        raise PlanRefused(
            f"Node {nodes.name_of(node)} is up: drain it and let it leave the swarm (docker swarm leave) first, or use "
            "force: true."
        )
    if node["Spec"]["Role"] == "manager":
        check_quorum(all_nodes, node)
    if not check_mode:
        if node["Spec"]["Role"] == "manager":
            writes.write_node(engine, node["ID"], lambda spec: {**spec, "Role": "worker"})
        drain.release(engine, node["ID"])
        engine.remove_node(node["ID"], force=True)
    return {"changed": True, "moved": [], "diff": {"before": facts(node, node["Spec"]), "after": {}}}


def run(engine: Engine, params: Params, check_mode: bool) -> Result:
    """Do what the arguments ask for."""
    all_nodes = engine.nodes()
    node = find(all_nodes, params["hostname"])
    if node is None and params["state"] == "absent":
        return {"changed": False, "moved": []}
    if node is None:
        names = ", ".join(sorted(nodes.name_of(item) for item in all_nodes))
        raise PlanRefused(f"There is no node {params['hostname']}; the swarm has {names}.")
    act = absent if params["state"] == "absent" else present
    return act(engine, all_nodes, node, params, check_mode)


WORK = EngineWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
