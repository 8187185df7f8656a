# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constraints, eligible nodes, majorities, and how a node is emptied."""

from __future__ import annotations

import copy

import pytest
from stacks import service as entry
from swarm_facts import Json, node, service

from ansible_collections.apiary.swarm.plugins.module_utils._swarm import constraints, nodes
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.drain import movable
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.marks import (
    constraints_of,
    is_marked,
    marks,
    shifted,
    unmarked,
    unshifted,
)
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import to_tree
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.writes import keep_placement

NODE = node(
    "ip-10-20-1-5", "manager", labels={"disk": "SSD"}, engine_labels={"gpu": "yes"}, address="10.20.1.5"
)  # fmt: skip


@pytest.mark.parametrize(
    ("constraint", "fits"),
    [
        ("node.id==id-ip-10-20-1-5", True), ("node.hostname == ip-10-20-1-5", True), ("node.hostname!=other", True),
        ("node.role==manager", True), ("node.role==Worker", False), ("node.labels.disk==ssd", True),
        ("node.labels.disk != ssd", False), ("node.labels.none==x", False), ("node.labels.none!=x", True),
        ("engine.labels.gpu==yes", True), ("node.platform.os==linux", True), ("node.platform.arch==x86_64", True),
        ("node.platform.arch==amd64", False), ("node.platform.arch!=amd64", True), ("node.ip==10.20.0.0/16", True),
        ("node.ip==10.20.1.5", True), ("node.ip!=10.20.0.0/16", False), ("node.ip==10.21.0.0/16", False),
        ("nonsense", False), ("node.unknown==x", False), ("node.unknown!=x", False), ("node.ip!=nonsense", False),
        ("node.ip==10.20.0.0/255.255.0.0", False), ("node.ip!=10.21.0.0/0.0.255.255", False),
        ("node.labels.disk==ss@d", False), ("node.labels.==x", False), ("NODE.Labels.disk == ssd", True),
        ("node.labels.Disk == ssd", False), ("node.labels.disk!=a==b", False),
    ],
)  # fmt: skip
def test_constraints(constraint: str, fits: bool) -> None:
    assert constraints.matches(NODE, constraint) is fits


def test_eligible() -> None:
    all_nodes = [node("a"), node("b", state="down"), node("c", availability="drain"), node("d", availability="pause"),
                 node("e", architecture="aarch64")]  # fmt: skip

    def names(**placement: object) -> list[str]:
        return [nodes.name_of(item) for item in nodes.eligible(all_nodes, {"Placement": placement})]

    assert names() == ["a", "e"]
    assert names(Constraints=["node.hostname!=a"]) == ["e"]
    assert names(Platforms=[{"OS": "linux", "Architecture": "amd64"}]) == ["a"]
    assert names(Platforms=[{"OS": "linux", "Architecture": "arm64"}]) == ["e"]
    assert names(Platforms=[{"OS": "linux", "Architecture": ""}]) == ["a", "e"]
    assert names(Platforms=[{"OS": "windows", "Architecture": "amd64"}]) == []


@pytest.mark.parametrize(
    ("up", "down", "leaver", "keeps"),
    [(3, 0, "m0", True), (2, 0, "m0", True), (1, 0, "m0", False), (2, 1, "m0", False), (2, 1, "d0", True),
     (4, 1, "m0", True), (3, 2, "m0", False), (3, 2, "d0", True), (2, 2, "d0", True), (1, 2, "d0", False)],
)  # fmt: skip
def test_majority_without_a_member(up: int, down: int, leaver: str, keeps: bool) -> None:
    members = [node(f"m{i}", "manager") for i in range(up)] + [node(f"d{i}", "manager", "down") for i in range(down)]
    assert nodes.keeps_quorum([*members, node("w")], f"id-{leaver}") is keeps


def _web(**more: object) -> Json:
    return service(entry("shop", "web", "app:1", **more).spec)  # type: ignore[arg-type]


def test_what_can_leave_a_node() -> None:
    pair = [node("a"), node("b")]
    assert movable(pair, _web(), "id-a", {"id-a"}) == ""
    assert "no other node may run it" in movable([node("a"), node("b", availability="drain")], _web(), "id-a", set())
    ports = {"Mode": "dnsrr", "Ports": [{"TargetPort": 1, "PublishedPort": 1, "PublishMode": "host"}]}
    assert movable(pair, _web(EndpointSpec=ports), "id-a", {"id-a"}) == ""
    assert "same host port" in movable(pair, _web(EndpointSpec=ports), "id-a", {"id-a", "id-b"})
    assert "not a replicated service" in movable(pair, _web(Mode={"Global": {}}), "id-a", {"id-a"})


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"template": {"Placement": {"Constraints": ["node.role==worker"], "MaxReplicas": 2}}},
        {"UpdateConfig": {"Order": "stop-first", "Parallelism": 2, "FailureAction": "rollback"}},
        {"UpdateConfig": None},
    ],
)
def test_moving_away_and_forgetting_it_leaves_the_service_as_it_was(more: Json) -> None:
    spec = entry("shop", "web", "app:1", **more).spec
    if spec["UpdateConfig"] is None:
        del spec["UpdateConfig"]
    before = copy.deepcopy(spec)
    moved = shifted(spec, "id-a")
    assert moved is not None and spec == before
    assert constraints_of(moved)[-2:] == marks("id-a") and is_marked(moved, "id-a") and not is_marked(moved, "id-b")
    assert moved.get("UpdateConfig") == before.get("UpdateConfig")
    assert shifted(moved, "id-a") is None and unshifted(moved, "id-b") is None
    back = unshifted(moved, "id-a")
    assert back is not None and to_tree(back, marked=True) == to_tree(before, marked=True)
    assert unshifted(back, "id-a") is None
    # Neither a plan nor a verdict sees a drain at work; what tasks were made with, the engine does.
    assert to_tree(moved) == to_tree(before) != to_tree(moved, marked=True)


def test_d52_placement_is_never_taken_away() -> None:
    none, some = (
        {"Name": "web", "TaskTemplate": template} for template in ({}, {"Placement": {"Constraints": ["a==b"]}})
    )
    empty = {"Name": "web", "TaskTemplate": {"Placement": {}}}
    assert (
        keep_placement(none) == empty and keep_placement(none, some) == empty and keep_placement(none, empty) == empty
    )
    assert keep_placement(none, none) == none and keep_placement(some, none) == some


def test_d52_a_constraint_of_the_services_own_is_left_alone() -> None:
    own = ["node.id!=id-a", "node.labels.disk==ssd"]
    spec = entry("shop", "web", "app:1", template={"Placement": {"Constraints": own}}).spec
    assert shifted(spec, "id-a") is None and unshifted(spec, "id-a") is None and unmarked(own) == own
    both = shifted(spec, "id-b")
    assert both is not None
    back = unshifted(both, "id-b")
    assert back is not None and constraints_of(back) == own


def test_d52_two_nodes_may_be_emptied_at_once() -> None:
    one = shifted(entry("shop", "web", "app:1").spec, "id-a")
    two = shifted(one, "id-b") if one else None
    left = unshifted(two, "id-a") if two else None
    assert left is not None and constraints_of(left) == marks("id-b")
