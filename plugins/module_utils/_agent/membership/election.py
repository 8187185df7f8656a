# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a node gets into its swarm: pure decisions, one step at a time.

The caller gathers what is known (:class:`View`), asks :func:`decide` for the next :class:`Action`, does it, and asks
again. Nothing is remembered between the steps, so a node that loses power anywhere goes on where it stopped.

Two rules come before all others:

- A swarm is initialised only by the node that *created* something: the record itself (epoch 1) or the claim on a later
  epoch. Both are create-only writes, of which AWS lets exactly one caller succeed.
- Once a record is C(ready), no node ever initialises a swarm, however dead its managers look. A second swarm would
  split the cluster; forcing a new one is an operator's decision.
"""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ..._aws.cluster.record import ClusterRecord, parse_time

LEASE = timedelta(seconds=120)
"""How long an owner has to initialise the swarm before others look whether it still exists."""
DEAD_MANAGER_PATIENCE = 300.0
"""Seconds that a new manager waits for the leader to remove dead managers before it joins all the same."""
GONE = frozenset({"missing", "shutting-down", "terminated"})
"""Instance states out of which nothing comes back. A stopped instance may be started again, so it is not among them."""


class Do(enum.Enum):
    """What to do next."""

    NOTHING = "nothing"
    """The node is where it belongs."""
    WAIT = "wait"
    """Somebody else has to do something first."""
    ALARM = "alarm"
    """Wait as well, but a person has to act."""
    UNLOCK = "unlock"
    """Give the engine the unlock key."""
    JOIN = "join"
    LEAVE = "leave"
    """Leave the swarm by force, to join again."""
    CREATE = "create"
    """Create the record; whoever succeeds may initialise."""
    CLAIM = "claim"
    """Claim the next epoch; whoever succeeds may initialise."""
    INITIALISE = "initialise"
    PUBLISH = "publish"
    """Write tokens, unlock key and the ready record."""


class Key(enum.Enum):
    """The unlock key in SSM, as far as a locked engine is concerned."""

    UNKNOWN = "unknown"
    THERE = "there"
    ABSENT = "absent"
    REFUSED = "refused"
    """The engine has refused the one that is there."""


class Answer(t.NamedTuple):
    """What the engine says about its swarm membership (C(GET /info))."""

    state: str
    """C(inactive), C(pending), C(active), C(error) or C(locked)."""
    manager: bool = False
    """Whether it is a manager right now (C(ControlAvailable))."""
    swarm_id: str = ""
    """The swarm's id; workers do not know it."""
    managers: tuple[str, ...] = ()
    """Addresses of the managers that it knows."""


@dataclass(frozen=True)
class View:
    """All that a decision rests on.

    :ivar record: The record with the newest claim applied (:func:`newest`), or None when there is none.
    :ivar answering: Addresses of recorded managers that take connections on the swarm's port.
    :ivar instances: Instance id → EC2 state of the recorded managers and of the record's owner, where this node may
        know them.
    :ivar published: Whether join tokens exist although there is no record.
    :ivar unreadable: Why the record that is stored cannot be read; then I(record) is None.
    :ivar key: Of a locked engine: whether the stored unlock key can open it.
    :ivar waited: Seconds since this node began to try.
    """

    instance_id: str
    role: str
    engine: Answer
    now: datetime
    record: ClusterRecord | None = None
    answering: tuple[str, ...] = ()
    instances: t.Mapping[str, str] = field(default_factory=dict)
    published: bool = False
    unreadable: str = ""
    key: Key = Key.UNKNOWN
    waited: float = 0.0


@dataclass(frozen=True)
class Action:
    """The next step and, for the log, why.

    :ivar addresses: For JOIN: managers to try, in this order.
    :ivar epoch: For CLAIM and INITIALISE.
    """

    do: Do
    reason: str
    addresses: tuple[str, ...] = ()
    epoch: int = 0

    @property
    def done(self) -> bool:
        """Whether the node has arrived."""
        return self.do is Do.NOTHING


@dataclass(frozen=True)
class Claim:
    """Who may initialise the swarm in one epoch after the first."""

    epoch: int
    owner: str
    lease_until: str


def newest(record: ClusterRecord | None, claim: Claim | None) -> ClusterRecord | None:
    """Return the record as the newest claim changes it; a claim counts before its owner has rewritten the record."""
    if record is None or claim is None or record.state == "ready" or claim.epoch <= record.epoch:
        return record
    return replace(record, epoch=claim.epoch, owner=claim.owner, lease_until=claim.lease_until)


def decide(view: View) -> Action:
    """Return the next step for the node described by *view*."""
    state = view.engine.state
    if state == "locked":
        return _locked(view)
    if state == "active":
        return _inside(view)
    if state == "pending":
        return Action(Do.WAIT, "the engine is joining")
    if state == "error":
        return _broken(view)
    record = view.record
    if view.unreadable:
        return Action(
            Do.ALARM,
            f"{view.unreadable} A living leader writes it anew within a minute; if no swarm was formed yet, delete it",
        )
    if record is None:
        if view.role != "manager":
            return Action(Do.WAIT, "no manager has formed a swarm yet")
        if view.published:
            return Action(
                Do.ALARM,
                "join tokens exist but no record: a living leader writes it anew within a minute; if the cluster is a "
                "new one of an old name, delete the old cluster's parameters",
            )
        return Action(Do.CREATE, "there is no swarm yet", epoch=1)
    return _join(view, record) if record.state == "ready" else _form(view, record)


