# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module stack on a real swarm: check, do, again, change, empty, again."""

from __future__ import annotations

import typing as t

from engine_recorder import Recorder
from stacks import content, network, reference, service, stack
from workbench import Swarm


def _model(swarm: Swarm, name: str, tag: str = "v1", text: str = "hello", **env: str) -> t.Any:
    net, config, secret = network(name, "net"), content(name, "conf", text), content(name, "sec", f"secret {text}")
    web = service(
        name, "web", swarm.images[tag], 2, env,
        container={"Configs": [reference("Config", config)], "Secrets": [reference("Secret", secret)]},
        template={"Networks": [{"Target": net.name, "Aliases": ["web"]}]},
    )  # fmt: skip
    other = service(name, "other", swarm.images["v1"])
    return stack(name, web, other, networks={"net": net}, configs={"conf": config}, secrets={"sec": secret})


def test_the_rhythm(swarm: Swarm, name: str, recorder: Recorder) -> None:
    proxied: dict[str, t.Any] = {"docker_host": recorder.host}
    check = swarm.stack(_model(swarm, name), check=True, diff=True, **proxied)
    assert check.changed and f"service {name}_web" in check.data["diff"]["after"]
    assert recorder.writes() == []

    done = swarm.stack(_model(swarm, name), diff=True)
    assert done.changed and not done.failed, done.msg
    assert done.data["diff"] == check.data["diff"] and done.data["summary"] == check.data["summary"]
    assert done.data["release"]["number"] == 1 and done.data["release"]["outcome"] == "converged"
    assert len(swarm.tasks(f"{name}_web")) == 2
    assert "@sha256:" in swarm.spec(f"{name}_web")["TaskTemplate"]["ContainerSpec"]["Image"]

    recorder.requests.clear()
    again = swarm.stack(_model(swarm, name), **proxied)
    assert not again.changed and not again.failed, again.msg
    assert recorder.writes() == []
    reads = [path for _method, path in recorder.requests if "/distribution/" not in path]
    assert len(reads) <= 8, reads

    before = {task["ID"] for task in swarm.tasks(f"{name}_other")}
    recorder.requests.clear()
    changed = swarm.stack(_model(swarm, name, LEVEL="nobody-sees-this"), diff=True, **proxied)
    assert changed.changed and not changed.failed, changed.msg
    assert [path for _method, path in recorder.writes() if path.startswith("/services")] != []
    assert len([path for _method, path in recorder.writes() if path.startswith("/services")]) == 1
    assert "nobody-sees-this" not in changed.text
    assert {task["ID"] for task in swarm.tasks(f"{name}_other")} == before

    emptied = swarm.stack(_model(swarm, name))
    assert emptied.changed and "Env" not in swarm.spec(f"{name}_web")["TaskTemplate"]["ContainerSpec"]
    assert not swarm.stack(_model(swarm, name)).changed

    gone = swarm.module("stack", name=name, state="absent", check=True)
    assert gone.changed and len(swarm.tasks(f"{name}_web")) == 2
    assert swarm.module("stack", name=name, state="absent").changed
    assert not swarm.module("stack", name=name, state="absent").changed
    assert not [item for item in swarm.client.networks() if item["Name"].startswith(f"{name}_")]
    assert not [item for item in swarm.client.configs() if name in item["Spec"]["Name"]]


def test_new_content_is_a_new_object_and_old_ones_are_forgotten_with_their_release(swarm: Swarm, name: str) -> None:
    for text in ("one", "two", "three"):
        assert not swarm.stack(_model(swarm, name, text=text), keep_releases=2).failed
    names = [item["Spec"]["Name"] for item in swarm.client.secrets() if item["Spec"]["Name"].startswith(f"{name}_")]
    assert len(names) == 2, names


def test_secret_content_is_never_told(swarm: Swarm, name: str) -> None:
    config, secret = content(name, "conf", "c"), content(name, "sec", "hunter2-hunter2")
    tell = ["sh", "-c", "cat /run/secrets/sec; exit 3"]
    web = service(name, "web", swarm.images["v1"], container={
        "Secrets": [reference("Secret", secret)], "Command": tell})  # fmt: skip
    out = swarm.stack(stack(name, web, configs={"conf": config}, secrets={"sec": secret}), diff=True)
    assert out.failed and "exit code 3" in out.msg
    assert "hunter2-hunter2" not in out.text


