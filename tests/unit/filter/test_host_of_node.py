# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host of the inventory is a node of the swarm."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.apiary.swarm.plugins.filter.host_of_node import host_of_node

NODE = {"id": "abc", "hostname": "ip-10-0-0-7", "address": "10.0.0.7"}


@pytest.mark.parametrize(
    ("host", "variables"),
    [
        ("anything", {"swarm_node": {"node_id": "abc"}}),
        ("ip-10-0-0-7", {}),
        ("ip-10-0-0-7.ec2.internal", {}),
        ("10.0.0.7", {}),
        ("web", {"ansible_host": "10.0.0.7"}),
        ("web", {"private_ip_address": "10.0.0.7"}),
    ],
)
def test_found(host: str, variables: dict[str, t.Any]) -> None:
    assert host_of_node(NODE, {"other": {"ansible_host": "10.0.0.70"}, host: variables}) == host


def test_the_id_counts_more_than_an_address() -> None:
    hostvars: dict[str, t.Any] = {"old": {"ansible_host": "10.0.0.7"}, "new": {"swarm_node": {"node_id": "abc"}}}
    assert host_of_node(NODE, hostvars) == "new"


@pytest.mark.parametrize(
    ("node", "hostvars", "says"),
    [
        (NODE, {"a": {}}, r"No host of the inventory is node ip-10-0-0-7 \(10.0.0.7\)"),
        (NODE, {"b": {"ansible_host": "10.0.0.7"}, "10.0.0.7": {}}, "Several hosts .*: 10.0.0.7, b"),
        ({"id": "", "hostname": "", "address": ""}, {"a": {}}, "needs a node"),
        ("web", {"a": {}}, "needs a node"),
    ],
)
def test_not_found(node: t.Any, hostvars: dict[str, t.Any], says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        host_of_node(node, hostvars)
