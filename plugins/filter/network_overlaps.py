# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that finds networks which overlap."""

from __future__ import annotations

import ipaddress
import itertools
import typing as t
from collections.abc import Callable, Mapping

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: network_overlaps
short_description: Find IPv4 networks that overlap
description:
  - Takes lists of networks by the names of the variables that hold them, and returns a sentence for each pair of
    networks of different variables that overlap, and for each value that is not a network.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
options:
  _input:
    description: Name of the variable to its networks, each as C(address/prefix length).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Check that the bridges do not collide with the VPC
  ansible.builtin.assert:
    that: networks | apiary.swarm.network_overlaps | length == 0
    fail_msg: "{{ networks | apiary.swarm.network_overlaps | join(' ') }}"
  vars:
    networks:
      vpc_cidr: [10.20.0.0/16]
      bridge_pool: [172.28.0.0/14]
"""

RETURN = r"""
_value:
  description: One sentence for each thing that is wrong; empty when nothing is.
  type: list
  elements: str
"""


def network_overlaps(networks: Mapping[str, list[str]]) -> list[str]:
    """Return what is wrong with *networks*."""
    if not isinstance(networks, Mapping):
        raise AnsibleFilterError("network_overlaps takes a dictionary of lists of networks")
    problems: list[str] = []
    parsed: list[tuple[str, ipaddress.IPv4Network]] = []
    for name, cidrs in networks.items():
        for cidr in cidrs:
            try:
                parsed.append((name, ipaddress.IPv4Network(cidr)))
            except ValueError as exc:
                problems.append(f"{name} {cidr!r} is not an IPv4 network: {exc}.")
    for (first, one), (second, other) in itertools.combinations(parsed, 2):
        if first != second and one.overlaps(other):
            problems.append(f"{first} {one} overlaps with {second} {other}: choose networks apart from each other.")
    return problems


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"network_overlaps": network_overlaps}
