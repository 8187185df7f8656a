# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks talk to the first host that answers as a manager, whatever the others do."""

from __future__ import annotations

import json
import socket
import time
import typing as t
from pathlib import Path

import pytest
from lab_ansible import Done, ansible_playbook
from workbench import Swarm

GIVEN = ("-e", json.dumps({"cluster": "lab", "region": "eu-west-1"}))
Choose = t.Callable[..., tuple[str, Done]]


@pytest.fixture
def silent() -> t.Iterator[int]:
    """The port of a machine that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def choose(swarm: Swarm, tmp_path: Path) -> Choose:
    """Return a function that lets the playbooks choose among hosts; it returns the one chosen, and the run.

    Hosts are C(n1), the manager, C(n2), a worker, or ports of ssh.
    """

    def run(hosts: t.Mapping[str, int | str], *options: str) -> tuple[str, Done]:
        members: dict[str, t.Any] = {}
        for name, what in hosts.items():
            ssh = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": what}
            members[name] = ssh if isinstance(what, int) else {}
        groups = {name: {"hosts": members} for name in ("managers", "lab")}
        (tmp_path / "managers.json").write_text(json.dumps({"all": {"children": groups}}))
        tell = [
            {"hosts": "localhost", "gather_facts": False, "tasks": [{"debug": {"msg": "chosen={{ swarm_manager }}"}}]}
        ]
        found = {"name": "Find", "set_fact": {"__input": {"managers": list(hosts)}}}
        first = {"hosts": "localhost", "gather_facts": False, "tasks": [found]}
        (tmp_path / "choose.yml").write_text(
            json.dumps([first, {"import_playbook": "apiary.swarm.parts.manager"}, {"import_playbook": "tell.yml"}])
        )
        (tmp_path / "tell.yml").write_text(json.dumps(tell))
        # The worker comes first, so that lab_ansible does not put the manager into the group before it.
        nodes = [swarm.nodes[1], swarm.nodes[0]]
        done = ansible_playbook(nodes, tmp_path, "-i", "managers.json", "choose.yml", *GIVEN, *options)
        return done.stdout.rpartition("chosen=")[2].partition('"')[0], done

    return run


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["real", "check"])
def test_a21_u5_u18_the_first_that_answers_as_a_manager_is_chosen(
    choose: Choose, silent: int, options: tuple[str, ...]
) -> None:
    """Before it: a worker, which knows no nodes, a machine without sshd, and one that hangs. No red line."""
    began = time.monotonic()
    chosen, done = choose({"n2": "worker", "deaf": 9, "hung": silent, "n1": "manager"}, *options)
    assert chosen == "n1", done.stdout + done.stderr
    assert done.returncode == 0
    assert "fatal" not in done.stdout and "unreachable=1" not in done.stdout and "failed=1" not in done.stdout
    assert "Ask again" not in done.stdout or "skipping" in done.stdout
    assert time.monotonic() - began < 60


def test_u18_none_answers(choose: Choose) -> None:
    """One sentence, with the reason of each."""
    dummy, done = choose({"n2": "worker", "deaf": 9}, "-e", "swarm_patience=1")
    assert done.returncode != 0
    text = " ".join(done.stdout.split())
    assert "No manager of lab answers. n2: " in text, done.stdout + done.stderr
    assert "not a swarm manager" in text or "not a manager" in text
    assert "deaf: Failed to connect to the host via ssh" in text
