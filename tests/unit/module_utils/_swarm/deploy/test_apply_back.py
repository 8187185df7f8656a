# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of a first deploy: its networks go last, when no task can make them anew."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.apply import Applier
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.way_back import drop_created, undo
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import LiveState, ObjectPlan, ServicePlan

UP, DOWN = {"ID": "n1", "Status": {"State": "ready"}}, {"ID": "n2", "Status": {"State": "down"}}
OURS = {"label": ["com.docker.stack.namespace=shop"]}


class Engine:
    """An engine whose tasks go one by one, each time that it is asked for them.

    :ivar calls: what it was asked for, in order.
    """

    create_config = create_secret = remove_config = remove_secret = None  # there is none of them here

    def __init__(self, tasks: list[dict[str, str]]) -> None:
        self._tasks = tasks
        self._stays = {task["ID"] for task in tasks if task["NodeID"] == "n2"}
        self.calls: list[str] = []

    def create_network(self, spec: dict[str, t.Any]) -> str:
        return "net1"

    def create_service(self, spec: dict[str, t.Any], auth: str) -> str:
        return "new"

    def service(self, name: str) -> dict[str, str]:
        return {"ID": "new"}

    def remove_service(self, service_id: str) -> None:
        self.calls.append("remove service")

    def tasks(self, filters: t.Mapping[str, list[str]]) -> list[dict[str, str]]:
        assert filters == OURS
        found = list(self._tasks)
        going = next((task for task in found if task["ID"] not in self._stays and task["ServiceID"] == "new"), None)
        if going:
            self._tasks.remove(going)
        self.calls.append(f"{len(found)} tasks")
        return found

    def remove_network(self, network_id: str) -> bool:
        self.calls.append("remove network")
        return True

    def network(self, network_id: str) -> None:
        self.calls.append("look for network")


def _task(number: int, service: str = "new", node: str = "n1") -> dict[str, str]:
    return {"ID": f"t{number}", "ServiceID": service, "NodeID": node}


@pytest.mark.parametrize(
    ("tasks", "looks"),
    [
        ([], ["0 tasks"]),
        ([_task(1), _task(2)], ["2 tasks", "1 tasks", "0 tasks"]),
        ([_task(1), _task(2, service="older")], ["2 tasks", "1 tasks"]),
        ([_task(1), _task(2, node="n2")], ["2 tasks", "1 tasks"]),
    ],
    ids=["none", "all of them", "not those of other services", "not those of a node that is down"],
)
def test_networks_go_after_the_last_task(
    tasks: list[dict[str, str]], looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    engine = Engine(tasks)
    applier = Applier(t.cast(t.Any, engine), LiveState([], [], [UP, DOWN]), lambda image: "")
    applier.create_objects([ObjectPlan("network", "shop_net", "create")])
    spec = {"Name": "shop_web", "TaskTemplate": {"ContainerSpec": {"Image": "web:1"}}}
    applier.apply(ServicePlan("shop_web", "create", spec))
    assert undo(applier) == ([], {"shop_web": "new"})
    drop_created(applier, {"new"}, OURS)
    assert engine.calls == ["remove service", *looks, "remove network", "look for network"]


def test_without_new_networks_nothing_is_waited_for() -> None:
    engine = Engine([_task(1)])
    applier = Applier(t.cast(t.Any, engine), LiveState([], [], [UP]), lambda image: "")
    spec = {"Name": "shop_web", "TaskTemplate": {"ContainerSpec": {"Image": "web:1"}}}
    applier.apply(ServicePlan("shop_web", "create", spec))
    drop_created(applier, set(undo(applier)[1].values()), OURS)
    assert engine.calls == ["remove service"]
