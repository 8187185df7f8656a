# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot work is said before anything is written, and judged on the swarm as it will be after the plan."""

from __future__ import annotations

import typing as t

import pytest
from stacks import content, network, reference, stack
from stacks import service as entry
from swarm_facts import Json, node, service, task

from ansible_collections.apiary.swarm.plugins.module_utils._swarm import constraints
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import StackModel
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import (
    LiveState,
    PlanOptions,
    StackPlan,
    order,
    plan_stack,
    to_tree,
)

IMAGE = "app:1@sha256:" + "1" * 64
NODES = (node("a", "manager"), node("b"))
GIB = 1024**3
REFUSED = ", which the engine refuses"


def _live(*services: Json, tasks: t.Sequence[Json] = (), nodes: t.Sequence[Json] = NODES, **more: t.Any) -> LiveState:
    return LiveState(list(services), list(tasks), list(nodes), **more)


def _entry(key: str, *ports: tuple[str, int], replicas: int = 1, **more: t.Any) -> t.Any:
    published = [{"TargetPort": 80, "PublishedPort": number, "PublishMode": mode} for mode, number in ports]
    endpoint: dict[str, t.Any] = {"EndpointSpec": {"Mode": "vip", "Ports": published}} if ports else {}
    return entry("shop", key, IMAGE, replicas, **endpoint, **more)


def _plan(model: StackModel, live: LiveState, base: t.Sequence[Json] = (), **options: t.Any) -> StackPlan:
    return plan_stack(model, live, {spec["Name"]: to_tree(spec) for spec in base}, PlanOptions(), **options)


def _names(plan: StackPlan) -> tuple[list[list[str]], list[str]]:
    found = order(plan.services)
    return [[item.name[5:] for item in wave] for wave in found.waves], [item.name[5:] for item in found.last]


# -- ports -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", ["ingress", "host"])
def test_d71_a_renamed_service_keeps_its_port(mode: str) -> None:
    old = service(_entry("web", (mode, 80)).spec)
    plan = _plan(stack("shop", _entry("api"), _entry("front", (mode, 80))), _live(old), [old["Spec"]])
    assert plan.blockers == []
    assert _names(plan) == ([["api", "web", "front"]], [])
    assert plan.warnings == [
        "service shop_web is removed before the others are changed: one of them takes its published port"
    ]


def test_d71_what_frees_no_port_goes_last() -> None:
    old = service(_entry("web", ("ingress", 80)).spec)
    plan = _plan(stack("shop", _entry("front", ("ingress", 81))), _live(old), [old["Spec"]])
    assert _names(plan) == ([["front"]], ["web"]) and plan.warnings == []


def test_d71_a_port_that_moves_is_freed_first_whatever_the_wave() -> None:
    live = [service(_entry("late", ("ingress", 80)).spec), service(_entry("early").spec)]
    model = stack(
        "shop", _entry("early", ("ingress", 80)), _entry("late", ("ingress", 81), wave=1), _entry("a", wave=1)
    )
    plan = _plan(model, _live(*live), [item["Spec"] for item in live])
    assert plan.blockers == [] and _names(plan) == ([["late", "early"], ["a"]], [])


def test_d71_an_exchange_is_refused() -> None:
    live = [service(_entry("a", ("ingress", 80)).spec), service(_entry("b", ("ingress", 81)).spec)]
    model = stack("shop", _entry("a", ("ingress", 81)), _entry("b", ("ingress", 80)))
    plan = _plan(model, _live(*live), [item["Spec"] for item in live])
    assert plan.blockers == [
        "services shop_a and shop_b exchange a published port, which the engine refuses in any "
        "order; give one of them another port first, in a deploy of its own"
    ]
    assert sorted(_names(plan)[0][0]) == ["a", "b"]


def test_d71_a_service_that_stays_keeps_its_port() -> None:
    old = service(_entry("old", ("ingress", 80)).spec)
    plan = plan_stack(stack("shop", _entry("web", ("ingress", 80))), _live(old), {}, PlanOptions(prune=False))
    assert plan.blockers == ["service shop_web: ingress port 80/tcp is taken by service shop_old"]


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ("ingress", "ingress", "service shop_b: ingress port 80/tcp is taken by service shop_a"),
        ("ingress", "host", f"service shop_b: host port 80/tcp is taken by service shop_a under another mode{REFUSED}"),
        (
            "host",
            "ingress",
            f"service shop_b: ingress port 80/tcp is taken by service shop_a under another mode{REFUSED}",
        ),
    ],
)
def test_d72_two_services_of_a_file_on_one_port(first: str, second: str, says: str) -> None:
    plan = _plan(stack("shop", _entry("a", (first, 80)), _entry("b", (second, 80))), _live())
    assert plan.blockers == [says]


