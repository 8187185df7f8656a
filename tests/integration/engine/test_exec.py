# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in running tasks, on the node that runs them."""

from __future__ import annotations

import re
from pathlib import Path

from engine_recorder import Recorder
from lab_ansible import ansible_playbook, task
from stacks import service, stack
from workbench import Swarm, run_module


def _on_the_worker(swarm: Swarm, name: str) -> None:
    placed = {"Placement": {"Constraints": ["node.hostname==n2"]}}
    web = service(name, "web", swarm.images["v1"], 2, env={"A": "1"}, template=placed)
    assert not swarm.stack(stack(name, web)).failed


def test_command_runs_where_the_task_is(swarm: Swarm, name: str, tmp_path: Path) -> None:
    _on_the_worker(swarm, name)
    found = swarm.module("task_info", service=f"{name}_web").data["tasks"]
    assert [(task["slot"], task["node"]["hostname"], task["state"]) for task in found] == [
        ("1", "n2", "running"), ("2", "n2", "running")]  # fmt: skip
    assert found[0]["node"]["address"] == swarm.nodes[1].address
    elsewhere = swarm.module("exec", service=f"{name}_web", command=["true"])
    assert elsewhere.failed and "runs on this node, but on n2: delegate the task there" in elsewhere.msg

    proxy = Recorder(swarm.nodes[1].socket, tmp_path / "worker.sock")
    here = {"docker_host": proxy.host, "service": f"{name}_web"}
    check = run_module("exec", {**here, "command": ["true"]}, check=True)
    assert check.changed and proxy.writes() == []
    proxy.close()
    here["docker_host"] = swarm.nodes[1].host
    say = ["sh", "-c", "hostname; echo $A $B; id -u; pwd; echo oh >&2"]
    good = run_module("exec", {**here, "command": say, "env": {"B": 2}, "user": "7", "working_dir": "/www"})
    assert not good.failed and good.data["exit_code"] == 0, good.msg
    assert good.data["stdout"].splitlines()[1:] == ["1 2", "7", "/www"] and good.data["stderr"] == "oh\n"
    bad = run_module("exec", {**here, "slot": "2", "command": ["sh", "-c", "echo column exists; exit 3"]})
    assert bad.failed and bad.data["exit_code"] == 3 and bad.msg == "sh: exit code 3\n| column exists"
    assert bad.data["task"].startswith(f"{name}_web.2.")
    missing = run_module("exec", {**here, "command": ["nope"]})
    assert missing.failed and "nope" in missing.msg and "Traceback" not in missing.text
    slot = run_module("exec", {**here, "slot": "3", "command": ["true"]})
    assert slot.failed and "No task of service" in slot.msg and "Ask a manager where" in slot.msg
    unknown = swarm.module("exec", service="nada", command=["true"])
    assert unknown.failed and unknown.msg == "There is no service nada."
    gone = swarm.module("exec", container="0123456789abcdef", command=["true"])
    assert gone.failed and "No such container" in gone.msg and "Traceback" not in gone.text


def test_u24_a_program_that_cannot_be_started_gets_one_sentence(swarm: Swarm, name: str) -> None:
    _on_the_worker(swarm, name)
    here = {"docker_host": swarm.nodes[1].host, "service": f"{name}_web"}
    for options, says in (
        ({"command": ["nope"]}, "nope: the container has no such program"),
        ({"command": ["/no/such"]}, "/no/such: the container has no such program"),
        # runc 1.1.5 (Debian 12) says only that it is not permitted, 1.1.15 (Debian 13) why, Docker 28 both.
        ({"command": ["/www"]}, "/www: it cannot be started: (is a directory|(is a directory: )?permission denied)$"),
        ({"command": ["true"], "working_dir": "/nowhere"}, "true: it cannot be started: "),
        ({"command": ["true"], "user": "nobody-here"}, "nobody-here"),
    ):
        out = run_module("exec", {**here, **options})
        assert out.failed and re.search(says, out.msg) and "OCI" not in out.msg and "\n" not in out.msg, out.msg


def test_command_that_takes_too_long_is_stopped(swarm: Swarm, name: str, tmp_path: Path) -> None:
    _on_the_worker(swarm, name)
    worker = swarm.nodes[1]
    options = {"service": f"{name}_web", "command": ["sleep", "1234"], "timeout": 2}
    done = task(swarm.nodes, tmp_path, "exec", options, "n2")
    assert "sleep: not ended within 2 s; it was stopped" in done.stdout + done.stderr, done.stdout + done.stderr
    assert "sleep 1234" not in worker.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout
    # From another machine's view the number of the process is somebody else's: nothing is killed.
    other = {"docker_host": worker.host, "service": f"{name}_web", "command": ["sleep", "30"], "timeout": 1}
    ended = run_module("exec", other)
    assert ended.failed and "it cannot be stopped from here and may still run" in ended.msg


def test_playbook_finds_the_task_on_another_node(swarm: Swarm, name: str, tmp_path: Path) -> None:
    _on_the_worker(swarm, name)
    run = ["apiary.swarm.exec", "-e", "cluster=lab", "-e", "region=none", "-e", f"service={name}_web"]
    good = ansible_playbook(
        swarm.nodes, tmp_path, *run, "-e", "command='cat /www/index.html /etc/passwd'", "-e", "exec_slot=2"
    )
    assert good.returncode == 0, good.stdout + good.stderr
    assert f"{name}_web.2 on n2" in good.stdout and "root:x:0:0:root" in good.stdout
    bad = ansible_playbook(swarm.nodes, tmp_path, *run, "-e", '{"command": ["sh", "-c", "echo oh dear; exit 4"]}')
    assert bad.returncode == 2 and "sh: exit code 4" in bad.stdout and "oh dear" in bad.stdout
    check = ansible_playbook(swarm.nodes, tmp_path, *run, "-e", "command=reboot", "--check")
    assert check.returncode == 0 and f"{name}_web.1 on n2" in check.stdout
