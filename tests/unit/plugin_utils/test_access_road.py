# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a stack says of the road to its nodes to what Ansible connects with."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Template

from ansible_collections.apiary.swarm.plugins.plugin_utils._access import connect, road

ENDPOINT = "eice-0123456789abcdef0"
SAID = {"by": "endpoint", "user": "admin", "key": "sent", "endpoint": ENDPOINT}
HOST = {
    "swarm_node": {"instance_id": "i-0123456789abcdef0", "region": "eu-west-1"},
    "swarm_access": {**SAID, "address": "10.20.192.4"},
}
CONNECT = ("/usr/bin/python3", "-P", "/c/connect.py")


def said(**values: object) -> str:
    return json.dumps({**SAID, **values})


def arguments(group: str, connect_by: Sequence[str] = CONNECT) -> list[str]:
    """Return ssh's arguments as Ansible makes them of the variables of *group*."""
    text = road.group_variables(group, list(connect_by), "/tmp/k")["ansible_ssh_common_args"]
    return shlex.split(Template(text).render(HOST))


def proxy(words: list[str]) -> list[str]:
    (found,) = [word.removeprefix("ProxyCommand=") for word in words if word.startswith("ProxyCommand=")]
    return shlex.split(found)


def test_a3_a_road_through_an_endpoint() -> None:
    found = road.parse_road(said())
    assert found == road.Road("endpoint", "admin", False, ENDPOINT)
    assert road.group_name(found) == "access_endpoint" and road.is_group("access_endpoint")
    words = arguments("access_endpoint")
    assert {"IdentityFile=/tmp/k", "IdentitiesOnly=yes", "HostKeyAlias=i-0123456789abcdef0"} <= set(words)
    assert proxy(words) == [
        *CONNECT, "--region", "eu-west-1", "--instance", "i-0123456789abcdef0", "--key", "/tmp/k.pub",
        "--endpoint", ENDPOINT, "--user", "%r", "10.20.192.4", "%p",
    ]  # fmt: skip


def test_a3_variables_leave_what_is_ansibles_own() -> None:
    given = road.group_variables("access_endpoint", list(CONNECT), "/tmp/k")
    assert given.keys() == {
        "ansible_user",
        "ansible_python_interpreter",
        "ansible_ssh_common_args",
        "ansible_ssh_timeout",
    }
    assert "ansible_ssh_timeout" not in road.group_variables("access_direct_own_key", list(CONNECT), "")


@pytest.mark.parametrize("by", ["direct", "inside"])
def test_a3_a_direct_road_sends_the_key_and_dials(by: str) -> None:
    found = road.parse_road(said(by=by, endpoint=""))
    command = proxy(arguments(road.group_name(found)))
    assert "--key" in command and "--endpoint" not in command


def test_a3_with_a_key_of_ones_own_ssh_connects_as_it_always_did() -> None:
    found = road.parse_road(said(by="direct", key="own", endpoint=""))
    assert road.has_own_key(road.group_name(found))
    words = arguments(road.group_name(found))
    assert [word for word in words if word.startswith(("ProxyCommand", "Identit"))] == []
    assert "--key" not in proxy(arguments("access_endpoint_own_key"))


def test_a3_a_session_carries_ssh(tmp_path: Path) -> None:
    """The plugin takes over as the same process, and finds what SSM has answered where nobody else can read it."""
    command = proxy(arguments(road.group_name(road.parse_road(said(by="ssm", endpoint="")))))
    assert "--session" in command and "--key" in command and "--endpoint" not in command
    plugin = tmp_path / "session-manager-plugin"
    plugin.write_text('#!/bin/sh\nprintf "%s|" "$@" "$(printenv "$1")"\n')
    plugin.chmod(0o755)
    code = (
        "from ansible_collections.apiary.swarm.plugins.plugin_utils._access import connect;"
        "connect.session_manager(['eu-west-1', 'StartSession'], {'TokenValue': 'secret'})"
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    expected = ["AWS_SSM_START_SESSION_RESPONSE", "eu-west-1", "StartSession", '{"TokenValue": "secret"}']
    assert done.stdout.split("|")[:-1] == expected
    plugin.unlink()
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert "session-manager-plugin is not installed on this machine" in failed.stderr


def test_a3_a_folder_with_blanks_and_percent_signs_is_one_word_of_the_shell(tmp_path: Path) -> None:
    program = tmp_path / "a b%h's" / "connect.py"
    program.parent.mkdir()
    program.write_text("import sys; print(sys.argv[-2:])")
    (command,) = [
        word.removeprefix("ProxyCommand=")
        for word in arguments("access_endpoint", [sys.executable, "-P", str(program)])
        if word.startswith("ProxyCommand=")
    ]
    # What ssh makes of it, and how it runs it.
    shown = command.replace("%r", "admin").replace("%p", "22").replace("%%", "%")
    done = subprocess.run(["/bin/sh", "-c", f"exec {shown}"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['10.20.192.4', '22']"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        said(by="tunnel"),
        said(key="mine"),
        said(user="a b"),
        said(user="-oProxyCommand=x"),
        said(user=None),
        said(endpoint=""),
        said(endpoint="eice-1; rm -rf /"),
        said(endpoint=None),
        said(by="direct"),
    ],
)
def test_a3_what_names_no_road_is_refused(text: str) -> None:
    with pytest.raises(road.RoadError):
        road.parse_road(text)


@pytest.mark.parametrize("name", ["access_", "access_bastion", "managers", "access_own_key", "endpoint"])
def test_other_groups_are_no_roads(name: str) -> None:
    assert not road.is_group(name)


def test_a3_the_program_runs_from_wherever_it_is_installed(tmp_path: Path) -> None:
    """By its path alone, from a folder with packages of the same names; what goes wrong is one sentence."""
    for name in ("plugins", "module_utils", "plugin_utils", "apiary_swarm"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong one')")
    done = subprocess.run(
        [sys.executable, "-P", connect.__file__, "--region", "eu-west-1", "--user", "a", "127.0.0.1", "1"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("No connection to 127.0.0.1 port 1: ") and done.stderr.count("\n") == 1


def test_the_template_says_a_road_that_is_understood() -> None:
    text = (Path(__file__).resolve().parents[3] / "roles/cluster/files/cluster.template").read_text()
    (value,) = [line for line in text.splitlines() if '"by"' in line]
    filled: Any = value.strip().removeprefix("- '").removesuffix("'")
    for name, word in {"Access": "endpoint", "AccessUser": "admin", "Key": "sent", "Endpoint": ENDPOINT}.items():
        filled = filled.replace(f"${{{name}}}", word)
    assert road.parse_road(filled).endpoint == ENDPOINT
