# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""From EC2 instances and the clusters' records to hosts and groups. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import (
    ClusterRecord,
    ManagerRecord,
    NodeRecord,
)
from ansible_collections.apiary.swarm.plugins.module_utils._aws.instances import Facts

CLUSTER_TAG = "swarm:cluster"
ROLE_TAG = "swarm:role"
ROLE_GROUPS = {"manager": "managers", "worker": "workers"}
UP = ("pending", "running")
"""EC2 states in which a node may serve."""

ClusterKey = tuple[str, str]
"""Region and name of a cluster."""


@dataclass(frozen=True)
class Host:
    """One host of the inventory."""

    name: str
    facts: Facts
    variables: dict[str, t.Any]
    groups: tuple[str, ...]
    rank: tuple[t.Any, ...] = field(default=())


@dataclass(frozen=True)
class View:
    """What a cluster's record says, looked up by instance.

    :ivar fresh: whether the record is young enough to be believed about states.
    :ivar age: seconds since its last update, ``None`` when it has no time.
    """

    record: ClusterRecord
    managers: Mapping[str, ManagerRecord]
    nodes: Mapping[str, NodeRecord]
    fresh: bool
    age: float | None

    @classmethod
    def of(cls, record: ClusterRecord, now: datetime, stale_after: float) -> View:
        """Make the view of *record* at *now* (aware)."""
        return cls(
            record=record,
            managers={item.instance_id: item for item in record.managers},
            nodes={item.instance_id: item for item in record.nodes},
            fresh=not record.is_stale(now, stale_after),
            age=record.age(now),
        )


def safe_group(name: str) -> str:
    """Return *name* as a group name that Ansible takes without a warning."""
    cleaned = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return cleaned if not cleaned[:1].isdigit() else f"_{cleaned}"


def swarm_node(facts: Facts, view: View | None) -> dict[str, t.Any]:
    """Return what is known about an instance as a swarm node, for the host variable of the same name.

    Instance and region are in it because playbooks ask for them, and other variables may have a prefix.
    """
    tags, instance_id = facts["tags"], facts["instance_id"]
    node: dict[str, t.Any] = {
        "cluster": tags.get(CLUSTER_TAG, ""),
        "role": tags.get(ROLE_TAG, ""),
        "region": facts["placement"]["region"],
        "account": facts.get("owner_id", ""),
        "instance_id": instance_id,
    }
    if view is None:
        return node
    manager, listed = view.managers.get(instance_id), view.nodes.get(instance_id)
    if listed is not None:
        node.update(node_id=listed.node_id, state=listed.state, availability=listed.availability)
    if manager is not None:
        node.update(node_id=manager.node_id, reachability=manager.reachability, leader=manager.leader)
    node["record_age"] = None if view.age is None else round(view.age)
    node["record_fresh"] = view.fresh
    return node


def state_group(facts: Facts, node: Mapping[str, t.Any]) -> str:
    """Return ``ready``, ``draining`` or ``down``, or ``""`` when nobody knows."""
    if facts["state"]["name"] not in UP:
        return "down"
    if not node.get("record_fresh") or "state" not in node:
        return ""
    if node["state"] != "ready":
        return "down"
    return "draining" if node.get("availability") == "drain" else "ready"


def groups_of(facts: Facts, node: Mapping[str, t.Any]) -> tuple[str, ...]:
    """Return the groups of an instance.

    An instance that does not run is in its cluster's group and in ``down``, but no manager or worker: there is
    nothing to talk to.
    """
    groups = []
    if node["cluster"]:
        groups.append(safe_group(node["cluster"]))
    if facts["state"]["name"] in UP and node["role"] in ROLE_GROUPS:
        groups.append(ROLE_GROUPS[node["role"]])
        if node.get("leader") and node.get("record_fresh"):
            groups.append("leader")
    groups.append(state_group(facts, node))
    groups.append(f"az_{facts['placement']['availability_zone']}")
    groups.append(f"type_{facts.get('instance_type', 'unknown')}")
    groups.append("spot" if facts.get("instance_lifecycle") == "spot" else "on_demand")
    groups.append(facts.get("image_id", ""))
    return tuple(safe_group(group) for group in groups if group)