def _owns_unformed(view: View) -> bool:
    """Whether this node forms the swarm and has told nobody about one: what its engine holds then is nobody else's.

    Tokens, unlock key and the ready record are written after the swarm was formed, the record last, and whoever joins
    waits for that.
    """
    return view.record is not None and view.record.state != "ready" and view.record.owner == view.instance_id


def _locked(view: View) -> Action:
    """The engine wants its unlock key."""
    if view.key in (Key.ABSENT, Key.REFUSED) and _owns_unformed(view):
        return Action(
            Do.LEAVE,
            "the engine is locked, and its key was lost before it was published; nobody has joined this swarm, so it "
            "is formed anew",
        )
    return Action(Do.UNLOCK, "the engine's keys are locked after a restart")


def _inside(view: View) -> Action:
    """The engine is a member of some swarm."""
    record, engine = view.record, view.engine
    if not engine.manager:
        return _worker(engine, record)
    if record is None:
        return Action(Do.PUBLISH, "the record is lost; this manager knows the swarm", epoch=1)
    if record.state != "ready":
        if record.owner == view.instance_id:
            return Action(Do.PUBLISH, "this node initialised the swarm and has yet to publish it", epoch=record.epoch)
        return Action(
            Do.ALARM,
            f"this node is in swarm {engine.swarm_id}, but {record.owner} owns the forming of the cluster's swarm; "
            "if nothing runs here: docker swarm leave --force",
        )
    if record.swarm_id and engine.swarm_id and record.swarm_id != engine.swarm_id:
        return Action(
            Do.ALARM,
            f"this node is in swarm {engine.swarm_id}, the cluster's is {record.swarm_id}; "
            "if nothing runs here: docker swarm leave --force",
        )
    return Action(Do.NOTHING, "already a manager of the swarm")


def _worker(engine: Answer, record: ClusterRecord | None) -> Action:
    """A worker does not know its swarm's id, but the addresses of its managers."""
    # A list from the image (without ids) may be years old, so it proves nothing.
    known = (
        {manager.ip for manager in record.managers} if record and record.state == "ready" and record.swarm_id else None
    )
    if known and engine.managers and not known & set(engine.managers):
        return Action(
            Do.ALARM,
            f"this node is in a swarm of {', '.join(engine.managers)}, the cluster's managers are "
            f"{', '.join(sorted(known))}; if nothing runs here: docker swarm leave --force",
        )
    return Action(Do.NOTHING, "already a member of the swarm")


def _broken(view: View) -> Action:
    """The engine could not start its part of the swarm: an expired certificate or damaged state."""
    if _owns_unformed(view):
        return Action(
            Do.LEAVE, "the swarm that this node was forming is damaged; nobody has joined it, so form it anew"
        )
    if view.role == "manager" and not view.answering:
        return Action(
            Do.ALARM, "the engine cannot start its swarm state and no other manager answers: it may hold the only copy"
        )
    if view.answering:
        return Action(Do.LEAVE, "the engine's membership is broken; others hold the swarm, so join afresh")
    return Action(Do.WAIT, "the engine's membership is broken and no manager answers")


def _join(view: View, record: ClusterRecord) -> Action:
    """There is a swarm: join it, never make one."""
    if not view.answering:
        gone = all(view.instances.get(manager.instance_id) in GONE for manager in record.managers)
        if record.managers and view.instances and gone:
            return Action(
                Do.ALARM,
                "every recorded manager is gone, so the swarm's state is lost; restore a backup or force a new swarm "
                "by hand: it is never done automatically",
            )
        return Action(Do.WAIT, "no recorded manager answers on port 2377")
    if view.role == "manager" and view.waited < DEAD_MANAGER_PATIENCE:
        dead = [m.instance_id for m in record.managers if view.instances.get(m.instance_id) in GONE]
        if dead:
            return Action(Do.WAIT, f"{', '.join(dead)} must leave the managers first: the leader removes dead managers")
    return Action(Do.JOIN, f"{len(view.answering)} of {len(record.managers)} managers answer", addresses=view.answering)


def _form(view: View, record: ClusterRecord) -> Action:
    """Somebody is forming the swarm."""
    if view.role != "manager":
        return Action(Do.WAIT, f"{record.owner} is forming the swarm")
    if record.owner == view.instance_id:
        return Action(Do.INITIALISE, "this node may form the swarm", epoch=record.epoch)
    lease = parse_time(record.lease_until)
    # One that ends later than a lease can was written by a clock that is wrong, and proves nothing.
    if lease is not None and view.now < lease <= view.now + 2 * LEASE:
        return Action(Do.WAIT, f"{record.owner} is forming the swarm until {record.lease_until}")
    state = view.instances.get(record.owner)
    if state in GONE:
        return Action(Do.CLAIM, f"{record.owner} is {state} and left the swarm unformed", epoch=record.epoch + 1)
    if state is None:
        return Action(Do.WAIT, f"the lease of {record.owner} is over, but its state is not known")
    return Action(
        Do.ALARM,
        f"the lease of {record.owner} is over and it is {state}: look at its journal, or terminate it so that another "
        "manager takes over",
    )
