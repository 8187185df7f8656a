# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that say nothing: which they are, how a call is made again, and what is looked at before a second write."""

from __future__ import annotations

import copy
import typing as t

import pytest
from stacks import service as entry
from swarm_facts import Json
from swarm_facts import service as live_service

from ansible_collections.apiary.swarm.plugins.module_utils._errors import (
    AnswerLost,
    Conflict,
    EngineError,
    EngineUnreachable,
    NoLeader,
    NotAManager,
    NotFound,
    OutOfSequence,
    PlanRefused,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm import retry, writes
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.apply import Applier
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.way_back import undo
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine, error_of
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import LiveState, ServicePlan, plan_update
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.registry.auth import renew

QUORUM = "It's possible that too few managers are online. Make sure more than half of the managers are online."


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only sleeping moves."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (500, f"rpc error: code = Unknown desc = The swarm does not have a leader. {QUORUM}", NoLeader),
        (503, f"The swarm does not have a leader. {QUORUM}", NoLeader),
        (500, "rpc error: code = DeadlineExceeded desc = context deadline exceeded", NoLeader),
        (503, "rpc error: code = Unavailable desc = all SubConns are in TransientFailure", NoLeader),
        (503, "connection error: desc = transport: Error while dialing dial tcp 10.0.0.1:2377: connect", NoLeader),
        (503, "rpc error: code = Unavailable desc = transport is closing", NoLeader),
        (500, "rpc error: code = Canceled desc = grpc: the client connection is closing", NoLeader),
        (500, "rpc error: code = Canceled desc = context canceled", NoLeader),
        (500, "transport is closing", NoLeader),
        (
            500,
            "rpc error: code = Unknown desc = raft: failed to process the request: node lost leader status",
            NoLeader,
        ),
        (
            503,
            "This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster.",
            NoLeader,
        ),
        (503, 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join"', NotAManager),
        (500, "rpc error: code = Unknown desc = update out of sequence", OutOfSequence),
        (500, "Get https://registry/v2/: dial tcp: lookup registry: connection refused", EngineError),
        (409, "rpc error: code = AlreadyExists desc = name conflicts with an existing object", Conflict),
    ],
)
def test_d54_answers_without_a_leader_are_known(status: int, words: str, kind: type[EngineError]) -> None:
    error = error_of("create service web", status, words)
    assert error.__class__ is kind and "rpc error" not in error.message


def test_a_registry_that_does_not_answer_is_no_lost_leader() -> None:
    words = "Get https://registry/v2/: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert error_of("look up image web", 500, words, of_swarm=False).__class__ is EngineError


def test_d54_a_call_is_made_again_for_half_a_minute(clock: list[float]) -> None:
    calls = []

    def call() -> str:
        calls.append(clock[0])
        if clock[0] < 20:
            raise NoLeader("no leader", 500)
        return "done"

    assert retry.until_answered(call) == "done" and 20 <= clock[0] < 21

    def never() -> str:
        raise NoLeader("no leader", 500)

    clock[0] = 0
    with pytest.raises(NoLeader):
        retry.until_answered(never)
    assert 28 <= clock[0] <= retry.PATIENCE


def test_other_errors_are_not_tried_again(clock: list[float]) -> None:
    for error in (EngineUnreachable("no socket"), EngineError("bad spec", 400)):

        def call(error: EngineError = error) -> None:
            raise error

        with pytest.raises(type(error)):
            retry.until_answered(call)
    assert clock[0] == 0


