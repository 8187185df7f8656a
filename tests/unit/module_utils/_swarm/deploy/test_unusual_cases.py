# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Less usual cases of what other tests show for one: jobs in place of services, three in place of two, and the like."""

from __future__ import annotations

import base64
import copy
import gzip
import typing as t

import pytest
from stacks import service as entry
from stacks import stack
from swarm_facts import Json, node, task
from swarm_facts import service as live_service

from ansible_collections.apiary.swarm.plugins.module_utils._errors import (
    AnswerLost,
    Conflict,
    EngineError,
    NoLeader,
    PlanRefused,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments import service as arguments
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy import jobs, releases
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.apply import Applier
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.terms import Options, plan_deploy
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.way_back import undo
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import (
    LABEL_NAMESPACE,
    ObjectEntry,
    ServiceEntry,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import (
    LiveState,
    ObjectPlan,
    PlanOptions,
    ServicePlan,
    plan_stack,
    rewrite,
    to_tree,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.registry import auth
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch.terms import Verdict

EVERYWHERE: Json = {"GlobalJob": {}}
THRICE: Json = {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 3}}


def swarm(*services: Json, **objects: t.Any) -> LiveState:
    """Two nodes with these services."""
    return LiveState(list(services), [], [node("a", "manager"), node("b")], [], **objects)


class Store:
    """The part of an engine that keeps one service; its first answers to writes may be errors."""

    def __init__(self, service: Json | None = None, errors: t.Sequence[EngineError] = (), *tasks: Json) -> None:
        self.item, self.errors, self.calls, self.has = service, list(errors), list[str](), list(tasks)

    def __call__(self) -> Engine:
        return t.cast(Engine, self)

    def service(self, _name: str) -> Json | None:
        return copy.deepcopy(self.item)

    def services(self, _filters: t.Any = None) -> list[Json]:
        return [copy.deepcopy(self.item)] if self.item else []

    def networks(self, _filters: t.Any = None) -> list[Json]:
        return []

    def configs(self, _filters: t.Any = None) -> list[Json]:
        return []

    secrets = configs

    def tasks(self, _filters: t.Any = None) -> list[Json]:
        return self.has

    def create_service(self, spec: Json, _auth: str = "") -> str:
        self._write("create")
        if self.item is not None:
            raise Conflict("name conflicts with an existing object", 409)
        self.item = {**live_service(spec), "ID": "new"}
        return "new"

    def update_service(
        self, _id: str, _version: int, spec: Json, _auth: str = "", previous_login: bool = False
    ) -> None:
        self._write("update")
        assert self.item is not None
        self.item["Spec"] = spec

    def remove_service(self, service_id: str) -> bool:
        self._write("remove")
        assert self.item is not None and self.item["ID"] == service_id
        self.item = None
        return True

    def _write(self, call: str) -> None:
        self.calls.append(call)
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sleeps."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def idle_job(constraints: t.Sequence[str] = ()) -> tuple[ServiceEntry, LiveState]:
    """Return a job on all nodes, and a swarm in which the way back of a deploy has put it to rest."""
    template = {"Placement": {"Constraints": list(constraints)}} if constraints else {}
    job = entry("shop", "job", "x:1", Mode=EVERYWHERE, template=template)
    return job, swarm(live_service(jobs.idle(jobs.idle(job.spec))))


@pytest.mark.parametrize("constraints", [[], ["node.role==worker"]])
@pytest.mark.parametrize("purge", [False, True])
def test_d49_a_job_on_all_nodes_that_was_put_to_rest_runs_with_the_next_deploy(
    constraints: list[str], purge: bool
) -> None:
    job, live = idle_job(constraints)
    plan = plan_stack(stack("shop", job), live, {"shop_job": to_tree(job.spec)}, PlanOptions(purge=purge))
    (item,) = plan.services
    assert item.runs_again and not plan.blockers and not item.kept
    assert ((item.spec["TaskTemplate"].get("Placement") or {}).get("Constraints") or []) == constraints


@pytest.mark.parametrize("ended", [True, False])
def test_d49_what_has_no_task_for_a_moment_has_not_ended(ended: bool) -> None:
    policy = {"RestartPolicy": {"Condition": "on-failure"}}
    old, new = (entry("shop", "web", image, template=policy) for image in ("x:1", "x:2"))
    plan = plan_deploy(
        stack("shop", new), swarm(live_service(old.spec)), [], Options(), lambda plans: ["shop_web"] if ended else []
    )
    assert [item.runs_again for item in plan.services] == [ended]


def test_d49_a_service_of_somebody_who_wants_it_nowhere_stays_nowhere() -> None:
    web = entry("shop", "web", "x:1")
    live = swarm(
        live_service({**web.spec, "TaskTemplate": jobs.idle({**web.spec, "Mode": EVERYWHERE})["TaskTemplate"]})
    )
    (item,) = plan_stack(stack("shop", web), live, {"shop_web": to_tree(web.spec)}, PlanOptions()).services
    assert item.action == "none" and item.kept


@pytest.mark.parametrize("error", [NoLeader("no leader", 500), AnswerLost("reset")])
def test_d54_a_job_is_stopped_although_an_answer_is_lost(error: EngineError) -> None:
    store = Store(live_service(entry("shop", "job", "x:1", Mode=THRICE).spec), [error])
    jobs.remove(store(), store.services()[0])
    assert store.item is None and store.calls[-1] == "remove"


@pytest.mark.parametrize("error", [NoLeader("no leader", 500), AnswerLost("reset")])
def test_d54_a_login_is_sent_again_after_a_lost_answer(error: EngineError) -> None:
    store = Store(live_service(entry("shop", "web", "r.example.com/web:1").spec), [error, error])
    login = {"registry": "r.example.com", "username": "ci", "password": "secret"}
    assert auth.renew(store(), [login], store.services()).sent == ["shop_web"]


def _applier(store: Store, *services: Json) -> Applier:
    return Applier(store(), swarm(*services), lambda image: "")


@pytest.mark.parametrize("action", ["create", "recreate", "update"])
def test_d46_the_way_back_removes_no_service_of_somebody_else(action: t.Any) -> None:
    """Somebody made a service of the same name between the plan and the write."""
    before = live_service(entry("shop", "web", "web:1").spec) if action != "create" else None
    store = Store({**live_service(entry("shop", "web", "other:1").spec), "ID": "theirs"})
    applier = _applier(store)
    applier.applied.append(ServicePlan("shop_web", action, entry("shop", "web", "web:2").spec, before))
    if action == "create":
        assert undo(applier) == ([], {})
    else:
        with pytest.raises(PlanRefused, match="somebody else removed service shop_web meanwhile and made it anew"):
            undo(applier)
    assert store.calls == [] and store.item is not None and store.item["ID"] == "theirs"


def test_d43_the_way_back_waits_for_tasks_that_must_move_or_get_their_port_again() -> None:
    """What runs in them is what it was before; where they run and what they publish is not."""
    before = live_service({**_publishing("web", 80).spec, "Mode": {"Replicated": {"Replicas": 2}}})
    moved = copy.deepcopy(before["Spec"])
    moved["TaskTemplate"]["Placement"] = {"Constraints": ["node.hostname==b"]}
    placed = copy.deepcopy(before["Spec"])
    placed["TaskTemplate"]["Placement"] = {"Constraints": ["node.hostname==a"]}
    for was, new, goes in (
        (before["Spec"], _publishing("web", 81).spec, 2),
        (placed, moved, 2),
        (before["Spec"], moved, 0),
    ):
        live, now = {**before, "Spec": was}, {**before, "Spec": {**new, "Mode": before["Spec"]["Mode"]}}
        tasks = [task(now, slot=slot, on="b") for slot in (1, 2)]
        store = Store(now, [], *tasks)
        applier = _applier(store, live)
        applier.applied.append(ServicePlan("shop_web", "update", now["Spec"], live))
        ((expected,), removed) = undo(applier)
        assert len(expected.replaced) == goes and not removed


def test_d42_a_plan_says_that_a_paused_update_goes_on_with_any_change() -> None:
    old, now = entry("shop", "web", "x:1", 2), entry("shop", "web", "x:2", 2)
    live = live_service(now.spec, "paused")
    there = swarm(live)
    there.tasks = [task(live, slot=1), task(live, slot=2, spec=old.spec["TaskTemplate"])]
    label = entry("shop", "web", "x:2", 2, labels={"a": "b"})
    plan = plan_stack(stack("shop", label), there, {"shop_web": to_tree(now.spec)}, PlanOptions())
    assert plan.services[0].replaced == {there.tasks[1]["ID"]} and "its last update was paused" in str(plan.warnings)
    assert "restarts 1 task because" in plan.text() and "Image change" in plan.text()
    assert rewrite.goes_on(live, there.tasks) and not rewrite.goes_on(live, there.tasks[:1])


def test_d49_a_plan_says_that_tasks_that_have_ended_run_again() -> None:
    policy = {"RestartPolicy": {"Condition": "on-failure"}}
    once = entry("shop", "once", "x:1", 2, template=policy)
    there = swarm(live_service(once.spec))
    label = entry("shop", "once", "x:1", 2, template=policy, labels={"a": "b"})
    plan = plan_stack(stack("shop", label), there, {"shop_once": to_tree(once.spec)}, PlanOptions())
    assert "service shop_once: 2 of its tasks have ended and are not restarted (on-failure)" in str(plan.warnings)
    there.tasks = [task(there.services[0], slot=slot) for slot in (1, 2)]
    plan = plan_stack(stack("shop", label), there, {"shop_once": to_tree(once.spec)}, PlanOptions())
    assert "have ended" not in str(plan.warnings)


def test_d46_what_hinders_one_service_keeps_no_other_from_going_back() -> None:
    """Nor does a config whose labels are gone with it."""
    before = live_service(entry("shop", "web", "web:1").spec)
    store = Store({**before, "Spec": entry("shop", "web", "web:2").spec})
    applier = _applier(store, before)
    applier.relabelled.append(ObjectPlan("config", "shop_x", "update", object_id="gone", live={"Spec": {}}))
    job = live_service(entry("shop", "job", "x:1", Mode=THRICE).spec)
    applier.applied += [
        ServicePlan("shop_web", "update", entry("shop", "web", "web:2").spec, before),
        ServicePlan("shop_job", "recreate", job["Spec"], {**job, "ID": "elsewhere"}),
    ]
    with pytest.raises(PlanRefused, match="service shop_job meanwhile"):
        undo(applier)
    assert store.item is not None and store.item["Spec"]["TaskTemplate"] == before["Spec"]["TaskTemplate"]


def test_d55_a_job_that_cannot_be_removed_has_run_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wait", lambda *_args, **_named: {"shop_job": Verdict("converged", "done")})
    store = Store()

    def refuse(_service_id: str) -> bool:
        raise EngineError("no", 500)

    monkeypatch.setattr(store, "remove_service", refuse)
    spec = jobs.job_spec(entry("shop", "web", "web:1").spec, "shop_job", ["true"])
    assert jobs.run(store(), spec, swarm(), 5).succeeded


PACKED = gzip.compress(b'{"version": 1, "model": {}}', mtime=0)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"zstd, say", id="no gzip"),
        pytest.param(PACKED[:-9], id="cut off"),
        pytest.param(PACKED[:12] + b"\xff\xff" + PACKED[14:], id="broken"),
        pytest.param(gzip.compress(b"[1]", mtime=0), id="a list"),
        pytest.param(gzip.compress(b"\xff", mtime=0), id="no text"),
    ],
)
def test_d45_a_record_that_is_packed_in_another_way_keeps_its_number_and_its_lock(data: bytes) -> None:
    labels = {f"apiary.release.{key}": value for key, value in {"stack": "shop", "number": "3", "at": "now"}.items()}
    config = {"ID": "c", "Spec": {"Name": "x", "Labels": labels, "Data": base64.b64encode(data).decode()}}
    found = releases.read_release(config)
    assert found is not None and found.number == 3 and found.is_open and found.too_new and not found.readable


