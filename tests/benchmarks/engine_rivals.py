# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to deploy many services, each as one command: ours, the peers, and a minimal module as the floor."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
import typing as t
from collections.abc import Callable, Sequence
from pathlib import Path

from engine_site import STACK, Site, environments, stack_file
from measure import BIN, CACHE, Run, environment, run

LIBRARY = Path(__file__).with_name("library")
PEERS = str(CACHE / "peers")
"""What community.docker.docker_stack wants to import."""
DOCKER = shutil.which("docker") or "docker"
Command = tuple[Sequence[str], dict[str, str]]


class Rivals:
    """Makes the commands for one site.

    :ivar host: the engine's address, or that of a proxy before it.
    """

    def __init__(self, site: Site, host: str = "") -> None:
        self.site = site
        self.host = host or site.node.host
        self.folder = CACHE / "engine"
        self.folder.mkdir(parents=True, exist_ok=True)

    def command(self, name: str, count: int, value: str, **options: t.Any) -> Command:
        """Write the files and return the command that deploys *count* services, the first one with *value*.

        :param options: further options of our module; ``wait`` also of the command line, ``interpreter`` of Ansible.
        """
        file = self.folder / f"{name}-stack.yml"
        file.write_text(json.dumps(stack_file(self.site.image, count, value), indent=1), encoding="utf-8")
        if name == "cli":
            return self._cli(file, options.get("wait", False)), environment()
        interpreter = options.pop("interpreter", sys.executable)
        tasks = getattr(self, f"_{name}")(file, count, value, **options)
        playbook = self.folder / f"{name}.yml"
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        playbook.write_text(json.dumps([play], indent=1), encoding="utf-8")
        env = environment(ANSIBLE_LIBRARY=str(LIBRARY), PYTHONPATH=PEERS, ANSIBLE_PYTHON_INTERPRETER=interpreter)
        return [str(BIN / "ansible-playbook"), "-i", "localhost,", str(playbook)], env

    def deploy(self, name: str, count: int, value: str, **options: t.Any) -> Callable[[], Run]:
        """Return a function that deploys once; its files are written now, so that nothing but the run is timed."""
        command, env = self.command(name, count, value, **options)
        return lambda: run(command, env)

    def _ours(self, file: Path, count: int, value: str, **options: t.Any) -> list[dict[str, t.Any]]:
        return [{"apiary.swarm.stack": {"docker_host": self.host, "name": STACK, "files": [str(file)], **options}}]

    def _module(self, file: Path, count: int, value: str, **options: t.Any) -> list[dict[str, t.Any]]:
        """Ours as a process of its own, as on any host but the controller; an environment asks for one."""
        (task,) = self._ours(file, count, value, **options)
        return [{**task, "environment": {"APIARY": "swarm"}}]

    def _stack(self, file: Path, count: int, value: str, **options: t.Any) -> list[dict[str, t.Any]]:
        arguments = {"docker_host": self.host, "docker_cli": DOCKER, "name": STACK, "compose": [str(file)]}
        return [{"community.docker.docker_stack": arguments}]

    def _minimal(self, file: Path, count: int, value: str, **options: t.Any) -> list[dict[str, t.Any]]:
        services = {f"{STACK}_{name}": env for name, env in environments(count, value).items()}
        network = f"{STACK}_net"
        arguments = {
            "docker_host": self.host,
            "image": self.site.image,
            "network": network,
            "services": services,
        }
        return [{"minimal_stack": arguments}]

    def _loop(self, file: Path, count: int, value: str, **options: t.Any) -> list[dict[str, t.Any]]:
        items = [{"name": f"{STACK}_{name}", "env": env} for name, env in environments(count, value).items()]
        arguments = {
            "docker_host": self.host,
            "name": "{{ item.name }}",
            "image": self.site.image,
            "resolve_image": True,
            "env": "{{ item.env }}",
            "networks": [f"{STACK}_net"],
            "endpoint_mode": "dnsrr",
        }
        return [
            {
                "community.docker.docker_swarm_service": arguments,
                "loop": items,
                "loop_control": {"label": "{{ item.name }}"},
            },
        ]

    def _cli(self, file: Path, wait: bool) -> list[str]:
        detach = [f"--detach={str(not wait).lower()}"] if self.can_wait() else []
        return [DOCKER, "-H", self.host, "stack", "deploy", *detach, "-c", str(file), STACK]

    @staticmethod
    @functools.cache
    def can_wait() -> bool:
        """Tell whether the command line can wait for what it has sent (since Docker 26)."""
        command = [DOCKER, "stack", "deploy", "--help"]
        return "--detach" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def docker_version() -> str:
    """Return the version of the command line."""
    text = subprocess.run([DOCKER, "--version"], capture_output=True, text=True, check=True).stdout
    return f"docker {text.split()[2].rstrip(',')}"
