# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins end while services run: what the leader renews, a task on another node can still pull."""

from __future__ import annotations

import typing as t
from datetime import UTC, datetime, timedelta

import pytest
from lab import GATEWAY, Node, until
from stacks import service, stack
from workbench import Swarm

from ansible_collections.apiary.swarm.plugins.module_utils._agent.engine import LocalEngine
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.renewal import Renewer
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.auth import Registry, Token

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


class Leader(Renewer):
    """The leader's chore as the agent does it; only the token is the test's own."""

    def __init__(self, swarm: Swarm, password: str) -> None:
        self.lines: list[str] = []
        self._password = password
        super().__init__("eu-west-1", {}, LocalEngine(swarm.host), self.lines.append)

    def _token(self, registry: Registry, role: str) -> Token:
        return Token(registry.host, "AWS", self._password, datetime.now(UTC) + timedelta(hours=12))


@pytest.fixture
def image(swarm: Swarm, name: str) -> t.Iterator[str]:
    """An image in a registry that goes by a name of ECR's and takes user C(AWS) with password C(first)."""
    for node in swarm.nodes:
        node.run("sh", "-c", f"cp /etc/hosts /run/known; echo {GATEWAY} {HOST} >>/etc/hosts")
    swarm.lab.start_registry(80, "AWS", "first")
    login = {"username": "AWS", "password": "first"}
    yield swarm.lab.image("shop/web", "v1", files={"/www/index.html": name}, registry=HOST, auth=login)
    swarm.lab.stop_registry(80)
    for node in swarm.nodes:
        node.run("sh", "-c", "cat /run/known >/etc/hosts")


@pytest.fixture
def first_node(swarm: Swarm) -> t.Iterator[Node]:
    """The manager, where tasks start because nothing else takes them; afterwards all nodes are active again."""
    set_availability(swarm, n1="active", n2="drain")
    yield swarm.nodes[0]
    set_availability(swarm, n1="active", n2="active")


def set_availability(swarm: Swarm, **wanted: str) -> None:
    for node in swarm.client.nodes():
        found: t.Any = {**node["Spec"], "Availability": wanted[node["Description"]["Hostname"]]}
        swarm.client.update_node(node["ID"], node["Version"]["Index"], found)


def history(swarm: Swarm, name: str, node: str) -> list[str]:
    """Return the states of a service's tasks on one node, oldest first."""
    names = {item["ID"]: item["Description"]["Hostname"] for item in swarm.client.nodes()}
    tasks = sorted(swarm.client.tasks({"service": name}), key=lambda task: str(task["CreatedAt"]))
    return [task["Status"]["State"] for task in tasks if names.get(task.get("NodeID", "")) == node]


def test_a1_the_leader_renews_logins_so_that_tasks_start_elsewhere(
    swarm: Swarm, name: str, image: str, first_node: Node
) -> None:
    web = f"{name}_web"
    first = [{"registry": HOST, "username": "AWS", "password": "first"}]
    assert not swarm.stack(stack(name, service(name, "web", image)), registry_auth=first).failed
    before = swarm.client.inspect_service(web)
    swarm.lab.set_password(80, "AWS", "second")  # twelve hours later

    leader = Leader(swarm, "second")
    leader.work()
    assert leader.lines == [line for line in leader.lines if "renewed for 1 service," in line] != []
    after = swarm.client.inspect_service(web)
    assert after["Spec"] == before["Spec"] and history(swarm, web, first_node.name) == ["running"]
    leader.work()  # a round in which nothing is due
    assert swarm.client.inspect_service(web)["Version"] == after["Version"]

    set_availability(swarm, n1="drain", n2="active")
    until(lambda: history(swarm, web, "n2")[-1:] == ["running"], "the task on the other node")
    assert history(swarm, web, "n2") == ["running"]


def test_a1_without_a_fresh_login_no_task_starts_elsewhere_and_a_late_one_heals(
    swarm: Swarm, name: str, image: str, first_node: Node
) -> None:
    web = f"{name}_web"
    first = [{"registry": HOST, "username": "AWS", "password": "first"}]
    assert not swarm.stack(stack(name, service(name, "web", image)), registry_auth=first).failed
    swarm.lab.set_password(80, "AWS", "second")

    wrong = Leader(swarm, "neither")
    wrong.work()
    assert [line for line in wrong.lines if "refuses the login of this manager's role" in line] == wrong.lines != []
    set_availability(swarm, n1="drain", n2="active")
    until(lambda: "rejected" in history(swarm, web, "n2"), "the engine's refusal")
    Leader(swarm, "second").work()
    until(lambda: history(swarm, web, "n2")[-1:] == ["running"], "the task on the other node")


def test_a1_a_deploy_without_a_change_renews_the_login(swarm: Swarm, name: str, image: str, first_node: Node) -> None:
    web = f"{name}_web"
    model = stack(name, service(name, "web", image))
    login = {"registry": HOST, "username": "AWS"}
    assert not swarm.stack(model, registry_auth=[{**login, "password": "first"}]).failed
    swarm.lab.set_password(80, "AWS", "second")
    again = swarm.stack(model, registry_auth=[{**login, "password": "second"}])
    assert not again.failed and not again.changed, again.msg
    set_availability(swarm, n1="drain", n2="active")
    until(lambda: history(swarm, web, "n2")[-1:] == ["running"], "the task on the other node")
    assert history(swarm, web, "n2") == ["running"]