def _publishing(name: str, port: int) -> ServiceEntry:
    return entry("shop", name, "x:1", EndpointSpec={"Ports": [{"TargetPort": 80, "PublishedPort": port}]})


@pytest.mark.parametrize("number", [2, 3, 4])
def test_d71_an_exchange_in_a_circle_is_refused(number: int) -> None:
    names = "abcd"[:number]
    live = swarm(*(live_service(_publishing(key, 8000 + index).spec) for index, key in enumerate(names)))
    wanted = [_publishing(key, 8000 + (index + 1) % number) for index, key in enumerate(names)]
    (reason,) = plan_stack(stack("shop", *wanted), live, {}, PlanOptions()).blockers
    assert "exchange a published port" in reason and all(f"shop_{key}" in reason for key in names)


def test_d71_a_chain_is_no_circle() -> None:
    live = swarm(*(live_service(_publishing(key, 8000 + index).spec) for index, key in enumerate("abc")))
    wanted = [_publishing(key, 8001 + index) for index, key in enumerate("abc")]
    assert not plan_stack(stack("shop", *wanted), live, {}, PlanOptions()).blockers


@pytest.mark.parametrize("mode", [EVERYWHERE, THRICE], ids=["global", "replicated"])
@pytest.mark.parametrize(
    "needs",
    [
        {"NanoCPUs": 64 * 10**9},
        {"MemoryBytes": 2**40},
        {"GenericResources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 1}}]},
    ],
    ids=["cpus", "memory", "gpu"],
)
def test_d73_a_job_that_no_node_can_hold(mode: Json, needs: Json) -> None:
    job = entry("shop", "job", "x:1", Mode=mode, template={"Resources": {"Reservations": needs}})
    (reason,) = plan_stack(stack("shop", job), swarm(), {}, PlanOptions()).blockers
    assert "service shop_job: a task reserves" in reason


def test_d73_runs_of_a_job_need_no_room_at_the_same_time() -> None:
    for mode, cpus in ((THRICE, 2), ({"ReplicatedJob": {"MaxConcurrent": 9, "TotalCompletions": 0}}, 64)):
        needs = {"Resources": {"Reservations": {"NanoCPUs": cpus * 10**9}}}
        job = entry("shop", "job", "x:1", Mode=mode, template=needs)
        assert not plan_stack(stack("shop", job), swarm(), {}, PlanOptions()).blockers


@pytest.mark.parametrize("kind", ["config", "secret"])
@pytest.mark.parametrize("side", ["file", "live"])
def test_d60_who_fills_in_a_config_or_secret_cannot_change(kind: str, side: str) -> None:
    plain: Json = {"Name": "shop_x", "Labels": {LABEL_NAMESPACE: "shop"}}
    other: Json = {**plain, "Templating": {"Name": "golang"}}
    file, live = (other, plain) if side == "file" else (plain, other)
    item = ObjectEntry("x", "shop_x", base_name="shop_x", spec=file, data="eA==")
    there = swarm(**{f"{kind}s": [{"ID": "1", "Spec": {**live, "Data": "eA=="}}]})
    (reason,) = plan_stack(stack("shop", **{f"{kind}s": {"x": item}}), there, {}, PlanOptions()).errors
    assert reason.startswith(f"{kind} shop_x exists with another driver, driver_opts or template_driver")


@pytest.mark.parametrize(
    ("mount", "refused"),
    [
        ({"type": "volume", "source": "data", "target": "{{.Node.Hostname}}"}, False),
        ({"type": "bind", "source": "{{.Service.Name}}", "target": "/data"}, False),
        ({"type": "bind", "source": "data", "target": "/data"}, True),
        ({"type": "volume", "source": "data", "target": "data"}, True),
    ],
)
def test_d74_mounts_of_the_module_service_may_have_templates(mount: Json, refused: bool) -> None:
    assert bool(list(arguments._mounts([mount]))) == refused
