# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a node leaves before its instance ends: notice, drain, hand over, leave."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import threading
import time
import typing as t
import urllib.error
import urllib.request
from dataclasses import dataclass

from ..._aws.session import AwsSession
from ..._errors import SwarmError
from ..._swarm.nodes import keeps_quorum
from ..engine import LocalEngine
from ..imds import Imds, ImdsError
from ..settings import Settings, session
from .house import Member
from .store import Store

Json = dict[str, t.Any]

# Managers are in the same VPC: never through a proxy.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

LEAVING_PATH = "/v1/leaving"
SIGNATURE_HEADER = "X-Swarm-Signature"
MAX_CLOCK_DIFFERENCE = 300.0
"""Seconds between the clocks of a node and a manager at which a notice is still taken."""

_REMEMBERED = 10_000  # notices; only members can sign one, and each takes less than 200 bytes

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

    :raises ImdsError: the service does not answer, or answers something that is no notice.
    """
    if imds.get("meta-data/autoscaling/target-lifecycle-state") == "Terminated":
        return Notice("its Auto Scaling group ends it", _HOOK_TIME)
    spot = imds.get("meta-data/spot/instance-action")
    if spot is None:
        return None
    # {"action": "terminate", "time": "2026-11-20T12:00:00Z"}. A page of some proxy is no reason to leave.
    try:
        action = str(json.loads(spot)["action"])
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise ImdsError(f"the instance metadata service gives a spot notice that cannot be read: {exc!r}") from exc
    return Notice(f"spot interruption: {action[:20]}", _SPOT_TIME)


def sign(token: str, body: bytes) -> str:
    """Return the signature of a notice: only members of the swarm know a join token."""
    return hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


def verify(tokens: t.Iterable[str], body: bytes, signature: str, sender: str, now: float) -> str:
    """Return the id of the node that a notice names.

    Every member knows the worker token, so the signature tells that a member speaks, not which one. Which one is told
    by the address that the connection came from, and a node may speak of itself only: see :func:`node_at`.

    :param sender: address that the notice came from.
    :param now: seconds since the epoch.
    :raises SwarmError: the notice is not from a member, too old, or about another node.
    """
    # As bytes: compare_digest raises TypeError for text beyond ASCII, and a header may hold that.
    given = signature.encode("utf-8", "surrogateescape")
    if not any(hmac.compare_digest(sign(token, body).encode(), given) for token in tokens):
        raise SwarmError("The notice is not signed with a join token of this swarm.")
    node_id, address, sent = _read(body)
    # Not the other way round: no comparison with NaN is true.
    if not abs(now - sent) <= MAX_CLOCK_DIFFERENCE:
        raise SwarmError(f"The notice is too old or from the future: {sent:.0f}, and here it is {now:.0f}.")
    if sender != address:
        raise SwarmError(f"The notice is about {address}, but comes from {sender}.")
    return node_id


def _read(body: bytes) -> tuple[str, str, float]:
    """Return node id, address and time of a notice.

    :raises SwarmError: it has another form.
    """
    try:
        data = json.loads(body)
        node_id, address, sent = data["node_id"], data["address"], data["time"]
        # A bool is an int to Python.
        if not (isinstance(node_id, str) and isinstance(address, str) and type(sent) in (int, float)):
            raise TypeError("node_id and address must be texts, time a number")
        return node_id, address, float(sent)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as exc:
        raise SwarmError(f"The notice has a wrong form: {exc}") from exc


def node_at(node_id: str, sender: str, nodes: t.Sequence[Json]) -> Json:
    """Return the node that a believed notice names, if it is at the sender's own address.

    :param nodes: the swarm's nodes as the engine tells of them.
    :raises SwarmError: there is no such node, or it is elsewhere.
    """
    for node in nodes:
        if node["ID"] == node_id and Member.from_engine(node).address == sender:
            return node
    raise SwarmError(f"The notice from {sender} names a node that is not there: {node_id[:64]!r}.")


class Seen:
    """Notices that were taken already: a copy of one does nothing. May be shared by threads.

    A copy is refused for as long as its time lets it pass, whether this manager's clock is ahead or behind.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def take(self, body: bytes, now: float) -> None:
        """Note a notice.

        :param now: seconds of a clock that never jumps.
        :raises SwarmError: it was noted before.
        """
        digest = hashlib.sha256(body).hexdigest()
        with self._lock:
            self._until = {name: until for name, until in self._until.items() if until > now}
            if digest in self._until:
                raise SwarmError("The notice was sent before; a new one has a new time.")
            if len(self._until) >= _REMEMBERED:
                del self._until[next(iter(self._until))]  # the oldest
            self._until[digest] = now + 2 * MAX_CLOCK_DIFFERENCE

    def forget(self, body: bytes) -> None:
        """Let a notice be sent again: nothing came of it."""
        with self._lock:
            self._until.pop(hashlib.sha256(body).hexdigest(), None)


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
        self._session: AwsSession | None = None  # workers alone need one, and it takes time to make

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
            node = self._own_node(self._engine.nodes(), own)
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
            except (OSError, http.client.HTTPException) as exc:  # HTTPError is one of the former
                problem = f"{manager}: {exc}"
        raise SwarmError(f"No manager takes the notice ({problem}).")

    @staticmethod
    def _own_node(nodes: t.Sequence[Json], own: str) -> Json:
        found = next((node for node in nodes if node["ID"] == own), None)
        if found is None:
            raise SwarmError("This node is not among those of its swarm.")
        return found

    def _token(self) -> str:
        if self._session is None:
            self._session = session(self._settings)
        return Store(self._session.client("ssm"), self._settings.cluster).token("worker")

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
                self._engine.change_node(self._own_node(nodes, own), {"Role": "worker"})
                asked = True
            time.sleep(_PAUSE)
        return False
