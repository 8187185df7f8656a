# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-off tasks and migrations on a real swarm."""

from __future__ import annotations

import typing as t

from engine_recorder import Recorder
from stacks import content, reference, service, stack
from workbench import Swarm

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import Migration, StackModel


def test_d21_job_runs_each_time_and_tells_how_it_ended(swarm: Swarm, name: str, recorder: Recorder) -> None:
    secret = content(name, "key", "opens")
    web = service(name, "web", swarm.images["v1"], env={"A": "1"}, container={"Secrets": [reference("Secret", secret)]})
    assert not swarm.stack(stack(name, web, secrets={"key": secret})).failed
    say = ["sh", "-c", "echo $A $B; wc -c < /run/secrets/key || cat /run/secrets/key; exit $B"]
    args: dict[str, t.Any] = {"service": f"{name}_web", "command": say, "wait_timeout": 20}

    check = swarm.module("job", check=True, **{**args, "docker_host": recorder.host}, env={"B": 0})
    assert check.changed and recorder.writes() == []
    for _attempt in range(2):
        good = swarm.module("job", **args, env={"B": 0})
        assert not good.failed, good.msg
        assert good.data["exit_code"] == 0 and good.data["logs"][0] == "1 0" and good.data["node"] in ("n1", "n2")
    bad = swarm.module("job", **args, env={"B": 3})
    assert bad.failed and bad.data["exit_code"] == 3 and bad.data["logs"][0] == "1 3" and "exit code 3" in bad.msg
    assert [item["Spec"]["Name"] for item in swarm.client.services() if name in item["Spec"]["Name"]] == [f"{name}_web"]


def test_job_that_takes_too_long_is_stopped(swarm: Swarm, name: str) -> None:
    assert not swarm.stack(stack(name, service(name, "web", swarm.images["v1"]))).failed
    out = swarm.module("job", service=f"{name}_web", command=["sleep", "100"], wait_timeout=3)
    assert out.failed and "not converged within 3 s" in out.msg
    left = [task for task in swarm.client.tasks() if task["Status"]["State"] == "running"]
    assert ["sleep", "100"] not in [task["Spec"]["ContainerSpec"].get("Command") for task in left]
    assert len([item for item in swarm.client.services() if name in item["Spec"]["Name"]]) == 1


def test_job_of_a_service_that_is_not_there(swarm: Swarm, name: str) -> None:
    out = swarm.module("job", service=f"{name}_web", command=["true"])
    assert out.failed and f"There is no service {name}_web" in out.msg


def test_u7_migration_runs_once_before_any_new_task_and_is_told(swarm: Swarm, name: str) -> None:
    def model(tag: str, *command: str) -> StackModel:
        return stack(
            name, service(name, "web", swarm.images[tag]), migrate=[Migration("web", list(command), timeout=20)]
        )

    first = swarm.stack(model("v1", "true"))
    assert not first.failed and f"> migration of service {name}_web: true, because the service is new" in first.text
    recorded = swarm.client.inspect_service(f"{name}_web")["Version"]
    again = swarm.stack(model("v1", "true"))
    assert not again.changed and swarm.client.inspect_service(f"{name}_web")["Version"] == recorded

    out = swarm.stack(model("v2", "sh", "-c", "echo column exists >&2; exit 9"))
    assert out.failed and "migration" in out.msg and "exit code 9" in out.msg and "column exists" in out.msg
    assert swarm.client.inspect_service(f"{name}_web")["Version"] == recorded
    check = swarm.stack(model("v2", "echo", "--password", "hunter2"), check=True)
    planned = {"service": f"{name}_web", "command": "echo --password (hidden)", "because": ["Image"], "timeout": 20}
    assert check.data["plan"]["migrations"] == [planned] and check.data["migrations"] == []
    assert "hunter2" not in check.text
    fixed = swarm.stack(model("v2", "grep", "v2", "/www/index.html"))
    assert fixed.changed and not fixed.failed, fixed.msg
    (ran,) = fixed.data["migrations"]
    assert ran["logs"] == ["v2"] and ran["node"] in ("n1", "n2") and 0 < ran["seconds"] < 20
    assert f"> migration of service {name}_web: grep v2 /www/index.html, because Image changes" in fixed.data["summary"]
