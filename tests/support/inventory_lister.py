# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists inventories without starting Ansible each time: one process that has it loaded, and forks for each listing.

Run as a program it reads requests, one JSON object a line with ``path`` and ``environment``, and answers each with one
line: ``data`` in the form of ``ansible-inventory --list``, ``stderr``, ``status``.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
import typing as t
from datetime import datetime
from pathlib import Path

import botocore.session

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ("apiary.swarm.ec2", "amazon.aws.aws_ec2", "ansible.builtin.yaml", "ansible.builtin.ini")


def listing(path: str) -> dict[str, t.Any]:
    """Return the inventory *path*, hosts of a group in their order."""
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader

    inventory = InventoryManager(loader=DataLoader(), sources=[path])
    hidden = ("inventory_file", "inventory_dir")
    data: dict[str, t.Any] = {
        "_meta": {
            "hostvars": {
                name: {key: value for key, value in host.vars.items() if key not in hidden}
                for name, host in inventory.hosts.items()
            }
        }
    }
    for name, group in inventory.groups.items():
        data[name] = {"hosts": [host.name for host in group.hosts]}
        if group.child_groups:
            data[name]["children"] = [child.name for child in group.child_groups]
    return data


def answer(request: dict[str, t.Any]) -> dict[str, t.Any]:
    """Carry out one request in a child process."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        pid = os.fork()
        if pid == 0:
            os.dup2(errors.fileno(), 2)
            os.environ.clear()
            os.environ.update(request["environment"])
            try:
                json.dump(listing(request["path"]), output, default=datetime.isoformat)
                output.flush()
                sys.stderr.flush()
                os._exit(0)
            except BaseException as exc:
                print(repr(exc), file=sys.stderr, flush=True)
                os._exit(1)
        dummy, status = os.waitpid(pid, 0)
        output.seek(0)
        errors.seek(0)
        text = output.read()
        return {"data": json.loads(text) if text else {}, "stderr": errors.read(), "status": status}


class Lister:
    """The program, seen from a test."""

    def __init__(self) -> None:
        paths = f"{ROOT}/.cache/ac:{ROOT}/.cache/collections"
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": paths},
        )

    def list(self, path: Path, environment: t.Mapping[str, str]) -> dict[str, t.Any]:
        """Return the answer for one inventory."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"path": str(path), "environment": dict(environment)}) + "\n")
        self._process.stdin.flush()
        found: dict[str, t.Any] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        """End the program."""
        self._process.communicate(timeout=30)


def load() -> None:
    """Load what listings need: Ansible, the SDK with its models, and the plugins with their documentation."""
    import boto3
    from ansible.inventory.manager import InventoryManager  # noqa: F401
    from ansible.plugins.loader import init_plugin_loader, inventory_loader

    init_plugin_loader([])
    for name in PLUGINS:
        inventory_loader.get(name)
    botocore.session.create_loader = functools.lru_cache(maxsize=None)(botocore.session.create_loader)
    boto3.client("ec2", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


if __name__ == "__main__":
    load()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
