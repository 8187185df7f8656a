# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registry logins on a real swarm, with a registry that wants one."""

from __future__ import annotations

import typing as t

import pytest
from engine_recorder import Recorder
from lab import until
from stacks import service, stack
from workbench import Swarm

PORT = 5001


@pytest.fixture
def private(swarm: Swarm, name: str) -> t.Iterator[str]:
    """An image that no node has, in a registry with a login, user C(u), password C(first)."""
    registry = swarm.lab.start_registry(PORT, "u", "first")
    login = {"username": "u", "password": "first"}
    yield swarm.lab.image("private", "v1", files={"/www/index.html": name}, registry=registry, auth=login)
    swarm.lab.stop_registry(PORT)


def _login(password: str) -> list[dict[str, str]]:
    return [{"registry": f"10.99.0.1:{PORT}", "username": "u", "password": password}]


def test_missing_and_wrong_logins_are_told_apart(swarm: Swarm, name: str, private: str) -> None:
    model = stack(name, service(name, "web", private))
    nothing = swarm.stack(model)
    assert nothing.failed and "wants a login and registry_auth has none for it" in nothing.msg
    wrong = swarm.stack(model, registry_auth=_login("not-this-one"))
    assert wrong.failed and "refuses the login" in wrong.msg and "wrong or expired" in wrong.msg


def test_d15_fresh_login_restarts_nothing(swarm: Swarm, name: str, private: str, recorder: Recorder) -> None:
    spread = {"Placement": {"MaxReplicas": 1}}
    model = stack(name, service(name, "web", private, 2, template=spread))
    assert not swarm.stack(model, registry_auth=_login("first")).failed
    before = {task["ID"] for task in swarm.tasks(f"{name}_web")}
    swarm.lab.set_password(PORT, "u", "second-password")

    expired = swarm.module("registry_auth", registry_auth=_login("first"), docker_host=recorder.host)
    assert expired.failed and "refuses the login" in expired.msg and recorder.writes() == []
    check = swarm.module(
        "registry_auth", check=True, registry_auth=_login("second-password"), docker_host=recorder.host
    )
    assert check.data["services"] == [f"{name}_web"] and recorder.writes() == []
    for _attempt in range(2):
        done = swarm.module("registry_auth", registry_auth=_login("second-password"))
        assert done.changed and done.data["services"] == [f"{name}_web"] and done.data["busy"] == []
        assert "second-password" not in done.text
    assert {task["ID"] for task in swarm.tasks(f"{name}_web")} == before

    # A task that has to pull again does so with the new login.
    worker = swarm.nodes[1].client()
    victim = next(
        task for task in swarm.tasks(f"{name}_web") if task["NodeID"] != swarm.client.info()["Swarm"]["NodeID"]
    )
    worker.remove_container(victim["Status"]["ContainerStatus"]["ContainerID"], force=True)
    worker.remove_image(private.partition(":v1")[0] + "@" + model_digest(swarm, name), force=True)
    until(lambda: len(swarm.tasks(f"{name}_web")) == 2 and victim["ID"] not in
          {task["ID"] for task in swarm.tasks(f"{name}_web")}, "the task to be replaced")  # fmt: skip
    worker.close()


def model_digest(swarm: Swarm, name: str) -> str:
    """Return the digest that a service is pinned to."""
    image = swarm.spec(f"{name}_web")["TaskTemplate"]["ContainerSpec"]["Image"]
    return str(image).partition("@")[2]


def test_releases_are_listed(swarm: Swarm, name: str) -> None:
    for tag in ("v1", "v2"):
        out = swarm.stack(
            stack(name, service(name, "web", swarm.images[tag])), git_revision=f"rev-{tag}", deployed_by="ann"
        )
        assert not out.failed
    swarm.stack(stack(name, service(name, "web", swarm.images["crash"])))
    info = swarm.module("release_info", name=name)
    assert [(item["number"], item["outcome"]) for item in info.data["releases"]] == [
        (3, "failed"), (2, "converged"), (1, "converged")]  # fmt: skip
    assert info.data["releases"][0]["rolled_back_to"] == 2 and "paused" in info.data["releases"][0]["reason"]
    assert info.data["releases"][1]["git_revision"] == "rev-v2" and info.data["releases"][1]["by"] == "ann"
    assert info.data["current"] == {name: 2}


def test_x04_a_pull_that_a_registry_refused_is_told_as_such(swarm: Swarm, name: str, private: str) -> None:
    """The task itself only says "No such image"."""
    spread = {"Placement": {"MaxReplicas": 1}}
    assert not swarm.stack(stack(name, service(name, "web", private, 1, template=spread)),
                           registry_auth=_login("first")).failed  # fmt: skip
    swarm.lab.set_password(PORT, "u", "second-password")
    grow: dict[str, t.Any] = {"name": f"{name}_web", "replicas": 2, "wait_timeout": 30}
    out = swarm.module("service", **grow)
    assert out.failed and "No such image" in out.msg, out.msg
    assert f"registry 10.99.0.1:{PORT} wants a login and registry_auth has none for it" in out.msg
    old = swarm.module("service", **grow, registry_auth=_login("first"))
    assert old.failed and "refuses the login of registry_auth (wrong or expired)" in old.msg
    good = swarm.module("registry_auth", registry_auth=_login("second-password"))
    assert not good.failed, good.msg
    done = swarm.module("service", **grow, registry_auth=_login("second-password"))
    assert not done.failed, done.msg


def test_the_way_back_to_another_registry_has_the_login_of_that_one(swarm: Swarm, name: str, private: str) -> None:
    """Without a login for it, and not with that of the registry that the failed version came from."""
    other = swarm.lab.start_registry(PORT + 1, "v", "other")
    crash = ["sh", "-c", "exit 7"]
    login = {"username": "v", "password": "other"}
    try:
        bad = swarm.lab.image("private", "bad", crash, registry=other, auth=login)
        spread = {"Placement": {"MaxReplicas": 1}}
        assert not swarm.stack(stack(name, service(name, "web", private, template=spread)),
                               registry_auth=_login("first")).failed  # fmt: skip
        failed = swarm.stack(stack(name, service(name, "web", bad, template=spread)),
                             registry_auth=[{"registry": other, **login}])  # fmt: skip
        assert failed.failed and "was rolled back: release 1 runs" in failed.msg, failed.msg
    finally:
        swarm.lab.stop_registry(PORT + 1)
    grown = swarm.module("service", name=f"{name}_web", replicas=2, wait_timeout=30)  # pulls on the other node
    assert not grown.failed, grown.msg
