# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan says: actions, restarts, drift, warnings, refusals."""

from __future__ import annotations

import typing as t

import pytest
from stacks import content, network, stack
from stacks import service as entry
from swarm_facts import Json, node, service, task

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import NetworkEntry, Route, StackModel
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import (
    LiveState,
    PlanOptions,
    StackPlan,
    plan_absent,
    plan_stack,
    to_tree,
)

NODES = (node("a", "manager"), node("b"))


def _state(*services: Json, tasks: t.Sequence[Json] = (), nodes: t.Sequence[Json] = NODES, **more: t.Any) -> LiveState:
    return LiveState(list(services), list(tasks), list(nodes), **more)


def _web(image: str = "app:1@sha256:" + "1" * 64, replicas: int = 2, **more: t.Any) -> t.Any:
    return entry("shop", "web", image, replicas, **more)


def _plan(model: StackModel, live: LiveState, base: t.Mapping[str, t.Any] | None = None, **options: t.Any) -> StackPlan:
    return plan_stack(model, live, {key: to_tree(value) for key, value in (base or {}).items()}, PlanOptions(**options))


def _running(live: Json, count: int = 2) -> list[Json]:
    return [task(live, slot=slot, on="ab"[slot % 2]) for slot in range(1, count + 1)]


def test_nothing_to_do() -> None:
    live = service(_web().spec)
    plan = _plan(stack("shop", _web()), _state(live, tasks=_running(live)))
    assert not plan.changed and plan.text() == "nothing changes" and plan.before_after() == ("", "")


def test_create() -> None:
    plan = _plan(stack("shop", _web(env={"A": "1"})), _state())
    assert plan.services[0].action == "create"
    assert plan.text().splitlines() == [
        "+ service shop_web",
        "    + image app:1@sha256:111111111111",
    ]
    before, after = plan.before_after()
    assert before == "" and after.splitlines() == [
        "service shop_web",
        "shop_web: Name: shop_web",
        "shop_web: Labels[com.docker.stack.namespace]: shop",
        "shop_web: Labels[com.docker.stack.image]: app:1@sha256:111111111111",
        "shop_web: TaskTemplate.ContainerSpec.Image: app:1@sha256:111111111111",
        "shop_web: TaskTemplate.ContainerSpec.Env.A: (hidden)",
        "shop_web: TaskTemplate.ContainerSpec.Labels[com.docker.stack.namespace]: shop",
        "shop_web: TaskTemplate.RestartPolicy.Delay: 200000000",
        "shop_web: Mode.Kind: replicated",
        "shop_web: Mode.Replicas: 2",
        "shop_web: UpdateConfig.Parallelism: 0",
        "shop_web: UpdateConfig.Monitor: 1000000000",
        "shop_web: EndpointSpec.Mode: dnsrr",
    ]


@pytest.mark.parametrize(
    ("change", "restarts", "because"),
    [
        ({"env": {"A": "1"}}, 2, ["Env"]),
        ({"image": "app:2@sha256:" + "2" * 64}, 2, ["Image"]),
        ({"replicas": 3}, 0, []),
        ({"labels": {"team": "red"}}, 0, []),
        ({"UpdateConfig": {"Parallelism": 3}}, 0, []),
        ({"EndpointSpec": {"Mode": "dnsrr", "Ports": [{"TargetPort": 80, "PublishMode": "host"}]}}, 2, ["Ports"]),
        ({"template": {"Placement": {"Constraints": ["node.hostname==a"]}}}, 1, ["Placement"]),
        ({"template": {"Placement": {"Constraints": ["node.platform.os==linux"]}}}, 0, ["Placement"]),
        ({"template": {"Placement": {"MaxReplicas": 5}}}, 0, ["Placement"]),
        ({"template": {"LogDriver": {"Name": "json-file"}}}, 2, ["LogDriver"]),
    ],
)
def test_what_restarts_and_why(change: Json, restarts: int, because: list[str]) -> None:
    live = service(_web(template={}).spec)
    live["Spec"]["TaskTemplate"]["RestartPolicy"] = _web().spec["TaskTemplate"]["RestartPolicy"]
    plan = _plan(stack("shop", _web(**change)), _state(live, tasks=_running(live)))
    assert plan.services[0].action == "update"
    assert (plan.services[0].restarts, plan.services[0].because) == (restarts, because)


