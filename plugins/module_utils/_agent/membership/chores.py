# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""What the leader does to keep the swarm's member list true: pure decisions.

Quorum comes first. A dead manager is demoted before it is removed, one in a round, and only while the managers that
remain can still decide; nothing is removed at all unless EC2's answer contains the leader itself, because an answer
without it is no answer about this cluster.
"""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass, field

from ..._aws.cluster.record import ClusterRecord, ManagerRecord, NodeRecord
from .cloud import Instance, Membership
from .election import GONE

Json = t.Mapping[str, t.Any]

INSTANCE_LABEL = "instance-id"
_WAITING = "Terminating:Wait"


@dataclass(frozen=True)
class Member:
    """A node as the swarm knows it."""

    node_id: str
    address: str
    role: str
    state: str
    """C(unknown), C(down), C(ready) or C(disconnected)."""
    availability: str
    """C(active), C(pause) or C(drain)."""
    reachability: str = ""
    """Of a manager: C(reachable), C(unreachable) or C(unknown); C("") for a worker."""
    leader: bool = False
    labels: t.Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_engine(cls, node: Json) -> Member:
        """Read a node object of the Engine API."""
        manager = node.get("ManagerStatus") or {}
        # A manager that is its own observer reports 0.0.0.0 as its address; its raft address is the true one.
        address = str(manager.get("Addr") or "").rpartition(":")[0] or str(node["Status"].get("Addr") or "")
        return cls(
            node_id=str(node["ID"]),
            address=address,
            role=str(node["Spec"]["Role"]),
            state=str(node["Status"]["State"]),
            availability=str(node["Spec"]["Availability"]),
            reachability=str(manager.get("Reachability") or "unknown") if manager else "",
            leader=bool(manager.get("Leader")),
            labels=node["Spec"].get("Labels") or {},
        )

    @property
    def in_raft(self) -> bool:
        """Whether it takes part in the managers' consensus, or is on its way in or out."""
        return self.role == "manager" or bool(self.reachability)


class Chore(enum.Enum):
    """Kinds of work."""

    LABEL = "label"
    DRAIN = "drain"
    DEMOTE = "demote"
    REMOVE = "remove"
    COMPLETE = "complete"
    """Let Auto Scaling end an instance that it holds for us."""
    WARN = "warn"


@dataclass(frozen=True)
class Step:
    """One piece of work."""

    chore: Chore
    reason: str
    node_id: str = ""
    instance_id: str = ""
    labels: t.Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class House:
    """All that the leader knows in one round."""

    own_instance: str
    members: tuple[Member, ...]
    instances: t.Mapping[str, Instance]
    """Every instance of the cluster that EC2 tells of."""
    memberships: t.Mapping[str, Membership] = field(default_factory=dict)
    """Places in Auto Scaling groups, by instance id."""

    def instance_of(self, member: Member) -> str:
        """Return the id of the member's instance, C("") when it cannot be told.

        The label is the truth. Without one the address decides, for living members only: a new instance may have got
        the address of a dead one.
        """
        label = member.labels.get(INSTANCE_LABEL, "")
        if label or member.state != "ready":
            return label
        live = (item for item in self.instances.values() if item.state not in GONE)
        return next((item.instance_id for item in live if item.private_ip == member.address), "")

    def is_gone(self, member: Member) -> bool:
        """Whether the member's instance has ended for good."""
        instance_id = self.instance_of(member)
        if instance_id:
            instance = self.instances.get(instance_id)
            return instance is None or instance.state in GONE
        taken = any(item.private_ip == member.address and item.state not in GONE for item in self.instances.values())
        return member.state == "down" and not taken


def plan(house: House) -> list[Step]:
    """Return this round's work, in order."""
    if house.own_instance not in house.instances:
        return [Step(Chore.WARN, f"EC2 does not know this manager ({house.own_instance}), so its answer is not used")]
    gone = [member for member in house.members if house.is_gone(member)]
    return [*_dead(house, gone), *_ending(house, gone), *_unlabelled(house, gone)]