def test_d72_host_ports_on_the_same_nodes_are_a_warning() -> None:
    model = stack("shop", _entry("a", ("host", 80)), _entry("b", ("host", 80)))
    plan = _plan(model, _live())
    assert plan.blockers + plan.warnings == [
        "services shop_a and shop_b both publish host port 80/tcp and may run on the same nodes: a "
        "node takes one task of them, others stay pending"
    ]
    apart = stack(
        "shop",
        _entry("a", ("host", 80), template={"Placement": {"Constraints": ["node.role==manager"]}}),
        _entry("b", ("host", 80), template={"Placement": {"Constraints": ["node.role==worker"]}}),
    )
    assert _plan(apart, _live()).warnings == []


def test_d72_a_port_that_the_engine_gave_away_is_taken() -> None:
    spec = entry("blog", "web", IMAGE, EndpointSpec={"Ports": [{"TargetPort": 80}]}).spec
    port = {"TargetPort": 80, "Protocol": "tcp", "PublishedPort": 30000, "PublishMode": "ingress"}
    theirs = {**service(spec), "Endpoint": {"Ports": [port]}}
    plan = _plan(stack("shop", _entry("a", ("ingress", 30000))), _live(theirs))
    assert plan.blockers == ["service shop_a: ingress port 30000/tcp is taken by service blog_web"]


def test_d72_within_one_service() -> None:
    twice = stack("shop", _entry("a", ("ingress", 80), ("host", 80)))
    assert _plan(twice, _live()).blockers == ["service shop_a: 80/tcp is published twice"]
    dnsrr = entry("shop", "a", IMAGE, EndpointSpec={"Mode": "dnsrr", "Ports": [{"TargetPort": 80}]})
    assert _plan(stack("shop", dnsrr), _live()).blockers == [
        "service shop_a: endpoint mode dnsrr has no address for ingress ports; publish them in mode host or use vip"
    ]


# -- room --------------------------------------------------------------------------------------------------------
def _needy(key: str = "web", replicas: int = 1, placement: Json | None = None, **reservations: t.Any) -> t.Any:
    template = {"Resources": {"Reservations": reservations}, "Placement": placement or {}}
    return entry("shop", key, IMAGE, replicas, template=template)


def _gpu(count: int) -> dict[str, t.Any]:
    return {"GenericResources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": count}}]}


@pytest.mark.parametrize(
    ("web", "says"),
    [
        (_needy(NanoCPUs=64 * 10**9), "a task reserves 64 CPUs, and no node that it may run on has more than 2 CPUs"),
        (
            _needy(MemoryBytes=500 * GIB),
            "reserves 500.00 GiB of memory, and no node that it may run on has more than 1",
        ),
        (_needy(**_gpu(1)), "a task reserves 1 gpu, and no node that it may run on has more than 0 gpu in all"),
        (_needy(replicas=5, NanoCPUs=10**9), "the 2 nodes that it may run on have room for 4 of its 5 tasks (a task"),
        (_needy(replicas=3, placement={"MaxReplicas": 1}), "room for 2 of its 3 tasks (max_replicas_per_node 1)"),
        (
            _needy(replicas=2, placement={"MaxReplicas": 1, "Constraints": ["node.role==worker"]}),
            "the one node that it may run on has room for 1 of its 2 tasks",
        ),
    ],
)
def test_d73_what_no_node_has(web: t.Any, says: str) -> None:
    assert says in _plan(stack("shop", web), _live()).blockers[0]
    alone = plan_stack(stack("shop", web), _live(), {}, PlanOptions())
    assert len(alone.blockers) == 1


def test_d73_all_of_it_on_one_node() -> None:
    nodes = [node("a", "manager", cpus=8), node("b", memory=8 * GIB)]
    web = _needy(NanoCPUs=4 * 10**9, MemoryBytes=4 * GIB)
    assert (
        "has all that a task reserves together (4 CPUs and 4.00 GiB of memory)"
        in _plan(stack("shop", web), _live(nodes=nodes)).blockers[0]
    )