def test_services_that_left_the_file_are_removed(swarm: Swarm, name: str) -> None:
    both = stack(name, service(name, "a", swarm.images["v1"]), service(name, "b", swarm.images["v1"]))
    one = stack(name, service(name, "a", swarm.images["v1"]))
    assert not swarm.stack(both).failed
    kept = swarm.stack(one, prune=False)
    assert not kept.changed and swarm.tasks(f"{name}_b")
    pruned = swarm.stack(one)
    assert pruned.changed and not [s for s in swarm.client.services() if s["Spec"]["Name"] == f"{name}_b"]


def test_the_name_of_somebody_else_is_refused(swarm: Swarm, name: str) -> None:
    swarm.create(service("x", "y", swarm.images["v1"], Name=f"{name}_web", Labels={}).spec)
    out = swarm.stack(stack(name, service(name, "web", swarm.images["v1"])))
    assert out.failed and f"service {name}_web exists and belongs to no stack" in out.msg


def test_waves_start_one_after_the_other(swarm: Swarm, name: str) -> None:
    first = service(name, "db", swarm.images["v1"])
    second = service(name, "web", swarm.images["v1"], wave=1)
    assert not swarm.stack(stack(name, second, first)).failed
    db, web = swarm.tasks(f"{name}_db")[0], swarm.tasks(f"{name}_web")[0]
    assert web["CreatedAt"] > db["Status"]["Timestamp"]


def test_a_failed_wave_takes_everything_back(swarm: Swarm, name: str) -> None:
    good = stack(name, service(name, "db", swarm.images["v1"]), service(name, "web", swarm.images["v1"], wave=1))
    assert not swarm.stack(good).failed
    bad = stack(name, service(name, "db", swarm.images["v2"]), service(name, "web", swarm.images["crash"], wave=1))
    out = swarm.stack(bad)
    assert out.failed and "was rolled back: release 1 runs" in out.msg
    for short in ("db", "web"):
        image = swarm.spec(f"{name}_{short}")["TaskTemplate"]["ContainerSpec"]["Image"]
        assert image.startswith(swarm.images["v1"])


def test_a_first_deploy_that_fails_leaves_nothing(swarm: Swarm, name: str) -> None:
    net = network(name, "net")
    web = service(name, "web", swarm.images["crash"], template={"Networks": [{"Target": net.name}]})
    out = swarm.stack(stack(name, web, networks={"net": net}), wait_timeout=25)
    # First of all: a task still prepared by its node would make the network there once more.
    assert not swarm.client.tasks({"label": f"com.docker.stack.namespace={name}"})
    assert out.failed and "exit code 7" in out.msg and "no database" in out.msg
    assert not [s for s in swarm.client.services() if s["Spec"]["Name"].startswith(f"{name}_")]
    assert not [n for n in swarm.client.networks() if n["Name"] == net.name]


def test_network_has_an_address_for_each_task_or_the_plan_says_so(swarm: Swarm, name: str) -> None:
    net = network(name, "net")
    net.spec["IPAM"] = {"Config": [{"Subnet": "10.77.7.0/29"}]}  # five to give
    nodes = len(swarm.client.nodes())
    fit = max(count for count in range(1, 5) if count + min(nodes, count) <= 5)

    def deploy(replicas: int, **options: t.Any) -> t.Any:
        web = service(name, "web", swarm.images["v1"], replicas, template={"Networks": [{"Target": net.name}]})
        return swarm.stack(stack(name, web, networks={"net": net}), **options)

    fitting = deploy(fit)
    assert not fitting.failed and "addresses" not in fitting.text, fitting.text
    crowded = deploy(fit + 1, progress_timeout=10)
    assert crowded.failed, crowded.text
    assert f"network {net.name} has 5 addresses to give" in str(crowded.data["warnings"])
    assert f"{fit} of {fit + 1} tasks run, 1 got no address in their networks yet" in crowded.msg
