# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module service on a real swarm: nothing undeclared is lost, the second run changes nothing."""

from __future__ import annotations

import typing as t

import pytest
from engine_recorder import Recorder
from lab import until
from workbench import Swarm

FAST: dict[str, t.Any] = {
    "endpoint_mode": "dnsrr",
    "update_config": {"monitor": "1s", "parallelism": 0},
    "restart_config": {"delay": "200ms"},
}


def _image(swarm: Swarm, name: str) -> str:
    return str(swarm.spec(name)["TaskTemplate"]["ContainerSpec"]["Image"])


def test_the_rhythm(swarm: Swarm, name: str, recorder: Recorder) -> None:
    args: dict[str, t.Any] = {
        "name": name,
        "image": swarm.images["v1"],
        "replicas": 2,
        "env": {"A": "1"},
        "wait_timeout": 40,
        **FAST,
    }
    proxied = {**args, "docker_host": recorder.host}
    check = swarm.module("service", check=True, diff=True, **proxied)
    assert check.changed and recorder.writes() == []
    done = swarm.module("service", diff=True, **args)
    assert done.changed and not done.failed and done.data["running"] == 2, done.msg
    assert done.data["diff"] == check.data["diff"]
    assert not swarm.module("service", **proxied).changed and recorder.writes() == []
    changed = swarm.module("service", **{**args, "env": {"A": "2"}})
    assert changed.changed and changed.data["changes"] == ["TaskTemplate.ContainerSpec.Env.A", "env"]
    emptied = swarm.module("service", **{**args, "env": []})
    assert emptied.changed and not swarm.module("service", **{**args, "env": []}).changed
    assert swarm.module("service", name=name, state="absent", check=True).changed and swarm.tasks(name)
    assert swarm.module("service", name=name, state="absent").changed
    assert not swarm.module("service", name=name, state="absent").changed


def _by_hand(swarm: Swarm, name: str) -> None:
    """Make a service with a bit of everything, as somebody else would."""
    secret = swarm.client.create_secret(f"{name}_s", b"x")["ID"]
    network = swarm.client.create_network(f"{name}_n", driver="overlay")["Id"]
    until(lambda: swarm.client.inspect_network(network), "the network")
    file = {"Name": "s", "UID": "0", "GID": "0", "Mode": 292}
    swarm.create(
        {
            "Name": name,
            "Labels": {"team": "red"},
            "TaskTemplate": {
                "ContainerSpec": {
                    "Image": swarm.images["v1"],
                    "Env": ["A=1", "B=2"],
                    "Labels": {"c": "d"},
                    "Mounts": [{"Type": "tmpfs", "Target": "/scratch"}],
                    "Secrets": [{"SecretID": secret, "SecretName": f"{name}_s", "File": file}],
                    "StopGracePeriod": 3_000_000_000,
                },
                "Networks": [{"Target": network}],
                "Placement": {"Constraints": ["node.platform.os==linux"]},
                "Resources": {"Limits": {"MemoryBytes": 64 * 1024**2}},
                "RestartPolicy": {"Condition": "on-failure", "Delay": 100_000_000},
            },
            "Mode": {"Replicated": {"Replicas": 2}},
            "UpdateConfig": {"Parallelism": 2, "Monitor": 1_000_000_000, "Order": "start-first"},
            "RollbackConfig": {"Parallelism": 2},
            "EndpointSpec": {"Mode": "dnsrr", "Ports": [
                {"TargetPort": 8080, "PublishedPort": 8099, "PublishMode": "host", "Protocol": "tcp"}]},
        }
    )  # fmt: skip


