# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of placement on a real engine: which tasks go is the engine's decision, and the plan must know it."""

from __future__ import annotations

import typing as t

import pytest
from lab import until
from stacks import SECOND, service, stack
from workbench import Outcome, Swarm

Json = dict[str, t.Any]
SPREAD = [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}]
EVERYWHERE = ["node.platform.os==linux"]


def _ids(swarm: Swarm, name: str) -> set[str]:
    return {task["ID"] for task in swarm.tasks(name)}


def _restarts(outcome: Outcome) -> int:
    return int(outcome.data["plan"]["services"][0]["restarts"])


def _port(number: int) -> Json:
    return {"Mode": "dnsrr", "Ports": [{"TargetPort": 8080, "PublishedPort": number, "PublishMode": "host"}]}


@pytest.mark.parametrize(
    ("placement", "more"),
    [
        ({"MaxReplicas": 2}, {}),
        ({"Preferences": SPREAD}, {}),
        ({"MaxReplicas": 2, "Constraints": EVERYWHERE}, {}),
        ({"Preferences": SPREAD, "Constraints": EVERYWHERE}, {}),
        ({"MaxReplicas": 1}, {"EndpointSpec": _port(18080)}),
        ({"Preferences": SPREAD}, {"EndpointSpec": _port(18081)}),
        ({"Constraints": EVERYWHERE}, {"EndpointSpec": _port(18082)}),
    ],
    ids=["max", "preferences", "max-constraints", "preferences-constraints", "max-port", "preferences-port",
         "constraints-port"],
)  # fmt: skip
def test_d43_tasks_stay_where_their_nodes_still_satisfy_the_placement(
    swarm: Swarm, name: str, placement: Json, more: Json
) -> None:
    image, web = swarm.images["v1"], f"{name}_web"
    assert not swarm.stack(stack(name, service(name, "web", image, 2))).failed
    before = _ids(swarm, web)
    changed = swarm.stack(stack(name, service(name, "web", image, 2, template={"Placement": placement}, **more)))
    assert changed.changed and not changed.failed, changed.msg
    assert _restarts(changed) == 0 and _ids(swarm, web) == before and len(before) == 2
    kept = [text for text in changed.data["plan"]["warnings"] if "keep the ports that they have" in text]
    assert bool(kept) == bool(more)
    again = swarm.stack(stack(name, service(name, "web", image, 2, template={"Placement": placement}, **more)))
    assert not again.changed and not again.failed


def test_d43_a_task_that_stayed_has_its_old_placement_for_good(swarm: Swarm, name: str) -> None:
    """So that a port alone does not restart it either; a change of the task itself does."""
    image, web, few = swarm.images["v1"], f"{name}_web", {"Placement": {"MaxReplicas": 2}}
    assert not swarm.stack(stack(name, service(name, "web", image, 1))).failed
    assert not swarm.stack(stack(name, service(name, "web", image, 1, template=few))).failed
    before = _ids(swarm, web)
    ported = swarm.stack(stack(name, service(name, "web", image, 1, template=few, EndpointSpec=_port(18083))))
    assert not ported.failed and _restarts(ported) == 0 and _ids(swarm, web) == before
    env = service(name, "web", image, 1, {"A": "1"}, template=few, EndpointSpec=_port(18083))
    assert _restarts(swarm.stack(stack(name, env))) == 1 and not _ids(swarm, web) & before
    before = _ids(swarm, web)
    env = service(name, "web", image, 1, {"A": "1"}, template=few, EndpointSpec=_port(18084))
    assert _restarts(swarm.stack(stack(name, env))) == 1 and not _ids(swarm, web) & before


@pytest.mark.parametrize("mode", [{"Replicated": {"Replicas": 2}}, {"Global": {}}], ids=["replicated", "global"])
def test_d43_tasks_on_nodes_that_fit_no_more_are_replaced(swarm: Swarm, name: str, mode: Json) -> None:
    image, web = swarm.images["v1"], f"{name}_web"
    spread = {"Placement": {"MaxReplicas": 1} if "Replicated" in mode else {}}
    assert not swarm.stack(stack(name, service(name, "web", image, template=spread, Mode=mode))).failed
    before = _ids(swarm, web)
    manager = {"Placement": {"Constraints": ["node.role==manager"]}}
    moved = swarm.stack(stack(name, service(name, "web", image, template=manager, Mode=mode)))
    assert not moved.failed, moved.msg
    assert _restarts(moved) == 1 and len(_ids(swarm, web) & before) == 1 and len(before) == 2


def test_d43_a_service_of_another_tool_is_taken_over(swarm: Swarm, name: str) -> None:
    """docker_swarm_service pins the digest and knows nothing of platforms."""
    assert not swarm.module("service", name=name, image=swarm.images["v1"], update_config={"monitor": "1s"}).failed
    pinned = swarm.spec(name)["TaskTemplate"]["ContainerSpec"]["Image"]
    swarm.client.remove_service(name)
    swarm.create(
        {
            "Name": name,
            "TaskTemplate": {"ContainerSpec": {"Image": pinned}, "RestartPolicy": {"Delay": SECOND // 5}},
            "Mode": {"Replicated": {"Replicas": 1}},
            "UpdateConfig": {"Monitor": SECOND, "Parallelism": 1},
        }
    )
    until(lambda: swarm.tasks(name), "the task to run", 20)
    args: dict[str, t.Any] = {"name": name, "image": swarm.images["v1"], "labels": {"owner": "us"}, "wait_timeout": 20}
    taken = swarm.module("service", **args)
    assert taken.changed and not taken.failed, taken.msg
    assert _restarts(taken) == 0 and not swarm.module("service", **args).changed
