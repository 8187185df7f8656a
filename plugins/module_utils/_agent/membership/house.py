# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the leader knows about the swarm's members and their instances, and who of them is gone: pure.

A member is gone when it is not Ready and

- EC2 says that its instance has ended; or
- its instance is a younger member by now: it left and joined again, and this is its old half; or
- nobody knows an instance for it, in many answers in a row: see :mod:`.absence`.

A Ready member is never gone, whatever AWS says: it speaks to the managers every few seconds.
"""

from __future__ import annotations

import enum
import functools
import typing as t
from dataclasses import dataclass, field

from ..._aws.ec2 import Instance
from .cloud import Membership
from .election import GONE

Json = t.Mapping[str, t.Any]

INSTANCE_LABEL = "instance-id"
_MANY = 4  # more than one in so many members, absent at once, are rather a wrong answer than the truth


@dataclass(frozen=True)
class Member:
    """A node as the swarm knows it.

    :ivar state: C(unknown), C(down), C(ready) or C(disconnected).
    :ivar availability: C(active), C(pause) or C(drain).
    :ivar reachability: Of a member of raft: C(reachable), C(unreachable) or C(unknown); C("") for anybody else.
    :ivar created: When it joined, as the engine writes it: UTC, with up to nine digits after the second.
    """

    node_id: str
    address: str
    role: str
    state: str
    availability: str
    reachability: str = ""
    leader: bool = False
    labels: t.Mapping[str, str] = field(default_factory=dict)
    created: str = ""

    @classmethod
    def from_engine(cls, node: Json) -> Member:
        """Read a node object of the Engine API.

        C(ManagerStatus) is there for those, and only those, that raft counts as members (swarmkit
        manager/controlapi/node.go: ListNodes joins nodes with raft.GetMemberlist); the role is what is wanted, not yet
        what is (moby daemon/cluster/convert/node.go: NodeFromGRPC shows C(DesiredRole)).
        """
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
            created=str(node.get("CreatedAt") or ""),
        )

    @property
    def in_raft(self) -> bool:
        """Whether it takes part in the managers' consensus, or is on its way in or out."""
        return self.role == "manager" or bool(self.reachability)

    @property
    def age_key(self) -> tuple[str, str]:
        """What sorts members by the time they joined; the engine leaves out zeros at the end of a fraction."""
        second, dummy, fraction = self.created.rstrip("Z").partition(".")
        return second, fraction.ljust(9, "0")


class Fate(enum.Enum):
    """What is to be thought of a member."""

    LIVES = "lives"
    ENDED = "its instance has ended"
    REJOINED = "its instance has joined again"
    ABSENT = "EC2 does not know its instance"
    """In this answer; one answer proves nothing."""
    GHOST = "it never finished joining"
    """So far: neither label nor address; a slow join looks the same."""


@dataclass(frozen=True)
class House:
    """All that the leader knows in one round.

    :ivar instances: Every instance of the cluster that EC2 tells of.
    :ivar memberships: Places in Auto Scaling groups, by instance id.
    :ivar long_absent: Ids of the nodes that many answers in a row knew no instance for.
    """

    own_instance: str
    members: tuple[Member, ...]
    instances: t.Mapping[str, Instance]
    memberships: t.Mapping[str, Membership] = field(default_factory=dict)
    long_absent: t.Collection[str] = frozenset()

    @property
    def believed(self) -> bool:
        """Whether EC2's answer is one about this cluster: it must know the manager that asked."""
        return self.own_instance in self.instances

    def instance_of(self, member: Member) -> str:
        """Return the id of the member's instance, C("") when it is not known.

        The label is the truth. Without one the address decides, for living members only: a new instance may have got
        the address of a dead one.
        """
        label = member.labels.get(INSTANCE_LABEL, "")
        if label or member.state != "ready":
            return label
        return self._at.get(member.address, "")

    def is_gone(self, member: Member) -> bool:
        """Whether the member's instance has ended for good, or is another member by now."""
        fate = self.fate(member)
        if fate in (Fate.ABSENT, Fate.GHOST):
            return member.node_id in self.long_absent and (fate is Fate.GHOST or not self.vanished)
        return fate is not Fate.LIVES

    @functools.cached_property
    def vanished(self) -> tuple[Member, ...]:
        """Members that are absent for long, when they are so many at once that it is not to be believed."""
        absent = tuple(m for m in self.members if m.node_id in self.long_absent and self.fate(m) is Fate.ABSENT)
        return absent if len(absent) > max(1, len(self.members) // _MANY) else ()

    def fate(self, member: Member) -> Fate:
        """Return what this round alone says about a member."""
        if member.state == "ready":
            return Fate.LIVES
        label = member.labels.get(INSTANCE_LABEL, "")
        if self._rejoined(member, label or self._at.get(member.address, "")):
            return Fate.REJOINED
        if label:
            instance = self.instances.get(label)
            if instance is None:
                return Fate.ABSENT
            return Fate.ENDED if instance.state in GONE else Fate.LIVES
        if not member.address:
            return Fate.GHOST
        if member.address in self._at:
            return Fate.LIVES
        return Fate.ENDED if member.address in self._ended else Fate.ABSENT

    def _rejoined(self, member: Member, instance_id: str) -> bool:
        """Whether a younger member is Ready on the same instance. An engine is one member at a time."""
        youngest = self._youngest.get(instance_id)
        return bool(instance_id and youngest and member.created and youngest.age_key > member.age_key)

    @functools.cached_property
    def _youngest(self) -> dict[str, Member]:
        """Instance id → the member that joined last of those that are Ready there."""
        ready = sorted((m for m in self.members if m.state == "ready"), key=lambda member: member.age_key)
        return {self.instance_of(member): member for member in ready}

    @functools.cached_property
    def _at(self) -> dict[str, str]:
        """Address → id of the living instance that has it."""
        return {i.private_ip: i.instance_id for i in self.instances.values() if i.private_ip and i.state not in GONE}

    @functools.cached_property
    def _ended(self) -> set[str]:
        """Addresses of instances that have ended, as far as EC2 still tells them."""
        return {i.private_ip for i in self.instances.values() if i.private_ip and i.state in GONE}