def test_d05_what_is_not_declared_stays_and_purge_shows_what_goes(swarm: Swarm, name: str) -> None:
    _by_hand(swarm, name)
    until(lambda: len(swarm.tasks(name)) == 2, "two tasks")
    before = swarm.spec(name)
    args: dict[str, t.Any] = {
        "name": name,
        "image": swarm.images["v2"],
        "wait_timeout": 40,
        "update_config": {"order": "stop-first"},
    }
    out = swarm.module("service", **args)
    assert out.changed and not out.failed, out.msg
    after = swarm.spec(name)
    assert after["TaskTemplate"]["ContainerSpec"].pop("Image") != before["TaskTemplate"]["ContainerSpec"].pop("Image")
    after["TaskTemplate"]["Placement"].pop("Platforms")
    assert after["UpdateConfig"].pop("Order") == "stop-first" and before["UpdateConfig"].pop("Order") == "start-first"
    assert after == before
    assert not swarm.module("service", **args).changed

    purge = swarm.module("service", check=True, diff=True, purge=True, **args)
    gone = {item["path"] for item in purge.data["plan"]["services"][0]["changes"] if item["kind"] == "remove"}
    for part in (
        "Env.A",
        "Labels.team",
        "Mounts[/scratch].Type",
        "Secrets.s",
        "Networks",
        "Ports",
    ):
        assert any(part in path for path in gone), (part, gone)
    assert not any("Replicas" in path for path in gone)
    swarm.client.remove_service(name)
    swarm.lab.nodes[0].client().close()


def test_d06_forced_update_then_scale_restarts_nothing(swarm: Swarm, name: str) -> None:
    args: dict[str, t.Any] = {"name": name, "image": swarm.images["v1"], "replicas": 2, "wait_timeout": 40, **FAST}
    assert not swarm.module("service", **args).failed
    first = {task["ID"] for task in swarm.tasks(name)}
    assert swarm.module("service", force_update=True, **args).changed
    second = {task["ID"] for task in swarm.tasks(name)}
    assert first.isdisjoint(second)
    assert swarm.module("service", **{**args, "replicas": 3}).data["changes"] == ["Mode.Replicas", "replicas"]
    assert second < {task["ID"] for task in swarm.tasks(name)}


def test_d12_d13_pinned_image_and_moving_tag(swarm: Swarm, name: str) -> None:
    image = swarm.lab.image(name, "latest", files={"/a": "one"})
    args: dict[str, t.Any] = {"name": name, "image": image, "wait_timeout": 40, **FAST}
    assert not swarm.module("service", **args).failed
    pinned = _image(swarm, name)
    assert "@sha256:" in pinned
    swarm.lab.image(name, "latest", files={"/a": "two"})
    assert not swarm.module("service", **args, resolve_image=False).changed
    assert swarm.module("service", name=name, env={"A": "1"}, wait_timeout=40).changed and _image(swarm, name) == pinned
    assert swarm.module("service", **args).changed and _image(swarm, name) != pinned


def test_d01_d04_failures_are_told(swarm: Swarm, name: str) -> None:
    args: dict[str, t.Any] = {"name": name, "image": swarm.images["v1"], "wait_timeout": 40, **FAST}
    assert not swarm.module("service", **args).failed
    for _attempt in range(2):
        bad = swarm.module("service", **{**args, "image": swarm.images["crash"]})
        assert bad.failed and "exit code 7" in bad.msg and "| no database" in bad.msg, bad.msg
        assert "paused" in bad.msg
    good = swarm.module("service", **args)
    assert good.changed and not good.failed, good.msg
    crash = swarm.module("service", **{**args, "name": f"{name}b", "image": swarm.images["crash"]})
    assert crash.failed and "fail again and again" in crash.msg and "exit code 7" in crash.msg


def test_d07_d08_d18_refusals(swarm: Swarm, name: str) -> None:
    args: dict[str, t.Any] = {"name": name, "image": swarm.images["v1"], "wait_timeout": 40, **FAST}
    assert not swarm.module("service", **args).failed
    mode = swarm.module("service", **{**args, "mode": "global", "networks": ["host"]})
    assert mode.failed and "allow_recreate: true" in mode.msg
    rebuilt = swarm.module("service", **{**args, "mode": "global", "allow_recreate": True})
    assert rebuilt.data["rebuilt"] and not rebuilt.failed and len(swarm.tasks(name)) == 2
    nowhere = swarm.module("service", **{**args, "placement": {"constraints": ["node.labels.x==y"]}, "mode": "global"})
    assert nowhere.failed and "matches none of the 2 nodes" in nowhere.msg
    missing = swarm.module("service", **{**args, "networks": ["nope"], "secrets": [{"secret_name": "nada"}]})
    assert missing.failed and "network nope does not exist" in missing.msg and "secret nada" in missing.msg
    fresh = swarm.module("service", name=f"{name}c", replicas=1)
    assert fresh.failed and "image must be given" in fresh.msg