class Store:
    """The part of an engine that keeps services; some of its answers are lost.

    :ivar calls: writes that arrived.
    """

    def __init__(self, *services: Json, lost: t.Sequence[str] = (), refused: t.Sequence[str] = ()) -> None:
        self.items = {item["Spec"]["Name"]: item for item in services}
        self._lost, self._refused = list(lost), list(refused)
        self.calls: list[str] = []
        self.deaf = False
        self.between: t.Callable[[], None] = lambda: None

    def networks(self, _filters: t.Any = None) -> list[Json]:
        return []

    def tasks(self, _filters: t.Any = None) -> list[Json]:
        return []

    def service(self, name: str) -> Json | None:
        if self.deaf:
            raise AnswerLost("reset")
        found = self.items.get(name) or next((item for item in self.items.values() if item["ID"] == name), None)
        return copy.deepcopy(found)

    def create_service(self, spec: Json, _auth: str = "") -> str:
        self._arrives("create")
        if spec["Name"] in self.items:
            raise Conflict("name conflicts with an existing object", 409)
        self.items[spec["Name"]] = {"ID": "new", "Version": {"Index": 1}, "Spec": copy.deepcopy(spec)}
        self._answers("create")
        return "new"

    def update_service(
        self, service_id: str, version: int, spec: Json, _auth: str = "", previous_login: bool = False
    ) -> None:
        self.between()
        self._arrives("update")
        item = next((item for item in self.items.values() if item["ID"] == service_id), None)
        if item is None:
            raise NotFound("service not found", 404)
        if item["Version"]["Index"] != version:
            raise OutOfSequence("update out of sequence", 500)
        item["Spec"], item["Version"] = copy.deepcopy(spec), {"Index": version + 1}
        self._answers("update")

    def remove_service(self, service_id: str) -> bool:
        self._arrives("remove")
        self.items = {name: item for name, item in self.items.items() if item["ID"] != service_id}
        self._answers("remove")
        return True

    def _arrives(self, call: str) -> None:
        if call in self._refused:
            self._refused.remove(call)
            raise NoLeader("The swarm does not have a leader", 500)
        self.calls.append(call)

    def _answers(self, call: str) -> None:
        if call in self._lost:
            self._lost.remove(call)
            raise AnswerLost("reset")


def _web(image: str = "web:1", replicas: int = 2) -> Json:
    return entry("shop", "web", image, replicas).spec


def _applier(store: Store, *services: Json) -> Applier:
    return Applier(t.cast(Engine, store), LiveState(list(services), [], []), lambda image: "")


def _update(store: Store, spec: Json, base: Json | None = None) -> tuple[Applier, ServicePlan]:
    """Plan an update of the service as it is now."""
    live = copy.deepcopy(next(iter(store.items.values())))
    plan = plan_update(spec, live, None, {})
    assert plan.action == "update"
    return _applier(store, live), plan


@pytest.mark.parametrize("how", ["lost", "refused"])
def test_d46_a_create_is_carried_out_once(how: str) -> None:
    store = Store(**{how: ["create"]})
    plan = ServicePlan("shop_web", "create", _web())
    applier = _applier(store)
    applier.apply(plan)
    assert store.calls == ["create"] and applier.expected(plan).service_id == "new"


def test_d46_somebody_elses_service_of_the_same_name_is_not_taken_for_ours() -> None:
    store = Store(live_service(_web("other:1")), refused=["create"])
    with pytest.raises(Conflict):
        writes.create_service(t.cast(Engine, store), _web())


def _publishing(name: str, port: int) -> Json:
    spec = entry("shop", name, "web:1", 1).spec
    return {**spec, "EndpointSpec": {"Ports": [{"PublishedPort": port, "TargetPort": 80}] if port else []}}


class Allocator(Store):
    """A store that counts a port as taken for some writes after its service has given it away."""

    behind = 3

    def _arrives(self, call: str) -> None:
        if call == "create" and self.behind:
            self.behind -= 1
            words = "rpc error: code = InvalidArgument desc = port '80' is already in use by service 'shop_old' (x)"
            raise error_of("create service shop_new", 400, f"{words} as an ingress port")
        super()._arrives(call)


def test_a_port_that_was_just_given_away_is_waited_for() -> None:
    """The engine counts it until its allocator has come to the service that had it."""
    store = Allocator(live_service(_publishing("old", 80)))
    applier, frees = _update(store, _publishing("old", 0))
    applier.apply(frees)
    applier.apply(ServicePlan("shop_new", "create", _publishing("new", 80)))
    assert store.calls == ["update", "create"]


def test_a_port_that_nobody_gave_away_is_not_waited_for(clock: list[float]) -> None:
    store = Allocator(live_service(_publishing("old", 80)))
    with pytest.raises(EngineError, match="already in use"):
        _applier(store).apply(ServicePlan("shop_new", "create", _publishing("new", 80)))
    assert store.behind == 2 and clock[0] == 0