def _dead(house: House, gone: t.Sequence[Member]) -> t.Iterator[Step]:
    """Managers whose instance is gone are demoted, then, like workers, removed."""
    managers = [member for member in gone if member.role == "manager"]
    demoting = [member for member in gone if member.role == "worker" and member.reachability]
    if managers and not demoting:
        raft = [member for member in house.members if member.in_raft]
        alive = [m for m in raft if m.reachability == "reachable" and m not in gone]
        first = managers[0]
        if 2 * len(alive) > len(raft):
            yield Step(Chore.DEMOTE, f"manager {_name(house, first)} is gone", node_id=first.node_id)
        else:
            yield Step(Chore.WARN, f"{len(alive)} of {len(raft)} managers are alive: no majority, nothing is removed")
    for member in gone:
        if not member.in_raft:
            yield Step(Chore.REMOVE, f"{member.role} {_name(house, member)} is gone", node_id=member.node_id)


def _ending(house: House, gone: t.Sequence[Member]) -> t.Iterator[Step]:
    """Instances that Auto Scaling holds are drained; once they have left, they may end."""
    held = sorted(m.instance_id for m in house.memberships.values() if m.lifecycle_state == _WAITING)
    by_instance = {house.instance_of(member): member for member in house.members if member not in gone}
    managers = [member for member in house.members if member.in_raft]
    for instance_id in held:
        member = by_instance.get(instance_id)
        if member is None:
            yield Step(Chore.COMPLETE, f"{instance_id} is in no swarm", instance_id=instance_id)
        elif member.state == "down" and not member.in_raft:
            yield Step(Chore.COMPLETE, f"{instance_id} has left", instance_id=instance_id)
            yield Step(Chore.REMOVE, f"{instance_id} has left", node_id=member.node_id)
        elif instance_id == house.own_instance and len(managers) == 1:
            # The last manager cannot leave, there is nobody to leave the swarm to. It ends after all others.
            if held == [instance_id]:
                yield Step(Chore.COMPLETE, f"{instance_id} is the last manager", instance_id=instance_id)
        elif member.availability != "drain":
            yield Step(Chore.DRAIN, f"{instance_id} is to end", node_id=member.node_id)


def _unlabelled(house: House, gone: t.Sequence[Member]) -> t.Iterator[Step]:
    for member in house.members:
        instance = house.instances.get(house.instance_of(member))
        if member in gone or instance is None or member.state != "ready":
            continue
        labels = {
            INSTANCE_LABEL: instance.instance_id,
            "availability-zone": instance.availability_zone,
            "instance-type": instance.instance_type,
        }
        if any(member.labels.get(key) != value for key, value in labels.items()):
            yield Step(Chore.LABEL, f"{instance.instance_id} has joined", node_id=member.node_id, labels=labels)


def _name(house: House, member: Member) -> str:
    return house.instance_of(member) or member.address


def record(house: House, cluster: str, swarm_id: str, before: ClusterRecord | None, now: str) -> ClusterRecord:
    """Return the record that describes the swarm as the leader sees it.

    :param before: the record so far; its epoch and owner stay.
    """
    living = [(house.instance_of(member), member) for member in house.members if not house.is_gone(member)]
    return ClusterRecord(
        cluster=cluster,
        state="ready",
        swarm_id=swarm_id,
        epoch=before.epoch if before else 1,
        owner=before.owner if before else house.own_instance,
        lease_until=before.lease_until if before else "",
        updated_at=now,
        leader=house.own_instance,
        managers=tuple(
            ManagerRecord(instance_id, member.node_id, member.address, member.reachability, member.leader)
            for instance_id, member in living
            if member.in_raft
        ),
        nodes=tuple(
            NodeRecord(instance_id, member.node_id, member.address, member.role, member.state, member.availability)
            for instance_id, member in living
        ),
    )