def test_a_part_that_stays_is_sent_exactly_as_it_is() -> None:
    live = service(_web(env={"B": "2", "A": "1"}).spec)
    live["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["B=2", "A=1"]
    live["Spec"]["TaskTemplate"]["Runtime"] = "container"
    plan = _plan(stack("shop", _web(env={"A": "1", "B": "2"}, labels={"x": "y"})), _state(live))
    assert plan.services[0].action == "update" and plan.services[0].restarts == 0
    assert plan.services[0].spec["TaskTemplate"] == live["Spec"]["TaskTemplate"]


def test_mode_change_needs_permission() -> None:
    live = service(_web().spec)
    model = stack("shop", _web(Mode={"Global": {}}))
    refused = _plan(model, _state(live, tasks=_running(live)))
    assert refused.text().splitlines() == [
        "! service shop_web: removed and created again, 2 tasks stop first",
        "    ~ Mode.Kind: replicated -> global",
        "    - Mode.Replicas: 2",
        (
            "refused: service shop_web: its mode changes from replicated to global, which needs removing and "
            "creating it again (2 tasks stop); allow_recreate: true allows that"
        ),
    ]
    assert _plan(model, _state(live), allow_recreate=True).blockers == []


def test_drift_of_others_is_kept_and_told() -> None:
    base = _web(env={"A": "1", "OLD": "1"}).spec
    live = service(_web(env={"A": "1", "OLD": "1", "THEIRS": "x"}, labels={"note": "hand"}).spec)
    plan = _plan(stack("shop", _web(env={"A": "1"})), _state(live), {"shop_web": base})
    assert plan.text().splitlines() == [
        "~ service shop_web: restarts nothing",
        "    - TaskTemplate.ContainerSpec.Env.OLD: (hidden)",
        "      Labels.note: hand (not declared, kept)",
        "      TaskTemplate.ContainerSpec.Env.THEIRS: (hidden) (not declared, kept)",
    ]
    strict = _plan(stack("shop", _web(env={"A": "1"})), _state(live), {"shop_web": base}, purge=True)
    assert strict.text().splitlines() == [
        "~ service shop_web: restarts nothing",
        "    - Labels.note: hand",
        "    - TaskTemplate.ContainerSpec.Env.OLD: (hidden)",
        "    - TaskTemplate.ContainerSpec.Env.THEIRS: (hidden)",
    ]


def test_a_declared_field_that_somebody_changed_goes_back_and_says_so() -> None:
    base = _web(env={"A": "1"}).spec
    live = service(_web(env={"A": "2"}).spec)
    plan = _plan(stack("shop", _web(env={"A": "1"})), _state(live), {"shop_web": base})
    assert plan.text().splitlines() == [
        "~ service shop_web: restarts nothing",
        (
            "    ~ TaskTemplate.ContainerSpec.Env.A: (hidden) old value -> (hidden) new value  (changed by "
            "somebody else, set back)"
        ),
    ]


@pytest.mark.parametrize(("file", "live_count", "wanted"), [(2, 5, 5), (3, 5, 3), (2, 0, 0)])
def test_replicas_of_an_autoscaler_stay_until_the_file_changes_its_mind(
    file: int, live_count: int, wanted: int
) -> None:
    live = service(_web(replicas=live_count).spec)
    model = stack("shop", _web(replicas=file, env={"A": "1"}))
    plan = _plan(model, _state(live), {"shop_web": _web(replicas=2).spec})
    assert plan.services[0].spec["Mode"]["Replicated"]["Replicas"] == wanted


def test_new_content_under_the_same_tag_is_named() -> None:
    live = service(_web().spec)
    plan = _plan(stack("shop", _web("app:1@sha256:" + "2" * 64)), _state(live))
    assert plan.text().splitlines() == [
        "~ service shop_web: restarts nothing",
        "    ~ Labels[com.docker.stack.image]: app:1@sha256:111111111111 -> app:1@sha256:222222222222",
        (
            "    ~ TaskTemplate.ContainerSpec.Image: app:1@sha256:111111111111 -> app:1@sha256:222222222222  "
            "(new content under the same tag)"
        ),
    ]


def test_services_that_left_the_file() -> None:
    gone = service(entry("shop", "old", "app:1").spec)
    other = service(entry("blog", "web", "app:1").spec)
    assert _plan(stack("shop"), _state(gone, other)).text() == "- service shop_old"
    assert _plan(stack("shop"), _state(gone, other), prune=False).text() == "nothing changes"


def test_names_of_others_are_refused() -> None:
    theirs = service({**_web().spec, "Labels": {"com.docker.stack.namespace": "blog"}})
    plan = _plan(stack("shop", _web()), _state(theirs))
    assert plan.text().splitlines() == [
        "nothing changes",
        (
            "refused: service shop_web exists and belongs to stack blog, not to stack shop: choose another "
            "stack name or remove that service first"
        ),
    ]
    net = network("shop", "net")
    foreign = {"Id": "n", "Name": net.name, "Scope": "swarm", "Driver": "overlay", "Labels": {}}
    plan = _plan(stack("shop", networks={"net": net}), _state(networks=[foreign]))
    assert plan.text().splitlines() == [
        "nothing changes",
        ("refused: network shop_net exists and belongs to no stack: declare it as external or give it another name"),
    ]


def test_external_things_must_exist() -> None:
    model = stack("shop", networks={"x": NetworkEntry("x", "edge", external=True)})
    assert _plan(model, _state()).errors == ["network edge is declared external and does not exist in the swarm"]
    local = {"Id": "n", "Name": "edge", "Scope": "local"}
    assert _plan(model, _state(networks=[local])).text().splitlines() == [
        "nothing changes",
        "refused: network edge exists on this node only, services need one of scope swarm",
    ]
    host = stack("shop", networks={"x": NetworkEntry("x", "host", external=True)})
    assert _plan(host, _state()).errors == []


def test_a_config_with_a_fixed_name_cannot_change() -> None:
    config = content("shop", "conf", "new")
    old: dict[str, t.Any] = {"ID": "c", "Spec": {"Name": config.name, "Data": "b2xk", "Labels": config.spec["Labels"]}}
    plan = _plan(stack("shop", configs={"conf": config}), _state(configs=[old]))
    assert plan.text().splitlines() == [
        "nothing changes",
        (
            "refused: config shop_conf_11507a0e2f5e exists with other content and cannot change: leave its "
            "name out of the file, then each content gets a name of its own"
        ),
    ]
    old["Spec"]["Data"] = config.data
    assert not _plan(stack("shop", configs={"conf": config}), _state(configs=[old])).changed


def _blockers(web: t.Any, *others: Json, tasks: t.Sequence[Json] = (), nodes: t.Sequence[Json] = NODES) -> list[str]:
    return _plan(stack("shop", web), _state(*others, tasks=tasks, nodes=nodes)).blockers


def test_what_no_node_can_run() -> None:
    def placed(*constraints: str, **more: t.Any) -> t.Any:
        return _web(template={"Placement": {"Constraints": list(constraints), **more}})

    assert _blockers(placed("node.labels.disk==ssd")) == [
        'service shop_web: constraint "node.labels.disk==ssd" matches none of the 2 nodes that take tasks',
    ]
    assert _blockers(placed("node.hostname==a", "node.role==worker")) == [
        ("service shop_web: no node satisfies all its constraints together (node.hostname==a, node.role==worker)"),
    ]
    arm = placed(Platforms=[{"OS": "linux", "Architecture": "arm64"}])
    assert _blockers(arm) == [
        "service shop_web: its image is built for linux/arm64 and no node is of that kind",
    ]
    assert _blockers(_web(), nodes=[node("a", availability="drain")]) == [
        "service shop_web: no node is ready and active"
    ]
    assert _blockers(_web(replicas=0, template={"Placement": {"Constraints": ["node.hostname==z"]}})) == []
    assert _blockers(placed("node.hostname==a")) == []


def test_ports_that_are_taken() -> None:
    def on(mode: str, port: int) -> Json:
        return {"Mode": "vip", "Ports": [{"TargetPort": 80, "PublishedPort": port, "PublishMode": mode}]}

    theirs = service({**entry("blog", "web", "app:1", EndpointSpec=on("ingress", 80)).spec})
    assert _blockers(_web(EndpointSpec=on("ingress", 80)), theirs) == [
        "service shop_web: ingress port 80/tcp is taken by service blog_web",
    ]
    hosted = service({**entry("blog", "web", "app:1", EndpointSpec=on("host", 80)).spec})
    plan = _plan(stack("shop", _web(EndpointSpec=on("host", 80))), _state(hosted, tasks=_running(hosted)))
    assert plan.text().splitlines() == [
        "+ service shop_web",
        "    + image app:1@sha256:111111111111",
        "warning: service shop_web: host port 80/tcp is taken by service blog_web on some of its nodes",
    ]


def test_start_first_with_a_host_port_needs_a_free_node() -> None:
    ports = {"Mode": "dnsrr", "Ports": [{"TargetPort": 80, "PublishedPort": 80, "PublishMode": "host"}]}
    fields: dict[str, t.Any] = {"EndpointSpec": ports, "UpdateConfig": {"Order": "start-first"}}
    live = service(_web(**fields).spec)
    fresh = _web(env={"A": "1"}, **fields)
    assert _blockers(fresh, live, tasks=_running(live)) == [
        (
            "service shop_web: update order start-first cannot work with host port 80: every node that it "
            "may run on already has a task holding the port; use order stop-first or add a node"
        ),
    ]
    assert _blockers(fresh, live, tasks=_running(live, 1)) == []


def test_second_thoughts() -> None:
    routed = _web("app:1")
    routed.routes = [Route(80)]
    hungry = {"Resources": {"Reservations": {"MemoryBytes": 2 * 1024**3}}}
    assert _plan(stack("shop", routed), _state()).text().splitlines() == [
        "+ service shop_web",
        "    + image app:1",
        (
            "warning: service shop_web has a route and declares no health check: unless its image has one, "
            "it gets requests before it can answer them"
        ),
        "warning: service shop_web: image app:1 is not pinned to a digest, nodes may differ",
    ]
    large = [node(name, memory=2 * 1024**3) for name in "ab"]
    busy = [task(service(entry("blog", "web", "app:1", template=hungry).spec), on=name) for name in "ab"]
    assert _plan(stack("shop", _web(template=hungry)), _state(nodes=large, tasks=busy)).text().splitlines() == [
        "+ service shop_web",
        "    + image app:1@sha256:111111111111",
        (
            "warning: service shop_web: a task reserves 2.00 GiB of memory, and no node has as much "
            "unreserved (at most 0.00 GiB of memory)"
        ),
    ]


def _on(name: str, replicas: int, mode: str = "dnsrr", key: str = "web") -> t.Any:
    fields: dict[str, t.Any] = {"EndpointSpec": {"Mode": mode}, "template": {"Networks": [{"Target": name}]}}
    return entry("shop", key, "app:1@sha256:" + "1" * 64, replicas, **fields)


SMALL = {"Id": "n1", "Name": "small", "Labels": {}, "IPAM": {"Config": [{"Subnet": "10.9.0.0/28"}]}}


@pytest.mark.parametrize(
    ("replicas", "mode", "others", "need"),
    [(11, "dnsrr", 0, 0), (12, "dnsrr", 0, 14), (11, "vip", 0, 14), (5, "dnsrr", 7, 14), (5, "dnsrr", 6, 0)],
)
def test_network_with_fewer_addresses_than_tasks(replicas: int, mode: str, others: int, need: int) -> None:
    theirs = {**entry("blog", "web", "app:1", others).spec, "EndpointSpec": {"Mode": "dnsrr"}}
    theirs["TaskTemplate"]["Networks"] = [{"Target": "n1"}]
    live = _state(*([service(theirs)] if others else []), networks=[SMALL])
    model = stack("shop", _on("small", replicas, mode))
    model.networks = {"small": NetworkEntry("small", "small", external=True)}
    found = [text for text in _plan(model, live).warnings if "addresses" in text]
    assert [f"small has 13 addresses to give and its services need {need}" in text for text in found] == [True] * bool(
        need
    )


def test_network_to_be_made_warns_when_its_subnet_is_told() -> None:
    made = network("shop", "net")
    model = stack("shop", _on("shop_net", 300))
    model.networks = {"net": made}
    assert _plan(model, _state()).warnings == []
    made.spec["IPAM"] = {"Config": [{"Subnet": "fd00::/64"}, {"Subnet": "10.9.0.0/24"}]}
    assert _plan(model, _state()).text().splitlines() == [
        "+ network shop_net",
        "+ service shop_web",
        "    + image app:1@sha256:111111111111",
        (
            "warning: network shop_net has 253 addresses to give and its services need 302, for tasks, "
            "virtual IPs and nodes: some tasks would stay pending; give it a larger subnet (ipam) or use "
            "several networks"
        ),
    ]


def test_more_tasks_in_a_network_that_is_there() -> None:
    live = service(_on("n1", 5).spec)
    found = {"Id": "n1", "Name": "shop_net", "Labels": {"com.docker.stack.namespace": "shop"}, "IPAM": SMALL["IPAM"]}
    model = stack("shop", _on("shop_net", 20))
    model.networks = {"net": network("shop", "net")}
    plan = _plan(model, _state(live, networks=[found]))
    assert plan.text().splitlines() == [
        "~ service shop_web: restarts nothing",
        "    ~ Mode.Replicas: 5 -> 20",
        (
            "warning: network shop_net has driver None, the file says overlay: a network cannot change while "
            "it exists, remove the stack first"
        ),
        (
            "warning: network shop_net has attachable false, the file says true: a network cannot change "
            "while it exists, remove the stack first"
        ),
        (
            "warning: network shop_net has 13 addresses to give and its services need 22, for tasks, virtual "
            "IPs and nodes: some tasks would stay pending; give it a larger subnet (ipam) or use several "
            "networks"
        ),
    ]


def test_absent_takes_what_carries_the_stacks_label_and_nothing_else() -> None:
    own = {"com.docker.stack.namespace": "shop"}
    live = _state(
        service(_web().spec),
        service(entry("blog", "web", "app:1").spec),
        networks=[{"Id": "n1", "Name": "shop_net", "Labels": own}, {"Id": "n2", "Name": "shop_other", "Labels": {}}],
        configs=[{"ID": "c1", "Spec": {"Name": "shop_c", "Labels": own}}],
        secrets=[{"ID": "s1", "Spec": {"Name": "shop_s"}}],
    )
    plan = plan_absent("shop", live)
    assert plan.text().splitlines() == ["- config shop_c", "- network shop_net", "- service shop_web"]
