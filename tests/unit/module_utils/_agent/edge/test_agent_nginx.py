# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx's configuration: the whole of it by golden files that nginx itself has passed, details by table."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from edges import refusal

from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.nginx import EdgeOptions, Group, groups, render
from ansible_collections.apiary.swarm.plugins.module_utils._agent.edge.routes import Route, Routes, Task

GOLDENS = Path(__file__).parent / "goldens"


def tasks(*numbers: int) -> tuple[Task, ...]:
    return tuple(Task(f"task{n}", f"10.191.240.{n}") for n in numbers)


CASES = {
    "empty": Routes(),
    "one": Routes((Route("shop_web", 8080, tasks=tasks(1, 2)),)),
    "hosts": Routes(
        (
            Route("api", 80, "shop.example.org", "/api", "least_conn", tasks=tasks(1)),
            Route("web", 80, "shop.example.org", "/", "sticky", tasks=tasks(2, 3)),
            Route("blue", 80, "*.example.org", "/", "weighted", 9, tasks(4, 5)),
            Route("green", 80, "*.example.org", "/", "weighted", 1, tasks(6)),
            Route("status", 9000, "", "/status", tasks=tasks(7)),
            Route("down", 80, "down.example.org"),
        )
    ),
}
OPTIONS = EdgeOptions("node-1", trusted_proxies=("10.20.0.0/16",))


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    """Set UPDATE_GOLDENS=1 to write the files anew, and read the difference."""
    text, golden = render(CASES[name], OPTIONS), GOLDENS / f"{name}.conf"
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", CASES)
def test_nginx_takes_it(name: str, tmp_path: Path) -> None:
    assert refusal(CASES[name], tmp_path) == ""


def test_without_trusted_proxies_nobody_is_believed() -> None:
    text = render(Routes(), EdgeOptions("node-1"))
    assert "set_real_ip_from" not in text
    assert "map $scheme $edge_proto" in text


@pytest.mark.parametrize(
    ("routes", "shares"),
    [
        ((Route("a", 80, tasks=tasks(1, 2)),), [1, 1]),
        ((Route("a", 80, weight=9, tasks=tasks(1)), Route("b", 80, weight=1, tasks=tasks(2))), [9, 1]),
        # Three tasks share 90 per cent, one has 10: 30 to 10 for each.
        ((Route("a", 80, weight=90, tasks=tasks(1, 2, 3)), Route("b", 80, weight=10, tasks=tasks(4))), [3, 3, 3, 1]),
        ((Route("a", 80, weight=1, tasks=tasks(1)), Route("b", 80, weight=0, tasks=tasks(2))), [1]),
        ((Route("a", 80, weight=0, tasks=tasks(1, 2)),), [1, 1]),
        # The canary has all the traffic while the other has no task.
        ((Route("a", 80, weight=9), Route("b", 80, weight=1, tasks=tasks(1))), [1]),
        ((Route("a", 80),), []),
    ],
)
def test_weights(routes: tuple[Route, ...], shares: list[int]) -> None:
    assert [weight for _address, weight in Group("", "/", routes).servers()] == shares


def test_longest_path_first_and_hosts_inherit() -> None:
    found = groups(CASES["hosts"])
    assert list(found) == ["", "*.example.org", "down.example.org", "shop.example.org"]
    assert [group.path for group in found["shop.example.org"]] == ["/status", "/api", "/"]


def test_a_host_keeps_its_own_path() -> None:
    mine, all_hosts = Route("mine", 80, "a.org", "/x"), Route("all", 80, "", "/x")
    assert [r.service for group in groups(Routes((mine, all_hosts)))["a.org"] for r in group.routes] == ["mine"]


def test_upstreams_of_alike_names_are_told_apart() -> None:
    names = {Group(host, path, ()).name for host, path in (("a.b", "/"), ("a-b", "/"), ("a", "/b"), ("", "/a/b"))}
    assert len(names) == 4
