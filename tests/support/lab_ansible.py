# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible against nodes of a laboratory, as if a connection led into each of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from lab import Node

Done = subprocess.CompletedProcess[str]


def ansible_playbook(nodes: t.Sequence[Node], folder: Path, *arguments: str) -> Done:
    """Run C(ansible-playbook) in a folder; the first node is in C(managers), all are in the cluster C(lab)."""
    hosts = {node.name: _host(node, folder) for node in nodes}
    groups: dict[str, t.Any] = {
        "managers": {"hosts": {nodes[0].name: {}}},
        "lab": {"hosts": {name: {} for name in hosts}},
    }
    (folder / "inventory.yml").write_text(json.dumps({"all": {"hosts": hosts, "children": groups}}))
    env = {**os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_LOCALHOST_WARNING": "false", "COLUMNS": "120"}
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory.yml", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False)


def task(
    nodes: t.Sequence[Node], folder: Path, module: str, options: dict[str, t.Any], host: str, *arguments: str
) -> Done:
    """Run one task on one node."""
    plays = [{"hosts": host, "gather_facts": False, "tasks": [{"name": "It", f"apiary.swarm.{module}": options}]}]
    (folder / "play.yml").write_text(json.dumps(plays))
    return ansible_playbook(nodes, folder, "play.yml", *arguments)


def _host(node: Node, folder: Path) -> dict[str, t.Any]:
    """Return the host variables of a node: its interpreter enters the node's namespaces first."""
    node.run("ln", "-sf", str(node.socket), "/run/docker.sock")
    interpreter = folder / f"python-{node.name}"
    interpreter.write_text(f'#!/bin/sh\nexec {" ".join(node.enter())} {sys.executable} "$@"\n')
    interpreter.chmod(0o755)
    return {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_host": node.address,
        "ansible_python_interpreter": str(interpreter),
    }
