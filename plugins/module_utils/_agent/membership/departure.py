# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""How a node leaves before its instance ends: notice, drain, hand over, leave."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import typing as t
import urllib.error
import urllib.request
from dataclasses import dataclass

from ..._aws.session import AwsOptions, AwsSession
from ..._errors import SwarmError
from ..._swarm.nodes import keeps_quorum
from ..engine import LocalEngine
from ..imds import Imds
from ..settings import Settings
from .store import Store

# Managers are in the same VPC: never through a proxy.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

LEAVING_PATH = "/v1/leaving"
SIGNATURE_HEADER = "X-Swarm-Signature"
MAX_CLOCK_DIFFERENCE = 300.0
"""Seconds between the clocks of a node and a manager at which a notice is still taken."""

_SPOT_TIME = 100.0  # of the 120 s between a spot notice and the end
_HOOK_TIME = 240.0
_UNHEARD = 20.0
_DEMOTION_TIME = 30.0
_PAUSE = 1.0


@dataclass(frozen=True)
class Notice:
    """Why this node ends, and how long its tasks may take to go elsewhere."""

    reason: str
    seconds: float


def notice(imds: Imds) -> Notice | None:
    """Return the notice that the metadata service has for this instance, if any.

    :raises ImdsError: the service does not answer.
    """
    if imds.get("meta-data/autoscaling/target-lifecycle-state") == "Terminated":
        return Notice("its Auto Scaling group ends it", _HOOK_TIME)
    spot = imds.get("meta-data/spot/instance-action")
    return Notice(f"spot interruption {spot}", _SPOT_TIME) if spot else None


def sign(token: str, body: bytes) -> str:
    """Return the signature of a notice: only members of the swarm know a join token."""
    return hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


def verify(tokens: t.Iterable[str], body: bytes, signature: str, sender: str, now: float) -> str:
    """Return the id of the node that leaves.

    :param sender: address that the notice came from.
    :raises SwarmError: the notice is not from a member, too old, or about another node.
    """
    if not any(hmac.compare_digest(sign(token, body), signature) for token in tokens):
        raise SwarmError("The notice is not signed with a join token of this swarm.")
    try:
        data = json.loads(body)
        node_id, address, sent = str(data["node_id"]), str(data["address"]), float(data["time"])
    except (ValueError, KeyError, TypeError) as exc:
        raise SwarmError(f"The notice has a wrong form: {exc}") from exc
    if abs(now - sent) > MAX_CLOCK_DIFFERENCE:
        raise SwarmError("The notice is too old.")
    if sender != address:
        raise SwarmError(f"The notice is about {address}, but comes from {sender}.")
    return node_id


class Departure:
    """Takes this node out of its swarm, once.

    :param address: the node's own private IPv4 address.
    :param log: takes one line per event.
    """

    def __init__(self, settings: Settings, address: str, engine: LocalEngine, log: t.Callable[[str], None]) -> None:
        self._settings = settings
        self._address = address
        self._engine = engine
        self._log = log

    def run(self, why: Notice) -> None:
        """Drain, hand over and leave; returns when the node is out of the swarm or time is over."""
        started = time.monotonic()
        self._log(f"leaving: {why.reason}")
        drained = False
        while time.monotonic() < started + why.seconds:
            try:
                if self._engine.membership().state == "inactive":
                    return
                idle = self._engine.swarm_containers() == 0
                # Nobody may have taken the notice, but then the leader drains what Auto Scaling holds.
                if idle and (drained or time.monotonic() > started + _UNHEARD):
                    break
                drained = drained or self._announce()
            except SwarmError as exc:
                self._log(f"leaving: will try again: {exc}")
            time.sleep(_PAUSE)
        self._leave()

    def _announce(self) -> bool:
        """Get this node drained by a manager (itself, when it is one); tell whether that is done."""
        membership = self._engine.membership()
        own = self._engine.node_id()
        if membership.manager:
            node = next(node for node in self._engine.nodes() if node["ID"] == own)
            if node["Spec"]["Availability"] != "drain":
                self._engine.change_node(node, {"Availability": "drain"})
            return True
        token = self._settings.worker_token or self._token()
        body = json.dumps({"node_id": own, "address": self._address, "time": time.time()}).encode()
        managers = self._engine.manager_addresses()
        problem = "no manager is known"
        for manager in managers:
            request = urllib.request.Request(
                f"http://{manager}:{self._settings.feed_port}{LEAVING_PATH}",
                data=body,
                headers={SIGNATURE_HEADER: sign(token, body), "Content-Type": "application/json"},
            )
            try:
                with _DIRECT.open(request, timeout=10):
                    self._log(f"leaving: manager {manager} drains this node")
                    return True
            except OSError as exc:  # HTTPError is one of them
                problem = f"{manager}: {exc}"
        raise SwarmError(f"No manager takes the notice ({problem}).")

    def _token(self) -> str:
        session = AwsSession(AwsOptions(region=self._settings.region))
        return Store(session.client("ssm"), self._settings.cluster).token("worker")

    def _leave(self) -> None:
        """Hand over as a manager, then leave. A manager whose loss would cost quorum stays until its end."""
        try:
            if self._engine.membership().manager and not self._hand_over():
                return
            self._engine.leave(force=False)
            self._log("left the swarm")
        except SwarmError as exc:
            self._log(f"leaving: {exc}")

    def _hand_over(self) -> bool:
        own = self._engine.node_id()
        deadline = time.monotonic() + _DEMOTION_TIME
        asked = False
        while time.monotonic() < deadline:
            if not self._engine.membership().manager:
                return True
            if not asked:
                nodes = self._engine.nodes()
                if not keeps_quorum(nodes, without=own):
                    self._log("leaving: the other managers could not decide without this one, so it stays a manager")
                    return False
                self._engine.change_node(next(node for node in nodes if node["ID"] == own), {"Role": "worker"})
                asked = True
            time.sleep(_PAUSE)
        return False
