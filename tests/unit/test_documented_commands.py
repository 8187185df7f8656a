# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines in documents and in the heads of playbooks: playbooks, variables and files exist and suffice."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from documents import DOCUMENTS, ROOT, relative

from ansible_collections.apiary.swarm.plugins.plugin_utils._given import Variables, missing
from ansible_collections.apiary.swarm.plugins.plugin_utils._stack_files import Request, StackFiles

PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
#: Recordings show what was printed on another swarm, whose playbook is told there.
PAGES = [path for path in (*DOCUMENTS, *PLAYBOOKS) if path.name != "recordings.md"]


def command_lines(path: Path) -> Iterator[str]:
    """Yield the commands of a page: lines of code blocks and of indented text, continued ones as one."""
    text = re.sub(r"^#(?: |$)", "", path.read_text(), flags=re.MULTILINE)
    text = re.sub(r"\\\n\s*", " ", text)
    for line in text.splitlines():
        command = re.sub(r"^[\s$#]+", "", line)
        if re.match(r"(ansible-playbook|make [a-z]|examples/|docker stack deploy)", command):
            yield command


COMMANDS = {
    f"{relative(path)}-{number}": command for path in PAGES for number, command in enumerate(command_lines(path))
}
OURS = {place: command for place, command in COMMANDS.items() if "apiary.swarm." in command}


def given(words: list[str]) -> Mapping[str, Any]:
    """Return the variables that a command gives with C(-e)."""
    found: dict[str, Any] = {}
    for option, value in itertools.pairwise(words):
        if option == "-e":
            found.update(yaml.safe_load(value) if value.startswith("{") else dict([value.split("=", 1)]))
    return found


def settings(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is in the example file of the cluster that a command names, if there is one."""
    path = ROOT / f"examples/clusters/{variables.get('cluster')}.yml"
    return yaml.safe_load(path.read_text()) if path.exists() else {}


@pytest.mark.parametrize("command", OURS.values(), ids=OURS)
def test_u12_documented_playbook_is_called_as_it_must_be(command: str) -> None:
    """Its variables are known to the playbook, none is missing, and an inventory is given where it needs one."""
    words = shlex.split(command, comments=True)
    (name,) = (word.removeprefix("apiary.swarm.") for word in words if word.startswith("apiary.swarm."))
    plays = yaml.safe_load((ROOT / f"playbooks/{name}.yml").read_text())
    asks = plays[0]["tasks"][0]["apiary.swarm.playbook_input"]
    variables = given(words)
    of_inventory = ["region"] if asks.get("inventory") else []
    known = Variables([*asks.get("needs", {}), *asks.get("takes", []), *of_inventory], asks.get("roles", []))
    assert known.mistakes(variables, variables) == []
    assert missing(asks.get("needs", {}), {**settings(variables), **variables}) == ""
    assert ("-i" in words) is bool(asks.get("inventory"))


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_u12_documented_files_and_targets_exist(command: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        assert set(words[1:2]) <= targets
    for word in words:
        for path in re.findall(r"examples/[\w./-]+", word):
            assert (ROOT / path).exists()
            assert not word.endswith(".sh") or os.access(ROOT / path, os.X_OK)


def test_u12_every_playbook_is_documented_with_a_command() -> None:
    used = {name for command in OURS.values() for name in re.findall(r"apiary\.swarm\.(\w+)", command)}
    assert used == {path.stem for path in PLAYBOOKS}


def test_u12_the_examples_deploy_line_gives_what_its_file_reads() -> None:
    (command,) = [line for line in command_lines(ROOT / "examples/shop/README.md") if "swarm.deploy" in line]
    env = given(shlex.split(command.replace("$REGISTRY", "r.example")))["deploy_env"]
    path = ROOT / "examples/shop/stack.yml"
    model = StackFiles(DataLoader(), str).model(Request(name="shop", files=[str(path)], env=env))
    assert set(model.services) == {"gate", "storage", "redis"}
