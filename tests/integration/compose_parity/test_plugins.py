# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action stack and the lookup stack_file in a real playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

GOOD = "services: {web: {image: app, secrets: [pw]}}\nsecrets: {pw: {environment: PW}}\n"


def play(folder: Path, task: dict[str, t.Any], *arguments: str) -> dict[str, t.Any]:
    """Run one task against a host where nothing answers; return its result, with all that was printed as C(output)."""
    plays = [{"hosts": "all", "gather_facts": False, "tasks": [{"name": "It", **task}]}]
    (folder / "play.yml").write_text(json.dumps(plays))
    env = {
        **os.environ,
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "PW": "from the process",
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "192.0.2.1,", *arguments, "play.yml"]
    # 192.0.2.0/24 is for documentation: a connection to it would time out.
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    result: dict[str, t.Any] = json.JSONDecoder().raw_decode(done.stdout.partition(" => ")[2])[0]
    result["output"] = done.stdout + done.stderr
    return result


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"files": ["bad.yml"]},
            'bad.yml:3: services.web.imgae: is not a key that is known here (did you mean "image"?)',
        ),
        ({"files": ["nope.yml"]}, "nope.yml: the file does not exist on the controller"),
        ({"files": ["stack.yml"]}, "the variable PW is not set; give it in env"),
        ({}, 'give the stack file in "files", or the stack as data in "definition"'),
        ({"fles": ["stack.yml"]}, 'there is no option "fles" (did you mean "files"?)'),
        ({"files": ["stack.yml"], "wait_timeout": "long"}, "wait_timeout"),
        ({"files": ["stack.yml"], "model": {"version": 1}}, "the variable PW is not set"),
        ({"definition": {"services": {"web": {}}}}, 'definition: services.web: needs an "image"'),
        ({"definition": {"services": {"web": {"image": "a"}}}, "name": "my shop"}, "the stack cannot have this name"),
    ],
)
def test_bad_input_needs_no_connection(tmp_path: Path, options: dict[str, t.Any], says: str) -> None:
    (tmp_path / "stack.yml").write_text(GOOD)
    (tmp_path / "bad.yml").write_text("services:\n  web:\n    imgae: app\n")
    result = play(tmp_path, {"apiary.swarm.stack": {"name": "shop", **options}})
    assert says in result["msg"]
    assert "\n" not in result["msg"]
    assert "Traceback" not in result["output"]


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "stack.yml").write_text(GOOD)
    options = {"name": "shop", "files": ["stack.yml"], "env": {"PW": "swordfish"}, "docker_host": "unix:///nowhere"}
    task = {"apiary.swarm.stack": options, "connection": "ansible.builtin.local"}
    result = play(tmp_path, task, "-vvv")
    assert "no engine answers at unix:///nowhere" in result["msg"]
    assert "swordfish" not in result["output"]
    assert "c3dvcmRmaXNo" not in result["output"]


def test_lookup(tmp_path: Path) -> None:
    (tmp_path / "stack.yml").write_text(GOOD)
    lookup = "{{ lookup('apiary.swarm.stack_file', 'stack.yml', name='shop', env={'PW': 'x'}, log_group_prefix='/x') }}"
    result = play(tmp_path, {"ansible.builtin.debug": {"msg": lookup}})
    assert result["msg"]["log_groups"] == [{"name": "/x/shop/web"}]


def test_lookup_of_a_bad_file(tmp_path: Path) -> None:
    (tmp_path / "stack.yml").write_text(GOOD)
    result = play(
        tmp_path,
        {"ansible.builtin.debug": {"msg": "{{ lookup('apiary.swarm.stack_file', 'stack.yml', name='shop') }}"}},
    )
    assert "stack.yml:2: secrets.pw.environment: the variable PW is not set; give it in env" in result["msg"]
