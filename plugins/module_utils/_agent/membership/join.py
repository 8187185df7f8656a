# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gets this node into its swarm: looks, lets :mod:`.election` decide, acts, looks again."""

from __future__ import annotations

import concurrent.futures
import hashlib
import ipaddress
import random
import socket
import time
import typing as t
from datetime import datetime, timezone

from ..._aws.cluster.record import ClusterRecord, ManagerRecord, NewerRecord, RecordError, format_time
from ..._errors import EngineError, SwarmError
from ..diary import Diary
from ..engine import LocalEngine
from ..imds import Identity
from ..settings import Settings, session
from . import cloud
from .absence import Absences
from .election import Action, Do, Key, View, decide
from .store import Store

Log = t.Callable[[str], None]

SWARM_PORT = 2377
_PROBE_TIMEOUT = 2.0
_PAUSE = (0.5, 3.0)  # seconds between looks, growing from the first to about the second


class Joiner:
    """Joins one node. Every step may fail and be tried again: nothing is kept that a decision could not do without.

    :param log: takes one line per event.
    """

    def __init__(self, settings: Settings, identity: Identity, engine: LocalEngine, log: Log) -> None:
        self._settings = settings
        self._identity = identity
        self._engine = engine
        self._log = log
        self._session = session(settings)
        self._started = time.monotonic()
        self._absences = Absences()
        self._refused = ""  # of a key: its digest

    def run(self) -> None:
        """Go on until the node is a member of its swarm."""
        diary, pause = Diary(self._log), _PAUSE[0]
        while True:
            try:
                action = self.step()
                if action.done:
                    self._log(f"{action.do.value}: {action.reason}")
                    return
                diary.say("join", f"{action.do.value}: {action.reason}")
                quick = action.do not in (Do.WAIT, Do.ALARM)
            except SwarmError as exc:
                diary.say("join", f"will try again: {exc}")
                quick = False
            # Jitter keeps fifty nodes that boot together from asking in step.
            pause = _PAUSE[0] if quick else min(pause * 1.3, _PAUSE[1])
            time.sleep(pause * random.uniform(0.7, 1.3))

    def step(self) -> Action:
        """Look, decide, act once; return what was done.

        :raises SwarmError: the look or the act failed.
        """
        view = self._look()
        action = decide(view)
        self._act(action)
        return action

    # -- look ------------------------------------------------------------------------------------------------------
    def _look(self) -> View:
        engine = self._engine.membership()
        if engine.state == "active":
            self._started = time.monotonic()  # should it ever have to join again, its patience begins then
        record, unreadable = self._read_record()
        managers = record.managers if record is not None and record.state == "ready" else ()
        outside = engine.state in ("inactive", "error")
        answering = _answering([m.ip for m in managers if m.ip != self._identity.private_ip]) if outside else ()
        asks = self._settings.is_manager and record is not None and outside
        return View(
            instance_id=self._identity.instance_id,
            role=self._settings.role,
            engine=engine,
            now=datetime.now(timezone.utc),
            record=record,
            answering=answering,
            instances=self._states(record.owner, *(m.instance_id for m in managers)) if asks and record else {},
            published=self._published() if record is None and outside else False,
            waited=time.monotonic() - self._started,
            unreadable=unreadable,
            key=self._key() if engine.state == "locked" else Key.UNKNOWN,
        )

    def _read_record(self) -> tuple[ClusterRecord | None, str]:
        """Return the record, or why it cannot be read; then a manager of the swarm publishes a new one."""
        try:
            return self._record(), ""
        except NewerRecord:
            raise
        except RecordError as exc:
            return None, exc.message

    def _states(self, *instance_ids: str) -> dict[str, str]:
        """Return the states of instances as EC2 knows them.

        An answer without this very instance is none; one that EC2 does not know is C(missing) only after many answers.
        """
        own = self._identity.instance_id
        found = cloud.states(self._session.client("ec2"), [own, *instance_ids])
        if found[own] == "missing":
            return {}
        gone = self._absences.note({name for name, state in found.items() if state == "missing"}, time.monotonic())
        return {name: state for name, state in found.items() if state != "missing" or name in gone}

    def _key(self) -> Key:
        key = self._store().unlock_key()
        if not key:
            return Key.ABSENT
        return Key.REFUSED if _digest(key) == self._refused else Key.THERE

    def _record(self) -> ClusterRecord | None:
        if self._settings.joins_from_image:
            managers = tuple(ManagerRecord("", ip=ip) for ip in self._settings.manager_addresses)
            return ClusterRecord(cluster=self._settings.cluster, state="ready", managers=managers)
        return self._store().record(with_claims=self._settings.is_manager)

    def _published(self) -> bool:
        return self._settings.is_manager and bool(self._store().token("worker"))

    def _store(self) -> Store:
        return Store(self._session.client("ssm"), self._settings.cluster)

    # -- act -------------------------------------------------------------------------------------------------------
    def _act(self, action: Action) -> None:
        own, now = self._identity, datetime.now(timezone.utc)
        if action.do is Do.UNLOCK:
            key = self._store().unlock_key()
            if not key:
                raise SwarmError(f"The engine is locked, but there is no unlock key at {self._settings.prefix}/unlock.")
            self._unlock(key)
        elif action.do is Do.JOIN:
            self._join(action.addresses)
        elif action.do is Do.LEAVE:
            self._engine.leave(force=True)
        elif action.do is Do.CREATE:
            won = self._store().create_record(own.instance_id, now)
            self._log("this node forms the swarm" if won else "another manager forms the swarm")
        elif action.do is Do.CLAIM:
            won = self._store().claim(action.epoch, own.instance_id, now)
            self._log(f"epoch {action.epoch}: {'this node' if won else 'another manager'} forms the swarm")
        elif action.do is Do.INITIALISE:
            settings = self._settings
            self._engine.init(own.private_ip, settings.address_pool, settings.address_pool_mask, settings.autolock)
        elif action.do is Do.PUBLISH:
            self._publish(action.epoch)

    def _unlock(self, key: str) -> None:
        try:
            self._engine.unlock(key)
        except EngineError as exc:
            # "swarm could not be unlocked: invalid key provided" (moby daemon/cluster/errors.go: invalidUnlockKey), and
            # "invalid key string" of what is no key at all (swarmkit manager/encryption: ParseHumanReadableKey).
            if "invalid key" in exc.message:
                self._refused = _digest(key)
            raise

    def _join(self, addresses: t.Sequence[str]) -> None:
        baked = self._settings.joins_from_image
        token = self._settings.worker_token if baked else self._store().token(self._settings.role)
        if not token:
            raise SwarmError(f"There is no join token at {self._settings.prefix}/token/{self._settings.role}.")
        try:
            self._engine.join(addresses, token, self._identity.private_ip)
        except EngineError as exc:
            # A time-out is not the end: the engine goes on, and the next look says "pending".
            if "Timeout" not in exc.message:
                raise

    def _publish(self, epoch: int) -> None:
        settings, own, store = self._settings, self._identity, self._store()
        subnet = edge_subnet(settings.address_pool, settings.edge_mask)
        self._engine.ensure_overlay(settings.edge_network, subnet)
        swarm = self._engine.swarm()
        tokens = {role.lower(): str(token) for role, token in swarm["JoinTokens"].items()}
        store.publish(tokens, self._engine.unlock_key() if settings.autolock else "")
        node_id, now = self._engine.node_id(), format_time(datetime.now(timezone.utc))
        # Last: whoever reads "ready" finds everything else in place.
        store.write_record(
            ClusterRecord(
                cluster=settings.cluster,
                state="ready",
                swarm_id=str(swarm["ID"]),
                epoch=epoch,
                owner=own.instance_id,
                updated_at=now,
                leader=own.instance_id,
                managers=(ManagerRecord(own.instance_id, node_id, own.private_ip, "reachable", True),),
            )
        )


def edge_subnet(pool: str, mask: int) -> str:
    """Return the last subnet of *pool* with prefix length *mask*; the engine hands out subnets from the first one."""
    network = ipaddress.IPv4Network(pool)
    if mask < network.prefixlen:
        raise SwarmError(f"The edge network's /{mask} does not fit into the address pool {pool}.")
    last = int(network.broadcast_address) - 2 ** (32 - mask) + 1
    return f"{ipaddress.IPv4Address(last)}/{mask}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _answering(addresses: t.Sequence[str]) -> tuple[str, ...]:
    """Return those of *addresses* that take connections on the swarm's port, in their order."""
    if not addresses:
        return ()
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(addresses)) as pool:
        answers = list(pool.map(_answers, addresses))
    return tuple(address for address, answer in zip(addresses, answers) if answer)


def _answers(address: str) -> bool:
    try:
        with socket.create_connection((address, SWARM_PORT), timeout=_PROBE_TIMEOUT):
            return True
    except OSError:
        return False