def is_manager(facts: Facts) -> bool:
    """Tell whether an instance is in the group ``managers``."""
    return facts["state"]["name"] in UP and ROLE_GROUPS.get(facts["tags"].get(ROLE_TAG, "")) == "managers"


def rank(facts: Facts, node: Mapping[str, t.Any]) -> tuple[t.Any, ...]:
    """Return a sort key that puts the hosts first that are best to talk to.

    In the order of importance: it runs, it leads, the leader reaches it, it takes tasks; then its name.
    """
    return (
        facts["placement"]["region"],
        node["cluster"],
        facts["state"]["name"] != "running",
        not node.get("leader", False),
        node.get("reachability", "reachable") != "reachable",
        node.get("state", "ready") != "ready",
        node.get("availability", "active") != "active",
        facts["instance_id"],
    )


def lean_variables(facts: Facts, node: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the host variables of an instance: few, since each is carried by every task of a play."""
    variables = {
        "instance_id": facts["instance_id"],
        "instance_type": facts.get("instance_type", ""),
        "image_id": facts.get("image_id", ""),
        "placement": facts["placement"],
        "private_ip_address": facts.get("private_ip_address", ""),
        "ec2_state": facts["state"]["name"],
        "ec2_tags": facts["tags"],
        "swarm_node": dict(node),
    }
    if "public_ip_address" in facts:
        variables["public_ip_address"] = facts["public_ip_address"]
    if "instance_lifecycle" in facts:
        variables["instance_lifecycle"] = facts["instance_lifecycle"]
    return variables


def build_hosts(
    instances: Sequence[Facts],
    views: Mapping[ClusterKey, View],
    name_them: Callable[[set[str]], Mapping[str, str]],
    variables_of: Callable[[Facts, Mapping[str, t.Any]], dict[str, t.Any]],
) -> list[Host]:
    """Return the hosts of *instances*, the best ones to talk to first.

    :param views: the records by region and cluster.
    :param name_them: returns host names by instance id, given the groups' names.
    :param variables_of: makes a host's variables from its facts and its swarm node.
    """
    found = []
    for facts in instances:
        key = (facts["placement"]["region"], facts["tags"].get(CLUSTER_TAG, ""))
        node = swarm_node(facts, views.get(key))
        found.append((facts, node, groups_of(facts, node)))
    names = name_them({group for dummy, dummy_node, groups in found for group in groups})
    hosts = [
        Host(
            name=names[facts["instance_id"]],
            facts=facts,
            variables=variables_of(facts, node),
            groups=groups,
            rank=rank(facts, node),
        )
        for facts, node, groups in found
    ]
    return sorted(hosts, key=lambda host: host.rank)


def clusters_in(instances: Iterable[Facts]) -> set[ClusterKey]:
    """Return the clusters that the tags of *instances* name."""
    return {
        (facts["placement"]["region"], facts["tags"][CLUSTER_TAG])
        for facts in instances
        if facts["tags"].get(CLUSTER_TAG)
    }


@dataclass
class Computed:
    """An inventory as plain data, for the cache: variables by host, hosts by group, child groups by parent."""

    hosts: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    parents: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, hosts: Sequence[Host]) -> Computed:
        """Make it from *hosts*, in their order."""
        computed = cls()
        for host in hosts:
            computed.hosts[host.name] = host.variables
            for group in host.groups:
                computed.groups.setdefault(group, []).append(host.name)
        return computed

    def to_dict(self) -> dict[str, t.Any]:
        """Return it for the cache."""
        return {"hosts": self.hosts, "groups": self.groups, "parents": self.parents}

    @classmethod
    def from_dict(cls, data: Mapping[str, t.Any]) -> Computed:
        """Read it from the cache.

        :raises KeyError: if *data* is something else.
        """
        return cls(hosts=data["hosts"], groups=data["groups"], parents=data["parents"])
