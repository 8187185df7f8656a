# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that carry out a plan, whole: whoever takes them decides nothing any more."""

from __future__ import annotations

import typing as t

from stacks import content, network, reference, stack
from stacks import service as entry
from swarm_facts import Json, node, service

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.apply import Applier
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy.terms import Options, plan_deploy
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import Migration, StackModel
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import LiveState
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan.steps import Make, steps


def _live(*services: Json, **more: t.Any) -> LiveState:
    return LiveState(list(services), [], [node("a", "manager"), node("b")], **more)


def _steps(model: StackModel, live: LiveState, waits: bool = True, **options: t.Any) -> list[str]:
    return [str(step) for step in steps(plan_deploy(model, live, [], Options(**options)), waits)]


def _port(number: int) -> Json:
    return {"EndpointSpec": {"Mode": "vip", "Ports": [{"TargetPort": 80, "PublishedPort": number}]}}


def test_a_first_deploy_wave_by_wave() -> None:
    model = stack(
        "shop", entry("shop", "db", "db:1"),
        entry("shop", "api", "api:1", wave=1), entry("shop", "web", "web:1", wave=1),
        networks={"net": network("shop", "net")}, configs={"conf": content("shop", "conf", "x")},
        migrate=[Migration("api", ["./migrate", "up"])],
    )  # fmt: skip
    assert _steps(model, _live()) == [
        "make network shop_net (create), config shop_conf_2d711642b726 (create)",
        "migrate shop_api: ./migrate up",
        "write shop_db (create)",
        "wait for shop_db",
        "write shop_api (create), shop_web (create)",
        "wait for shop_db, shop_api, shop_web",
    ]
    assert _steps(model, _live(), waits=False) == [
        "make network shop_net (create), config shop_conf_2d711642b726 (create)",
        "migrate shop_api: ./migrate up",
        "write shop_db (create)",
        "write shop_api (create), shop_web (create)",
    ]


def test_what_stays_is_waited_for_once_at_the_end() -> None:
    first, last = entry("shop", "db", "db:1"), entry("shop", "web", "web:1", wave=2)
    api = entry("shop", "api", "api:1", wave=1)
    live = _live(service(first.spec), service(api.spec), service(last.spec))
    changed = entry("shop", "api", "api:2", wave=1)
    assert _steps(stack("shop", first, changed, last), live) == [
        "make nothing",
        "write shop_api (update)",
        "wait for shop_db, shop_api",
        "wait for shop_db, shop_api, shop_web",
    ]


def test_removals_come_last_unless_they_free_a_port() -> None:
    old, idle = entry("shop", "old", "web:1", **_port(80)), entry("shop", "idle", "web:1")
    live = _live(service(old.spec), service(idle.spec))
    model = stack("shop", entry("shop", "api", "api:1"), entry("shop", "web", "web:2", wave=1, **_port(80)))
    assert _steps(model, live) == [
        "make nothing",
        "write shop_api (create)",
        "wait for shop_api",
        "write shop_old (remove), shop_web (create)",
        "wait for shop_api, shop_web",
        "write shop_idle (remove)",
    ]


def test_going_back_runs_no_migration_and_no_job() -> None:
    job = entry("shop", "job", "api:1", Mode={"ReplicatedJob": {"TotalCompletions": 1}})
    model = stack("shop", entry("shop", "api", "api:1"), job, migrate=[Migration("api", ["./migrate"])])
    assert _steps(model, _live(), exact=True) == ["make nothing", "write shop_api (create)", "wait for shop_api"]


class Engine:
    """An engine that makes configs."""

    def create_config(self, body: Json) -> str:
        return f"id-of-{body['Name']}"

    create_secret = create_network = create_config


def test_names_become_ids_once_before_anything_is_run() -> None:
    """Configs that the deploy makes, those that are there, and the one that a credential spec names."""
    fresh, there = content("shop", "fresh", "x"), content("shop", "there", "y")
    container = {
        "Configs": [reference("Config", fresh), reference("Config", there)],
        "Privileges": {"CredentialSpec": {"Config": there.name}},
    }
    model = stack(
        "shop", entry("shop", "web", "web:1", container=container), configs={"fresh": fresh, "there": there},
        migrate=[Migration("web", ["./migrate"])],
    )  # fmt: skip
    live = _live(configs=[{"ID": "c1", "Spec": there.body()}])
    plan = plan_deploy(model, live, [], Options())
    make = steps(plan, waits=True)[0]
    assert isinstance(make, Make)
    Applier(t.cast(t.Any, Engine()), live, lambda image: "").take(make)
    for spec in (plan.services[0].spec, plan.migrations[0].service.spec):
        found = spec["TaskTemplate"]["ContainerSpec"]
        assert [item["ConfigID"] for item in found["Configs"]] == [f"id-of-{fresh.name}", "c1"]
        assert found["Privileges"]["CredentialSpec"] == {"Config": "c1"}