@pytest.mark.parametrize("how", ["lost", "refused"])
def test_d46_an_update_is_carried_out_once(how: str) -> None:
    store = Store(live_service(_web()), **{how: ["update"]})
    applier, plan = _update(store, _web("web:2"))
    applier.apply(plan)
    image = store.items["shop_web"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    assert store.calls == ["update"] and image == "web:2"


def test_d46_a_write_counts_before_its_answer() -> None:
    """The engine took the update and is never heard of again until the way back begins."""
    store = Store(live_service(_web()), lost=["update"])
    applier, plan = _update(store, _web("web:2"))
    store.deaf = True
    with pytest.raises(AnswerLost):
        applier.apply(plan)
    store.deaf = False
    expected, removed = undo(applier)
    image = store.items["shop_web"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    assert image == "web:1" and [item.name for item in expected] == ["shop_web"] and removed == {}


def test_d46_the_way_back_looks_a_create_up_by_its_name() -> None:
    store = Store(lost=["create"])
    applier = _applier(store)
    store.deaf = True
    with pytest.raises(AnswerLost):
        applier.apply(ServicePlan("shop_web", "create", _web()))
    store.deaf = False
    assert undo(applier) == ([], {"shop_web": "new"}) and store.items == {}


def test_d46_a_write_that_never_arrived_is_not_undone() -> None:
    store = Store(live_service(_web()), refused=["update"] * 100)
    applier, plan = _update(store, _web("web:2"))
    with pytest.raises(NoLeader):
        applier.apply(plan)
    store._refused.clear()
    undo(applier)
    assert store.calls == []


def _scale(store: Store, number: int) -> None:
    item = store.items["shop_web"]
    item["Spec"]["Mode"] = {"Replicated": {"Replicas": number}}
    item["Version"] = {"Index": item["Version"]["Index"] + 1}


def _scales_once(store: Store, number: int) -> None:
    def between() -> None:
        store.between = lambda: None
        _scale(store, number)

    store.between = between


def _number(store: Store) -> int:
    return int(store.items["shop_web"]["Spec"]["Mode"]["Replicated"]["Replicas"])


def test_d59_a_scale_between_plan_and_write_is_taken_along() -> None:
    store = Store(live_service(_web()))
    applier, plan = _update(store, _web("web:2"))
    _scales_once(store, 5)
    applier.apply(plan)
    assert _number(store) == 5 and store.calls == ["update", "update"]


def test_d59_a_number_that_the_deploy_changes_itself_wins() -> None:
    store = Store(live_service(_web()))
    applier, plan = _update(store, _web("web:2", replicas=3))
    _scales_once(store, 5)
    applier.apply(plan)
    assert _number(store) == 3
    lost = Store(live_service(_web()), refused=["update"])
    applier, plan = _update(lost, _web(replicas=3))
    applier.apply(plan)
    assert _number(lost) == 3


def test_d59_another_edit_is_not_overwritten() -> None:
    store = Store(live_service(_web()))
    applier, plan = _update(store, _web("web:2"))

    def edit() -> None:
        item = store.items["shop_web"]
        item["Spec"]["Labels"]["edited"] = "by hand"
        item["Version"] = {"Index": item["Version"]["Index"] + 1}

    store.between = edit
    with pytest.raises(PlanRefused, match="Somebody else changed service shop_web"):
        applier.apply(plan)


@pytest.mark.parametrize(("declared", "scaled", "after"), [(2, 5, 5), (2, 2, 2), (3, 3, 2), (3, 7, 7)])
def test_d59_the_way_back_keeps_what_somebody_scaled(declared: int, scaled: int, after: int) -> None:
    store = Store(live_service(_web()))
    applier, plan = _update(store, _web("web:2", replicas=declared))
    applier.apply(plan)
    _scale(store, scaled)
    undo(applier)
    image = store.items["shop_web"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    assert _number(store) == after and image == "web:1"


def _scaled_again(store: Store) -> None:
    item = store.items["shop_web"]
    item["Version"] = {"Index": item["Version"]["Index"] + 1}


def _moved_to_another_registry(store: Store) -> None:
    _scaled_again(store)
    store.items["shop_web"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] = "other.example.org/web:1"


@pytest.mark.parametrize(
    ("meanwhile", "calls", "left"),
    [
        (lambda store: None, ["update"], None),
        (_moved_to_another_registry, ["update"], "it is being written to all the time"),
        (_scaled_again, ["update"] * 6, "it is being written to all the time"),
        (lambda store: store.items.clear(), ["update"], "it was removed"),
    ],
)
def test_a_login_goes_with_what_a_service_is_when_it_is_written(
    meanwhile: t.Callable[[Store], None], calls: list[str], left: str | None
) -> None:
    """Other people's writes between reading and writing: never a login for another registry, never without an end."""
    store = Store(live_service(_web("r.example.org/web:1")))
    store.between = lambda: meanwhile(store)
    login = {"registry": "r.example.org", "username": "u", "password": "p"}
    done = renew(t.cast(Engine, store), [login], [copy.deepcopy(store.items["shop_web"])])
    assert store.calls == calls and [why.reason for why in done.left.values()] == ([left] if left else [])
