# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the leader does to keep the swarm's member list true: pure decisions.

Quorum comes first. A dead manager is demoted before it is removed, one in a round, and only while the managers that
remain can still decide; nothing is removed at all unless EC2's answer contains the leader itself, because an answer
without it is no answer about this cluster. Who counts as gone is told by :mod:`.house`.
"""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass, field

from ..._aws.cluster.record import ClusterRecord, ManagerRecord, NodeRecord
from .election import GONE
from .house import INSTANCE_LABEL, Fate, House, Member

_WAITING = "Terminating:Wait"


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


def plan(found: House) -> list[Step]:
    """Return this round's work, in order."""
    if not found.believed:
        return [Step(Chore.WARN, f"EC2 does not know this manager ({found.own_instance}), so its answer is not used")]
    gone = [member for member in found.members if found.is_gone(member)]
    return [*_brake(found), *_dead(found, gone), *_ending(found, gone), *_unlabelled(found, gone)]


def _brake(found: House) -> t.Iterator[Step]:
    """So many members cannot vanish at once: an answer that is wrong in a way nobody thought of must not cost them."""
    if found.vanished:
        names = sorted(_name(found, member) for member in found.vanished)
        yield Step(
            Chore.WARN,
            f"EC2 knows no instance for {len(names)} of {len(found.members)} nodes ({', '.join(names[:5])}"
            f"{', ...' if len(names) > 5 else ''}). That is rather a wrong answer than the truth, so none of them is "
            "removed. See whether the instances exist and have the tag swarm:cluster; if they are really gone, on a "
            "manager for each: docker node demote ID (if it is a manager), docker node rm --force ID",
        )


def _dead(found: House, gone: t.Sequence[Member]) -> t.Iterator[Step]:
    """Those that are gone are removed; what raft counts as a member is demoted first, one in a round.

    A manager that never became a member of raft cannot be demoted ("can't find manager in raft memberlist"), but can be
    removed at once; a member of raft must be demoted first, and the engine demotes none whose loss would cost quorum
    (swarmkit manager/controlapi/node.go: UpdateNode, RemoveNode). A node that is removed never comes back as the same:
    its certificate is refused from then on, so its engine has to leave and join again.
    """
    managers = [member for member in gone if member.role == "manager" and member.reachability]
    demoting = [member for member in gone if member.role == "worker" and member.reachability]
    if managers and not demoting:
        raft = [member for member in found.members if member.reachability]
        alive = [m for m in raft if m.reachability == "reachable" and m not in gone]
        first = managers[0]
        if 2 * len(alive) > len(raft):
            yield Step(Chore.DEMOTE, f"manager {_why(found, first)}", node_id=first.node_id)
        else:
            yield Step(Chore.WARN, f"{len(alive)} of {len(raft)} managers are alive: no majority, nothing is removed")
    for member in gone:
        if not member.reachability:
            yield Step(Chore.REMOVE, f"{member.role} {_why(found, member)}", node_id=member.node_id)


def _ending(found: House, gone: t.Sequence[Member]) -> t.Iterator[Step]:
    """Instances that Auto Scaling holds are drained; once they have left or are gone, they may end."""
    held = sorted(m.instance_id for m in found.memberships.values() if m.lifecycle_state == _WAITING)
    by_instance = _by_instance(found, gone)
    managers = [member for member in found.members if member.in_raft]
    for instance_id in held:
        member = by_instance.get(instance_id)
        instance = found.instances.get(instance_id)
        if instance is not None and instance.state in GONE:
            yield Step(Chore.COMPLETE, f"{instance_id} is {instance.state} already", instance_id=instance_id)
        elif member is None:
            yield Step(Chore.COMPLETE, f"{instance_id} is in no swarm", instance_id=instance_id)
        elif member.state == "down" and not member.in_raft:
            yield Step(Chore.COMPLETE, f"{instance_id} has left", instance_id=instance_id)
            yield Step(Chore.REMOVE, f"{instance_id} has left", node_id=member.node_id)
        elif instance_id == found.own_instance and len(managers) == 1:
            # The last manager cannot leave, there is nobody to leave the swarm to. It ends after all others.
            if held == [instance_id]:
                yield Step(Chore.COMPLETE, f"{instance_id} is the last manager", instance_id=instance_id)
        elif member.availability != "drain":
            yield Step(Chore.DRAIN, f"{instance_id} is to end", node_id=member.node_id)


def _by_instance(found: House, gone: t.Sequence[Member]) -> dict[str, Member]:
    """Return instance id → its member that is not gone; of several the Ready one, of these the youngest."""
    living = [member for member in found.members if member not in gone]
    ordered = sorted(living, key=lambda member: (member.state == "ready", member.age_key))
    return {instance_id: member for member in ordered if (instance_id := found.instance_of(member))}


def _unlabelled(found: House, gone: t.Sequence[Member]) -> t.Iterator[Step]:
    for member in found.members:
        instance = found.instances.get(found.instance_of(member))
        if member in gone or instance is None or member.state != "ready":
            continue
        labels = {
            INSTANCE_LABEL: instance.instance_id,
            "availability-zone": instance.availability_zone,
            "instance-type": instance.instance_type,
        }
        if any(member.labels.get(key) != value for key, value in labels.items()):
            yield Step(Chore.LABEL, f"{instance.instance_id} has joined", node_id=member.node_id, labels=labels)


def _name(found: House, member: Member) -> str:
    return found.instance_of(member) or member.address or f"node {member.node_id}"


def _why(found: House, member: Member) -> str:
    fate = found.fate(member)
    return f"{_name(found, member)} is {'an old half' if fate is Fate.REJOINED else 'gone'}: {fate.value}"


def record(found: House, cluster: str, swarm_id: str, before: ClusterRecord | None, now: str) -> ClusterRecord:
    """Return the record that describes the swarm as the leader sees it: one entry for each instance that is a member.

    :param before: the record so far; its epoch and owner stay.
    """
    gone = [member for member in found.members if found.is_gone(member)]
    of_member = {member.node_id: name for name, member in _by_instance(found, gone).items()}
    living = [(of_member[m.node_id], m) for m in found.members if m.node_id in of_member and m.address]
    return ClusterRecord(
        cluster=cluster,
        state="ready",
        swarm_id=swarm_id,
        epoch=before.epoch if before else 1,
        owner=before.owner if before else found.own_instance,
        lease_until=before.lease_until if before else "",
        updated_at=now,
        leader=found.own_instance,
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
