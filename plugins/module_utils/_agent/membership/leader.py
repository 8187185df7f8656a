# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does what :mod:`.chores` decides, on the manager that leads."""

from __future__ import annotations

import dataclasses
import time
import typing as t
from datetime import datetime, timezone

from ..._aws.cluster.record import ClusterRecord, NewerRecord, RecordError, format_time
from ..._aws.ec2 import Instance, describe_instances
from ..._errors import SwarmError
from ..diary import Diary
from ..engine import LocalEngine
from ..imds import Identity
from ..settings import Settings, session
from . import chores, cloud
from .absence import PATIENCE, Absences, Patience
from .chores import Chore, Step
from .house import INSTANCE_LABEL, Fate, House, Member
from .renewal import Renewer
from .store import Store

_RENEW = 60.0  # seconds between two writes of an unchanged record
_TOKENS = 60.0  # seconds between two looks whether the published tokens are still the swarm's


class Keeper:
    """Keeps house while this node leads; does nothing while another one does.

    :param log: takes one line per event.
    """

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        engine: LocalEngine,
        log: t.Callable[[str], None],
        patience: Patience = PATIENCE,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._engine = engine
        self._log = log
        self._diary = Diary(log)
        self._session = session(settings)
        self._absences = Absences(patience)
        self._written: ClusterRecord | None = None
        self._written_at = float("-inf")
        self._tokens_at = float("-inf")
        self._swarm_id = ""
        self._logins = Renewer(settings.region, settings.registry_roles, engine, log)

    def round(self) -> bool:
        """Do one round of housekeeping and tell whether this node leads.

        :raises SwarmError: the engine or AWS could not be asked; the next round tries again.
        """
        nodes = self._engine.nodes()
        members = tuple(Member.from_engine(node) for node in nodes)
        own_node = self._engine.node_id()
        if not any(member.leader and member.node_id == own_node for member in members):
            self._written = None
            self._logins.forget()
            return False
        self._logins.round()
        house = self._look(members)
        by_id = {str(node["ID"]): node for node in nodes}
        for step in chores.plan(house):
            self._do(step, house, by_id.get(step.node_id, {}))
        self._tell(house)
        return True

    def _look(self, members: tuple[Member, ...]) -> House:
        """Ask AWS, and remember what its answer lacks; an answer that is not believed counts neither way."""
        house = House(self._identity.instance_id, members, *self._cloud(members))
        if not house.believed:
            return house
        fates = {member.node_id: house.fate(member) for member in members}
        absent, ghosts = (
            {node for node, fate in fates.items() if fate is wanted} for wanted in (Fate.ABSENT, Fate.GHOST)
        )
        return dataclasses.replace(house, long_absent=self._absences.note(absent, time.monotonic(), ghosts))

    def _cloud(self, members: t.Sequence[Member]) -> tuple[dict[str, Instance], dict[str, cloud.Membership]]:
        ec2 = self._session.client("ec2")
        instances = describe_instances(ec2, {"tag:swarm:cluster": [self._settings.cluster]})
        labels = (member.labels.get(INSTANCE_LABEL, "") for member in members)
        # Nodes that somebody added by hand may lack the tag.
        others = {name for name in labels if name} - set(instances)
        if others:
            instances.update(describe_instances(ec2, {"instance-id": sorted(others)}))
        # Ended ones too: Auto Scaling holds an instance until its hooks are done, even if it has ended by itself.
        return instances, cloud.memberships(self._session.client("autoscaling"), {*instances, *others})

    # -- steps -----------------------------------------------------------------------------------------------------
    def _do(self, step: Step, house: House, node: dict[str, t.Any]) -> None:
        """Do one step; one that fails is told and comes again in the next round."""
        if step.chore is Chore.WARN:
            self._diary.say("warning", f"warning: {step.reason}")
            return
        try:
            if step.chore is Chore.LABEL:
                self._engine.change_node(node, {"Labels": {**(node["Spec"].get("Labels") or {}), **step.labels}})
            elif step.chore is Chore.DRAIN:
                self._engine.change_node(node, {"Availability": "drain"})
            elif step.chore is Chore.DEMOTE:
                self._engine.change_node(node, {"Role": "worker"})
            elif step.chore is Chore.REMOVE:
                self._engine.remove_node(step.node_id, force=True)
            elif step.chore is Chore.COMPLETE:
                self._complete(house.memberships[step.instance_id])
        except SwarmError as exc:
            self._diary.say(step.chore.value, f"{step.chore.value}: {step.reason}: {exc}")
        else:
            self._diary.say(step.chore.value, f"{step.chore.value}: {step.reason}")

    def _complete(self, membership: cloud.Membership) -> None:
        client = self._session.client("autoscaling")
        for hook in cloud.terminating_hooks(client, membership.group):
            cloud.complete_hook(client, membership.group, hook, membership.instance_id)

    # -- what others read ------------------------------------------------------------------------------------------
    def _tell(self, house: House) -> None:
        """Write the record when it changed or is due, and tokens when they changed.

        A round whose answer is not believed says nothing about nodes, so it writes no record.
        """
        now = time.monotonic()
        store = Store(self._session.client("ssm"), self._settings.cluster)
        if now - self._tokens_at >= _TOKENS:
            swarm = self._engine.swarm()
            tokens = {role.lower(): str(token) for role, token in swarm["JoinTokens"].items()}
            for path in store.publish(tokens, self._engine.unlock_key()):
                self._log(f"published {self._settings.prefix}/{path}")
            self._swarm_id, self._tokens_at = str(swarm["ID"]), now
        if not house.believed:
            return
        if self._written is None:
            self._written = self._stored(store)
            self._written_at = float("-inf")
        stamp = format_time(datetime.now(timezone.utc))
        record = chores.record(house, self._settings.cluster, self._swarm_id, self._written, stamp)
        before = dataclasses.replace(self._written, updated_at=stamp) if self._written else None
        if record != before or now - self._written_at >= _RENEW:
            store.write_record(record)
            self._written, self._written_at = record, now

    def _stored(self, store: Store) -> ClusterRecord | None:
        """Return the record as somebody has left it; one that cannot be read is written anew.

        :raises NewerRecord: an agent of a newer release wrote it, which knows better.
        """
        try:
            return store.record(with_claims=True)
        except NewerRecord:
            raise
        except RecordError as exc:
            self._diary.say("record", f"{exc.message} It is written anew.")
            return None