MATRIX: dict[str, t.Any] = {
    "args": ["-f", "-p", "8080"], "command": ["httpd"], "env": {"A": "1", "EMPTY": ""}, "user": "0",
    "working_dir": "/www", "groups": ["10", "5"], "hostname": "web", "tty": False,
    "hosts": {"db": "10.0.0.9", "cache": "10.0.0.8"},
    "open_stdin": True, "read_only": True, "init": False, "stop_signal": "SIGKILL", "stop_grace_period": "0s",
    "container_labels": {"b": "2", "a": "1"}, "labels": {"y": "", "x": "1"}, "sysctls": {"net.core.somaxconn": "100"},
    "ulimits": [{"name": "nofile", "soft": 100, "hard": 200}, {"name": "core", "soft": 0, "hard": 0}],
    "cap_add": ["NET_ADMIN", "SYS_TIME"], "cap_drop": ["MKNOD", "chown"], "dns": ["10.0.0.1", "10.0.0.2"],
    "dns_search": ["a.test", "b.test"], "dns_options": ["ndots:2"], "endpoint_mode": "dnsrr",
    "mounts": [{"type": "tmpfs", "target": "/t", "tmpfs_size": "1M", "tmpfs_mode": 448},
               {"type": "volume", "target": "/v", "source": "vol", "no_copy": True, "labels": {"l": "1"}}],
    "healthcheck": {"test": "true", "interval": "90s", "timeout": "1s", "retries": 3, "start_period": "0s"},
    "logging": {"driver": "json-file", "options": {"max-size": "1m", "max-file": "2"}},
    "placement": {"constraints": ["node.platform.os==linux", "node.role!=nobody"],
                  "preferences": [{"spread": "node.labels.zone"}], "replicas_max_per_node": 0},
    "replicas": 0, "limits": {"cpus": 0.0, "memory": "64M", "pids": 50}, "reservations": {"memory": "0"},
    "restart_config": {"condition": "any", "delay": "0s", "max_attempts": 0, "window": "0s"},
    "update_config": {"parallelism": 0, "delay": "0s", "failure_action": "rollback", "monitor": "1s",
                      "max_failure_ratio": 0.0, "order": "stop-first"},
    "rollback_config": {"parallelism": 1, "delay": "0s", "failure_action": "pause", "order": "start-first"},
    "networks": [{"name": "host"}],
    "publish": [],
}  # fmt: skip


def _reversed(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(list(value))}
    return value


def test_d23_d24_d25_every_option_twice_in_any_order(swarm: Swarm, name: str) -> None:
    args: dict[str, t.Any] = {"name": name, "image": swarm.images["v1"], "wait_timeout": 30, **MATRIX}
    first = swarm.module("service", **args)
    assert first.changed and not first.failed, first.msg
    assert not swarm.module("service", **args).changed
    unordered = ("groups", "ulimits", "cap_add", "cap_drop", "mounts")
    turned = {**_reversed(args), **{key: list(reversed(MATRIX[key])) for key in unordered}}
    turned["placement"] = {**MATRIX["placement"], "constraints": list(reversed(MATRIX["placement"]["constraints"]))}
    assert not swarm.module("service", **turned).changed
    again = {**args, "env": ["EMPTY=", "A=1"], "healthcheck": {**MATRIX["healthcheck"], "interval": "1m30s"}}
    again["limits"] = {**MATRIX["limits"], "memory": "65536K"}
    assert not swarm.module("service", **again).changed
    container = swarm.spec(name)["TaskTemplate"]["ContainerSpec"]
    assert {item["Name"] for item in container["Ulimits"]} == {"nofile", "core"}
    assert swarm.spec(name)["TaskTemplate"]["Resources"]["Limits"]["Pids"] == 50
    empty = {key: type(value)() for key, value in MATRIX.items() if isinstance(value, list) or key in (
        "env", "hosts", "container_labels", "labels", "sysctls")}  # fmt: skip
    emptied = swarm.module("service", name=name, wait_timeout=30, **empty)
    assert emptied.changed and not emptied.failed, emptied.msg
    assert not swarm.module("service", name=name, wait_timeout=30, **empty).changed


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("stop_grace_period", "3 apples", 'stop_grace_period: must be a duration like "30s"'),
        ("limits", {"memory": "lots"}, 'limits.memory: must be a size like "512M" or "2g", not "lots"'),
        ("env", {"A": 1}, "env: the value of A must be text; write it in quotes"),
        ("env", ["A"], 'env: entry 1 must look like "NAME=value"'),
        ("networks", [{"nam": "x"}], "networks: an entry must be a name, or a mapping with name"),
        ("placement", {"preferences": [{"pack": "x"}]}, "placement.preferences: an entry must look like"),
        ("mounts", [{"target": "/x"}], "mounts: a mount of type bind needs a source (/x)"),
        ("env_files", ["/nonexistent"], "env_files: cannot read /nonexistent"),
        ("healthcheck", {"interval": "soon"}, "healthcheck.interval: must be a duration"),
    ],
)
def test_bad_input_gets_one_sentence(
    swarm: Swarm, name: str, recorder: Recorder, option: str, value: t.Any, says: str
) -> None:
    args: dict[str, t.Any] = {"name": name, "image": swarm.images["v1"], option: value}
    out = swarm.module("service", **args, docker_host=recorder.host)
    assert out.failed and says in out.msg and "Traceback" not in out.text
    assert recorder.writes() == []


