# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module stack in the controller's process and in one of its own: a playbook sees no difference."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

from workbench import Swarm

Json = dict[str, t.Any]
OWN_PROCESS = {"environment": {"APIARY": "swarm"}}


def both_ways(folder: Path, options: Json, **keywords: t.Any) -> tuple[Json, Json]:
    """Run the task here and as a process, and return what a playbook can see of both."""
    tasks: list[Json] = []
    for name, more in (("here", {}), ("process", OWN_PROCESS)):
        task = {"apiary.swarm.stack": options, "register": name, "ignore_errors": True, **keywords, **more}
        copy = {"content": f"{{{{ {name} | to_json }}}}", "dest": str(folder / name)}
        tasks += [task, {"ansible.builtin.copy": copy, "check_mode": False, "diff": False}]
    playbook = folder / "play.yml"
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    playbook.write_text(json.dumps([{**play, "vars": {"ansible_python_interpreter": sys.executable}}]))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(playbook)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    here, process = (json.loads((folder / name).read_text()) for name in ("here", "process"))
    return here, process


def _options(swarm: Swarm, name: str, tag: str = "v1", **more: t.Any) -> Json:
    deploy = {"endpoint_mode": "dnsrr", "update_config": {"monitor": "1s"}}
    web = {"image": swarm.images[tag], "deploy": deploy, "secrets": ["key"], "networks": ["net"]}
    definition = {
        "services": {"web": web},
        "networks": {"net": {}},
        "secrets": {"key": {"content": "hunter2-hunter2"}},
    }
    return {"name": name, "docker_host": swarm.host, "definition": definition, "wait_timeout": 40, **more}


def test_a_plan_is_the_same(swarm: Swarm, name: str, tmp_path: Path) -> None:
    options = _options(swarm, name, resolve_image=False)
    here, process = both_ways(tmp_path, options, check_mode=True, diff=True)
    assert here["changed"] and "not pinned" in here["warnings"][0]
    assert here == process
    assert "hunter2" not in str(here)


def test_a_deploy_and_what_it_finds_unchanged(swarm: Swarm, name: str, tmp_path: Path) -> None:
    here, process = both_ways(tmp_path, _options(swarm, name))
    assert here["changed"] and not process["changed"] and not process["failed"]
    recorded = {"duration": round(here["release"]["duration"], 1)}  # one digit of it is kept in the swarm
    assert {**here["release"], **recorded} == process["release"]
    assert here["services"][0]["state"] == process["services"][0]["state"] == "converged"


def test_a_failure_here_is_known_to_a_process(swarm: Swarm, name: str, tmp_path: Path) -> None:
    here, process = both_ways(tmp_path, _options(swarm, name, "crash", wait_timeout=20))
    assert here["failed"] and "exit code 7" in here["msg"] and process["failed"]
    assert here["failures"][0]["tasks"] and "very same image and settings in release 1" in process["msg"]


def test_no_engine_is_the_same(swarm: Swarm, name: str, tmp_path: Path) -> None:
    here, process = both_ways(tmp_path, _options(swarm, name, docker_host="unix:///nowhere/docker.sock"))
    assert here["failed"] and "no engine answers" in here["msg"]
    for answer in (here, process):
        answer.pop("exception", None)  # only a module has a traceback to offer, and only to those who ask
    assert here == process