def test_d73_generic_resources_that_nodes_have() -> None:
    named = [{"NamedResourceSpec": {"Kind": "gpu", "Value": f"u{number}"}} for number in (1, 2)]
    nodes = [node("a", "manager", generic=named), node("b", generic=_gpu(1)["GenericResources"])]
    assert _plan(stack("shop", _needy(replicas=3, **_gpu(1))), _live(nodes=nodes)).blockers == []
    assert "3 of its 4" in _plan(stack("shop", _needy(replicas=4, **_gpu(1))), _live(nodes=nodes)).blockers[0]


def test_d73_a_global_service_needs_room_on_every_node() -> None:
    nodes = [node("a", "manager"), node("b", memory=GIB // 4)]
    web = entry("shop", "web", IMAGE, Mode={"Global": {}}, template={
        "Resources": {"Reservations": {"MemoryBytes": GIB // 2}}})  # fmt: skip
    assert "and b cannot hold a task of it" in _plan(stack("shop", web), _live(nodes=nodes)).blockers[0]


def _started(web: t.Any, first: str = "start-first", **more: t.Any) -> tuple[Json, t.Any]:
    web.spec["UpdateConfig"] = {"Parallelism": 1, "Order": first}
    changed = entry("shop", "web", IMAGE, 2, {"A": "1"})
    changed.spec = {**web.spec, "TaskTemplate": {**web.spec["TaskTemplate"], "ForceUpdate": 0}}
    container = {**web.spec["TaskTemplate"]["ContainerSpec"], "Env": ["A=1"]}
    changed.spec["TaskTemplate"] = {**web.spec["TaskTemplate"], "ContainerSpec": container}
    return service(web.spec, **more), changed


@pytest.mark.parametrize("order_of_update", ["start-first", "stop-first"])
@pytest.mark.parametrize(
    "web",
    [_needy(replicas=2, placement={"MaxReplicas": 1}), _needy(replicas=2, NanoCPUs=2 * 10**9)],
    ids=["max", "cpus"],
)
def test_d73_start_first_needs_room_for_one_more(web: t.Any, order_of_update: str) -> None:
    live, changed = _started(web, order_of_update)
    tasks = [task(live, slot=1, on="a"), task(live, slot=2, on="b")]
    plan = _plan(stack("shop", changed), _live(live, tasks=tasks), [live["Spec"]])
    assert plan.services[0].restarts == 2
    assert bool(plan.blockers) == (order_of_update == "start-first")
    assert not plan.blockers or "start-first needs room for one more task" in plan.blockers[0]
    room = _live(live, tasks=tasks, nodes=[*NODES, node("c")])
    assert _plan(stack("shop", changed), room, [live["Spec"]]).blockers == []


def test_d73_what_is_not_free_now_is_a_warning() -> None:
    busy = service(entry("blog", "web", IMAGE, template={"Resources": {"Reservations": {"NanoCPUs": 15 * 10**8}}}).spec)
    tasks = [task(busy, slot=1, on="a"), task(busy, slot=2, on="b")]
    plan = _plan(stack("shop", _needy(replicas=2, NanoCPUs=10**9)), _live(busy, tasks=tasks))
    assert plan.blockers + plan.warnings == [
        "service shop_web: a task reserves 1 CPUs, and no node has as much unreserved (at most 0.5 CPUs)"
    ]
    plan = _plan(stack("shop", _needy(replicas=2, NanoCPUs=10**9)), _live(busy, tasks=tasks[:1]))
    assert plan.blockers + plan.warnings == []
    plan = _plan(stack("shop", _needy(replicas=3, NanoCPUs=10**9)), _live(busy, tasks=tasks[:1]))
    assert plan.blockers + plan.warnings == [
        "service shop_web: beside what others reserve there is room for 2 of its 3 tasks now",
        "all services together would reserve 4.5 CPUs and the nodes have 4 CPUs",
    ]


def test_d73_several_services_together() -> None:
    model = stack("shop", _needy("a", 2, NanoCPUs=10**9), _needy("b", 3, NanoCPUs=10**9))
    plan = _plan(model, _live())
    assert plan.blockers + plan.warnings == ["all services together would reserve 5 CPUs and the nodes have 4 CPUs"]


# -- fields, constraints, objects --------------------------------------------------------------------------------
def test_d63_what_the_engine_is_too_old_for() -> None:
    check = {"Healthcheck": {"Test": ["CMD", "true"], "StartInterval": 1}}
    model = stack("shop", entry("shop", "web", IMAGE, container=check))
    plan = _plan(model, _live(api_version="1.41"))
    assert plan.blockers == ["service shop_web: healthcheck.start_interval needs Engine API 1.44, the manager has 1.41"]
    assert _plan(model, _live(api_version="1.44")).blockers == [] == _plan(model, _live()).blockers


def test_d63_what_other_nodes_are_too_old_for() -> None:
    """A manager drops it from the spec that it has from another one, a worker from its containers."""
    check = {"Healthcheck": {"Test": ["CMD", "true"], "StartInterval": 1}}
    model = stack("shop", entry("shop", "web", IMAGE, container=check))
    new, old = node("m1", "manager", engine="29.0.0-rc.1"), node("m2", "manager", engine="20.10.24+dfsg1")
    workers = [node("w1", engine="24.0.9"), node("w2", engine="26.1.5+dfsg1"), node("w3", engine="dev")]
    plan = _plan(model, _live(nodes=[new, old, *workers], api_version="1.52"))
    name = "service shop_web: healthcheck.start_interval needs Docker 25"
    assert plan.blockers == [f"{name} on all managers; older: m2 (20.10.24+dfsg1)"]
    without = f"{name}; containers on these nodes start without it: m2 (20.10.24+dfsg1), w1 (24.0.9)"
    assert without in plan.warnings
    placed = entry(
        "shop", "web", IMAGE, container=check, template={"Placement": {"Constraints": ["node.hostname==w2"]}}
    )
    plan = _plan(stack("shop", placed), _live(nodes=[new, *workers], api_version="1.52"))
    assert plan.blockers == [] and "start_interval" not in "".join(plan.warnings)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("node.labels.owner == team@x", "the value in the constraint"),
        ("node.labels.a/b == x", "the attribute in the constraint"),
        ("node.role", "is not a constraint"),
        ("node.role == ", "the value in the constraint"),
        ("a==x", "the attribute in the constraint"),  # the engine wants two characters
    ],
)
def test_d75_constraints_that_the_engine_refuses(text: str, says: str) -> None:
    web = entry("shop", "web", IMAGE, template={"Placement": {"Constraints": [text]}})
    plan = _plan(stack("shop", web), _live())
    assert len(plan.errors) == 1 and says in plan.errors[0]


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("node.rol == manager", "did you mean node.role?"),
        ("node.hostnam!=x", "did you mean node.hostname?"),
        ("node.label.disk == ssd", "did you mean node.labels.NAME?"),
        ("disk == ssd", "only node.id, "),
    ],
)
def test_u23_an_unknown_attribute_is_named_with_the_nearest(text: str, nearest: str) -> None:
    assert nearest in constraints.unknown(text)
    web = entry("shop", "web", IMAGE, template={"Placement": {"Constraints": [text]}})
    assert nearest in _plan(stack("shop", web), _live()).blockers[0]


def test_d75_architectures_are_compared_as_nodes_say_them() -> None:
    web = entry("shop", "web", IMAGE, template={"Placement": {"Constraints": ["node.platform.arch==amd64"]}})
    assert (
        "matches none of the 2 nodes that take tasks; they say x86_64" in _plan(stack("shop", web), _live()).blockers[0]
    )


@pytest.mark.parametrize("kind", ["config", "secret"])
def test_d62_an_object_of_others_is_in_the_way(kind: str) -> None:
    thing = content("shop", "pw", "x")
    theirs = {"ID": "x", "Spec": {"Name": thing.name, "Data": thing.data, "Labels": {}}}
    model = stack("shop", **{f"{kind}s": {"pw": thing}})
    plan = _plan(model, _live(**{f"{kind}s": [theirs]}))
    says = f"{kind} {thing.name} exists and belongs to no stack: declare it as external or give it another name"
    assert plan.errors == [says] and not plan.changed


@pytest.mark.parametrize("kind", ["config", "secret"])
def test_d60_labels_of_configs_and_secrets_are_updated(kind: str) -> None:
    thing = content("shop", "pw", "x")
    live: dict[str, t.Any] = {"ID": "x", "Spec": {"Name": thing.name, "Labels": {**thing.spec["Labels"], "gone": "1"}}}
    if kind == "config":
        live["Spec"]["Data"] = thing.data
    thing.spec["Labels"]["team"] = "red"
    plan = _plan(stack("shop", **{f"{kind}s": {"pw": thing}}), _live(**{f"{kind}s": [live]}))
    assert (
        plan.changed and plan.objects[0].action == "update" and plan.objects[0].body["Labels"] == thing.spec["Labels"]
    )
    assert plan.text().splitlines() == [
        f"~ {kind} {thing.name}", "    - Labels.gone: 1", "    + Labels.team: red",
    ]  # fmt: skip


NET: Json = {
    "Id": "n", "Name": "shop_net", "Scope": "swarm", "Driver": "overlay", "Internal": False, "Attachable": True,
    "EnableIPv6": False, "Labels": {"com.docker.stack.namespace": "shop"},
    "Options": {"com.docker.network.driver.overlay.vxlanid_list": "4097"},
    "IPAM": {"Driver": "default", "Options": None, "Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "live", "says"),
    [
        ({}, {}, ""),
        ({"IPAM": {"Config": [{"Subnet": "10.0.1.5/24"}]}}, {}, ""),
        ({"Options": {"encrypted": ""}}, {}, 'driver_opts.encrypted none, the file says ""'),
        ({}, {"Options": {"encrypted": ""}}, 'driver_opts.encrypted "", the file says none'),
        ({"Options": {"mtu": "1"}}, {"Options": {"mtu": "2"}}, 'driver_opts.mtu "2", the file says "1"'),
        ({"Internal": True}, {}, "internal false, the file says true"),
        ({}, {"Internal": True}, "internal true, the file says false"),
        ({}, {"EnableIPv6": True}, "enable_ipv6 true, the file says false"),
        ({"Attachable": False}, {}, "attachable true, the file says false"),
        ({"Labels": {**NET["Labels"], "a": "b"}}, {}, 'labels.a none, the file says "b"'),
        ({}, {"Labels": {**NET["Labels"], "a": "b"}}, 'labels.a "b", the file says none'),
        ({"IPAM": {"Config": [{"Subnet": "10.0.2.0/24"}]}}, {}, "10.0.1.0/24 (gateway 10.0.1.1), the file says 10.0.2"),
        ({"IPAM": {"Driver": "x"}}, {}, "ipam driver default, the file says x"),
        ({"Driver": "weave"}, {}, "driver overlay, the file says weave"),
    ],
)
def test_d60_a_network_that_the_file_describes_otherwise(file: Json, live: Json, says: str) -> None:
    entry_of = network("shop", "net")
    entry_of.spec.update(file)
    plan = _plan(stack("shop", networks={"net": entry_of}), _live(networks=[{**NET, **live}]))
    assert len(plan.warnings) == bool(says) and says in "".join(plan.warnings) and not plan.changed


def test_d60_a_subnet_that_left_the_file() -> None:
    before = {"shop_net": {"IPAM": {"Config": [{"Subnet": "10.0.1.0/24"}]}}}
    model = stack("shop", networks={"net": network("shop", "net")})
    assert "the file says none any more" in _plan(model, _live(networks=[NET]), networks=before).warnings[0]


def test_u15_a_changed_secret_is_one_line() -> None:
    def web(*secrets: Json) -> t.Any:
        return entry("shop", "web", IMAGE, container={"Secrets": list(secrets)})

    old, new = (reference("Secret", content("shop", "pw", text)) for text in "ab")
    more = reference("Secret", content("shop", "more", "a"))
    live = service(web(old).spec)
    live["Spec"]["TaskTemplate"]["ContainerSpec"]["Secrets"] = [{**old, "SecretID": "x"}]

    def lines(*secrets: Json) -> list[str]:
        return _plan(stack("shop", web(*secrets)), _live(live), [web(old).spec]).text().splitlines()[1:]

    assert lines(new) == ["    ~ secret pw: new content"]
    assert lines() == ["    - secret pw"]
    assert lines(old, more) == ["    + secret more"]
    assert lines({**old, "File": {**old["File"], "Mode": 256}}) == [
        f"    ~ TaskTemplate.ContainerSpec.Secrets[{old['SecretName']}:pw].File.Mode: 292 -> 256"
    ]
    plan = _plan(stack("shop", web(new)), _live(live), [web(old).spec])
    assert plan.services[0].because == ["Secrets"] and len(plan.before_after()[1].splitlines()) == 1
