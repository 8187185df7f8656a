# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From services and tasks to the feed's document, and what labels may say."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge import routes
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.routes import Route, Routes, Task
from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError


def service(service_id: str, name: str, **labels: str) -> dict[str, t.Any]:
    return {"ID": service_id, "Spec": {"Name": name, "Labels": {f"edge.{key}": v for key, v in labels.items()}}}


def task(
    task_id: str, service_id: str, address: str, state: str = "running", desired: str = "running"
) -> dict[str, t.Any]:
    return {
        "ID": task_id,
        "ServiceID": service_id,
        "DesiredState": desired,
        "Status": {"State": state},
        "NetworksAttachments": [
            {"Network": {"Spec": {"Name": "ingress"}}, "Addresses": ["10.0.0.9/24"]},
            {"Network": {"Spec": {"Name": "edge"}}, "Addresses": [f"{address}/20"]},
        ],
    }


def collect(services: list[dict[str, t.Any]], tasks: list[dict[str, t.Any]]) -> Routes:
    return routes.collect(routes.routed(services), tasks, "edge")


def test_only_services_with_a_port_are_routed() -> None:
    assert list(
        routes.routed(
            [service("a", "a", port="80"), service("b", "b", host="x.org"), {"ID": "c", "Spec": {"Name": "c"}}]
        )
    ) == ["a"]


@pytest.mark.parametrize(
    ("state", "desired", "served"),
    [
        ("running", "running", True),
        ("starting", "running", False),  # its health check has not passed yet
        ("running", "shutdown", False),  # about to get its signal
        ("failed", "running", False),
        ("preparing", "running", False),
    ],
)
def test_task_is_an_upstream_while_it_runs_and_is_meant_to(state: str, desired: str, served: bool) -> None:
    found = collect([service("a", "web", port="80")], [task("t", "a", "10.191.240.5", state, desired)])
    assert found.routes[0].tasks == ((Task("t", "10.191.240.5"),) if served else ())


def test_task_without_an_address_on_the_edge_network_is_left_out() -> None:
    lost = {**task("t", "a", "10.1.1.1"), "NetworksAttachments": None}
    assert collect([service("a", "web", port="80")], [lost]).routes[0].tasks == ()


@pytest.mark.parametrize(
    ("labels", "route"),
    [
        ({"port": "80"}, Route("web", 80)),
        ({"port": "8080", "host": "Shop.Example.org", "path": "/api/"}, Route("web", 8080, "shop.example.org", "/api")),
        (
            {"port": "80", "host": "*.example.org", "balance": "sticky"},
            Route("web", 80, "*.example.org", "/", "sticky"),
        ),
        ({"port": "80", "balance": "weighted", "weight": "0"}, Route("web", 80, balance="weighted", weight=0)),
    ],
)
def test_labels(labels: dict[str, str], route: Route) -> None:
    found = collect([service("a", "web", **labels)], [])
    assert (found.routes, dict(found.problems or {})) == ((route,), {})


def test_document_is_stable_and_comes_back() -> None:
    one = collect(
        [service("a", "a", port="80"), service("b", "b", port="81")],
        [task("1", "a", "10.1.1.1"), task("2", "a", "10.1.1.2")],
    )
    other = collect(
        [service("b", "b", port="81"), service("a", "a", port="80")],
        [task("2", "a", "10.1.1.2"), task("1", "a", "10.1.1.1")],
    )
    assert one.to_json() == other.to_json()
    assert routes.version(one.to_json()) == routes.version(other.to_json())
    assert routes.parse(one.to_json()) == one


@pytest.mark.parametrize(
    "document",
    ["", "[]", '{"schema": 2}', '{"schema": 1}', '{"schema": 1, "routes": [{}], "problems": {}}'],
)
def test_wrong_documents_are_refused(document: str) -> None:
    with pytest.raises(SwarmError):
        routes.parse(document)


def test_a_document_cannot_smuggle_configuration() -> None:
    good = Routes((Route("web", 80, "x.org", tasks=(Task("t", "10.1.1.1"),)),)).to_json()
    for old, new in (("10.1.1.1", "10.1.1.1; }"), ("web", "web } #"), ("web", "web\\n")):
        with pytest.raises(SwarmError):
            routes.parse(good.replace(old, new))
    for new in ("x.org; return 200", "x.org\\n{"):
        assert routes.parse(good.replace("x.org", new)).routes == ()
