# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a cluster has formed: what its groups want, what runs, and what its agents say; pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime

from ..ec2 import Instance
from .record import ClusterRecord, NodeRecord


@dataclass(frozen=True)
class Group:
    """An Auto Scaling group of the cluster."""

    name: str
    role: str
    desired: int
    slot: str = ""

    @property
    def label(self) -> str:
        """How the group is called in messages."""
        return f"manager slot {self.slot}" if self.slot else f"{self.role} group"


@dataclass(frozen=True)
class Node:
    """One node, as EC2 and the swarm see it together."""

    instance_id: str
    role: str
    zone: str
    private_ip: str
    instance_type: str
    image_id: str
    state: str
    availability: str
    leader: bool
    reachability: str


@dataclass(frozen=True)
class Formation:
    """What there is, and what is missing until the cluster is as its groups want it.

    :ivar nodes: one per machine: managers first, then by zone and address.
    :ivar missing: one sentence's part each, empty when the cluster has formed.
    """

    nodes: tuple[Node, ...]
    expected: int
    missing: tuple[str, ...]

    @property
    def formed(self) -> bool:
        """Whether all nodes that are wanted are Ready."""
        return not self.missing


def assess(
    groups: t.Sequence[Group], machines: t.Sequence[Instance], record: ClusterRecord | None, now: datetime
) -> Formation:
    """Compare what the groups want with what runs and with the record that the agents keep.

    A record that is too old proves nothing: the nodes that it calls Ready count as unknown.
    """
    stale = record is not None and record.is_stale(now)
    recorded = {node.instance_id: node for node in record.nodes} if record and not stale else {}
    managers = {manager.instance_id: manager for manager in record.managers} if record and not stale else {}
    nodes = []
    missing = [*_missing_machines(groups, machines)]
    for machine in sorted(machines, key=lambda m: (m.role != "manager", m.availability_zone, _address(m.private_ip))):
        node = recorded.get(machine.instance_id)
        manager = managers.get(machine.instance_id)
        nodes.append(
            Node(
                instance_id=machine.instance_id,
                role=machine.role,
                zone=machine.availability_zone,
                private_ip=machine.private_ip,
                instance_type=machine.instance_type,
                image_id=machine.image_id,
                state=node.state if node else "unknown",
                availability=node.availability if node else "unknown",
                leader=bool(manager and manager.leader),
                reachability=manager.reachability if manager else "",
            )
        )
        reason = _why_not_ready(machine, node, manager.reachability if manager else "")
        if reason:
            missing.append(
                f"{machine.role} {machine.instance_id} ({machine.private_ip}, {machine.availability_zone}) {reason}"
            )
    if record is None:
        missing.insert(0, "no manager has published the cluster's record yet")
    elif stale:
        missing.insert(0, f"the cluster's record was last renewed at {record.updated_at or 'no known time'}")
    return Formation(tuple(nodes), sum(group.desired for group in groups), tuple(missing))


def _missing_machines(groups: t.Sequence[Group], machines: t.Sequence[Instance]) -> list[str]:
    """Say which groups lack instances, or hold more than they should."""
    found = []
    for group in groups:
        running = sum(1 for machine in machines if machine.group == group.name)
        if running < group.desired:
            found.append(f"{group.label} has {running} of {group.desired} instances")
        elif running > group.desired:
            # What leaves is held by a lifecycle hook until it is drained, and takes tasks' places until then.
            leaving = running - group.desired
            verb = "leaves" if leaving == 1 else "leave"
            found.append(f"{group.label} has {running} instances instead of {group.desired}: {leaving} {verb}")
    return found


def _why_not_ready(machine: Instance, node: NodeRecord | None, reachability: str) -> str:
    """Say why *machine* is no Ready node yet; ``""`` when it is one."""
    if machine.state != "running":
        return f"is {machine.state}"
    if node is None:
        return "has not joined the swarm"
    if node.state != "ready":
        return f"is {node.state} in the swarm"
    if machine.role == "manager":
        if node.role != "manager":
            return f"has joined as a {node.role}"
        if reachability != "reachable":
            return f"is {reachability or 'unknown'} as a manager"
    return ""


def _address(ip: str) -> tuple[int, ...]:
    """Return *ip* as a sort key."""
    return tuple(int(part) for part in ip.split(".") if part.isdigit())