def test_p13_what_the_engine_took_back_is_not_sent_again(swarm: Swarm, name: str) -> None:
    quick = {"failure_action": "rollback", "monitor": "2s", "parallelism": 0}
    args: dict[str, t.Any] = {
        "name": name,
        "wait_timeout": 40,
        "update_config": quick,
        "restart_config": {"condition": "none"},
    }
    assert not swarm.module("service", **args, image=swarm.images["v1"]).failed
    assert swarm.module("service", **args, image=swarm.images["crash"]).failed
    until(lambda: swarm.client.inspect_service(name)["UpdateStatus"]["State"] == "rollback_completed", "the way back")
    before = swarm.client.inspect_service(name)["Version"]["Index"]
    again = swarm.module("service", **args, image=swarm.images["crash"])
    assert again.failed and "failed, and the engine took it back" in again.msg and "force: true" in again.msg
    assert swarm.client.inspect_service(name)["Version"]["Index"] == before
    assert not swarm.module("service", **args, image=swarm.images["v2"]).failed


def test_p8_p12_results_and_an_empty_health_check(swarm: Swarm, name: str) -> None:
    args: dict[str, t.Any] = {"name": name, "wait_timeout": 40, "image": swarm.images["v1"]}
    made = swarm.module("service", **args, healthcheck={"test": ["CMD", "true"], "interval": "1s"}, env={"A": "b"})
    assert not made.failed, made.msg
    facts = made.data["swarm_service"]
    assert facts["healthcheck"] == {"test": ["CMD", "true"], "interval": 10**9} and facts["replicas"] == 1
    assert facts["image"].startswith(swarm.images["v1"]) and made.data["rebuilt"] is False
    gone = swarm.module("service", **args, healthcheck={})
    assert gone.changed and "healthcheck" in gone.data["changes"]
    assert "Healthcheck" not in swarm.spec(name)["TaskTemplate"]["ContainerSpec"]
    assert not swarm.module("service", **args, healthcheck={}).changed


def test_p11_the_order_of_resolver_options_restarts_nothing(swarm: Swarm, name: str) -> None:
    args: dict[str, t.Any] = {"name": name, "wait_timeout": 40, "image": swarm.images["v1"]}
    assert not swarm.module("service", **args, dns_options=["ndots:1", "timeout:2"]).failed
    assert not swarm.module("service", **args, dns_options=["timeout:2", "ndots:1"], check=True).changed


def test_p14_a_refusal_names_the_way_out_where_there_is_one(swarm: Swarm, name: str) -> None:
    nowhere: dict[str, t.Any] = {
        "image": swarm.images["v1"],
        "placement": {"constraints": ["node.labels.nowhere==yes"]},
    }
    refused = swarm.module("service", name=name, **nowhere)
    assert refused.failed and refused.msg.endswith("With force: true it is done all the same."), refused.msg
    missing = swarm.module("service", name=name, image=swarm.images["v1"], networks=["no-such-network"])
    assert missing.failed and "network no-such-network does not exist" in missing.msg and "force" not in missing.msg
