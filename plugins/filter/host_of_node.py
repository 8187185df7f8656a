# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that finds the host of the inventory that is a node of the swarm."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: host_of_node
short_description: Find the host of the inventory that is a node of the swarm
version_added: 1.0.0
description:
  - Takes a node as M(apiary.swarm.task_info) or M(apiary.swarm.cluster_info) returns it, and returns the name of the
    host, to delegate a task to it.
  - A host is the node when it has the node's id (C(swarm_node.node_id), which the inventory
    P(apiary.swarm.ec2#inventory) sets), or else the node's address or host name as its name, C(ansible_host) or
    C(private_ip_address).
  - Fails with one sentence when no host is the node, or several are.
author:
  - apiary.swarm contributors (@apiary-swarm)
options:
  _input:
    description: The node, with C(id), C(hostname) and C(address).
    type: dict
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
positional: hostvars
"""

EXAMPLES = r"""
- name: Look at the disk of the node
  ansible.builtin.command: df -h
  delegate_to: "{{ __api.tasks[0].node | apiary.swarm.host_of_node(hostvars) }}"
  changed_when: false
"""

RETURN = r"""
_value:
  description: Name of the host.
  type: str
"""

_ADDRESSES = ("ansible_host", "private_ip_address")


def host_of_node(node: t.Any, hostvars: Mapping[str, Mapping[str, t.Any]]) -> str:
    """Return the name of the host that *node* is.

    :raises AnsibleFilterError: none is, or several are.
    """
    if not isinstance(node, Mapping) or not node.get("hostname"):
        raise AnsibleFilterError('host_of_node needs a node with "id", "hostname" and "address".')
    found = [host for host in hostvars if _node_id(hostvars[host]) == node.get("id")]
    if not found:
        wanted = {node["hostname"], node["hostname"].partition(".")[0], node.get("address")} - {"", None}
        found = [host for host in hostvars if wanted & _names(host, hostvars[host])]
    where = f"{node['hostname']} ({node.get('address')})"
    if not found:
        raise AnsibleFilterError(f"No host of the inventory is node {where}: none has its name or address.")
    if len(found) > 1:
        raise AnsibleFilterError(f"Several hosts of the inventory may be node {where}: {', '.join(sorted(found))}.")
    return str(found[0])


def _node_id(variables: Mapping[str, t.Any]) -> str:
    known = variables.get("swarm_node")
    return str(known.get("node_id", "")) if isinstance(known, Mapping) else ""


def _names(host: str, variables: Mapping[str, t.Any]) -> set[str]:
    return {str(host), str(host).partition(".")[0], *(str(variables.get(key)) for key in _ADDRESSES)}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters of this file."""
        return {"host_of_node": host_of_node}
