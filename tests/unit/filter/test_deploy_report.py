# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy says at its end: each thing once, and of many alike things one line."""

from __future__ import annotations

import typing as t

from ansible_collections.apiary.swarm.plugins.filter.deploy_report import deploy_report


def service(number: int, state: str = "converged", action: str = "update") -> dict[str, t.Any]:
    name = f"shop_s{number}"
    return {"name": name, "action": action, "image": "app:2", "state": state, "running": 1, "wanted": 1}


def test_u14_a_small_plan_is_shown_as_it_is_without_warnings() -> None:
    plan = [
        "~ service shop_s1: restarts 1 tasks because Image change",
        "    ~ Image: 1 -> 2",
        "warning: no health check",
    ]
    result = {"summary": plan, "services": [service(1)], "release": {"number": 2, "outcome": "converged"}}
    assert deploy_report(result) == [
        *plan[:2],
        "",
        "name     action  image  state      running  wanted",
        "shop_s1  update  app:2  converged  1        1",
        "",
        "Release 2, converged",
    ]
    assert deploy_report(result, planned=True) == plan[:2]
    assert deploy_report({"summary": []}, planned=True) == ["nothing changes"]


def test_u14_five_hundred_services_are_summed_up() -> None:
    plan: list[str] = []
    for number in range(500):
        plan += [f"~ service shop_s{number}: restarts 1 tasks because Image change", "    ~ Image: 1 -> 2"]
    plan += ["+ network shop_back", "- service shop_old: stops 2 tasks"]
    services = [service(number, "failed" if number == 7 else "converged") for number in range(500)]
    lines = deploy_report({"summary": plan, "services": services})
    assert lines[:3] == [
        "~ 500 services: restarts 1 tasks because Image change: shop_s0, shop_s1, shop_s2 and 497 more",
        "+ network shop_back",
        "- service shop_old: stops 2 tasks",
    ]
    assert len(lines) < 40 and lines[5].startswith("shop_s7 ") and lines[-1] == "and 470 more services, all converged"


def test_u14_migrations_are_told_with_their_lines() -> None:
    ran = {"service": "shop_api", "node": "n1", "seconds": 2, "command": "migrate", "logs": ["done"]}
    lines = deploy_report({"summary": ["+ service shop_api"], "services": [], "migrations": [ran]})
    assert lines[-2:] == ["Migration of shop_api on n1, 2 s: migrate", "done"]
