# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets planted in all that modules, lookups and playbooks are given, and a look for them in all that comes out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: What is planted, by where.
PLANTED = {
    "env": "envhunter2", "env_number": 86753091, "env_file": "filehunter2", "content": "contenthunter2",
    "login": "loginhunter2", "stack": "stackhunter2", "model": "modelhunter2", "command": "wordhunter2",
    "label": "labelhunter2", "log": "tokenhunter2", "address": "addresshunter2", "access_key": "keyidhunter2",
    "secret_key": "keyhunter2", "session_token": "sessionhunter2", "vault": "vaulthunter2",
}  # fmt: skip
NEEDLES = [str(value) for value in PLANTED.values()]

#: C(make test-faults) tries all of everything, C(make test) a sample.
ALL = os.environ.get("LEAKS") == "all"


def shown(text: str) -> list[str]:
    """Return the planted values that a text holds."""
    return [needle for needle in NEEDLES if needle in text]


def traces(said: str, folder: Path) -> list[str]:
    """Return the lines with planted values in what was printed, and the files with some under a folder."""
    found = [line for line in said.splitlines() if shown(line)]
    files = (path for path in folder.rglob("*") if path.is_file())
    return found + [str(path) for path in files if shown(path.read_text(errors="replace"))]


def interpreter(how: str, folder: Path) -> str:
    """Return a Python for modules: the controller's own, with which actions work in its process, or another name."""
    if how == "in process":
        return sys.executable
    (folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "python").chmod(0o755)
    return str(folder / "python")


def quiet_places(folder: Path) -> dict[str, str]:
    """Return the environment with which Ansible writes all that it writes below a folder."""
    return {
        **os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_LOG_PATH":
        str(folder / "log"), "ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_REMOTE_TMP": str(folder / "remote"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"), "TMPDIR": str(folder), "COLUMNS": "500",
        "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.cache/ac:{ROOT}/.cache/collections",
    }  # fmt: skip


def play(
    tasks: list[dict[str, t.Any]], folder: Path, places: Path, how: str = "in process", **variables: str
) -> tuple[int, str]:
    """Run tasks that all fail at C(-vvv), with the secrets as variables; return how many failed, and what was printed.

    :param folder: where the playbook and the files of the tasks are.
    :param places: where Ansible may write.
    """
    plays = [{"hosts": "localhost", "gather_facts": False, "tasks": [{**one, "ignore_errors": True} for one in tasks]}]
    (folder / "play.yml").write_text(json.dumps(plays))
    (folder / "planted.json").write_text(json.dumps({"planted": PLANTED}))
    python = f"ansible_python_interpreter={interpreter(how, places)}"
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", "-vvv",
               "-e", python, "-e", "@planted.json", "play.yml"]  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, env={**quiet_places(places), **variables}, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    _before, _ignored, count = said.rpartition("ignored=")
    return int(count.split()[0]) if count else -1, said
