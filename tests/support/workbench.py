# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real swarm to try modules on, and a runner for modules in this process."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import io
import json
import typing as t

import ansible.module_utils._internal
import docker
import pytest
from ansible.module_utils.testing import patch_module_args
from lab import Lab, Node, until

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import StackModel

_MODULES = "ansible_collections.apiary.swarm.plugins.modules"


@dataclasses.dataclass
class Outcome:
    """What a module answered."""

    failed: bool
    data: dict[str, t.Any]

    @property
    def changed(self) -> bool:
        return bool(self.data.get("changed"))

    @property
    def msg(self) -> str:
        return str(self.data.get("msg", ""))

    @property
    def text(self) -> str:
        """Everything that the module said, as one text."""
        return json.dumps(self.data)


def run_module(name: str, args: dict[str, t.Any], check: bool = False, diff: bool = False) -> Outcome:
    """Run a module in this process, as Ansible would, and return its answer.

    Other tests in this process may import the controller's parts, which would then show a module's warnings
    themselves: a module's own process has none of them, and returns its warnings.
    """
    module = importlib.import_module(f"{_MODULES}.{name}")
    said = io.StringIO()
    arguments = {**args, "_ansible_check_mode": check, "_ansible_diff": diff}
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(ansible.module_utils._internal, "is_controller", False)
        stack.enter_context(patch_module_args(arguments))
        stack.enter_context(contextlib.redirect_stdout(said))
        stack.enter_context(pytest.raises(SystemExit))
        module.main()
    data = json.loads(said.getvalue().strip().splitlines()[-1])
    return Outcome(bool(data.get("failed")), data)


@dataclasses.dataclass
class Swarm:
    """A real swarm with a registry that holds a few tiny images."""

    lab: Lab
    nodes: list[Node]
    client: docker.APIClient
    images: dict[str, str]

    @property
    def host(self) -> str:
        return self.nodes[0].host

    def stack(self, model: StackModel, check: bool = False, diff: bool = False, **args: t.Any) -> Outcome:
        """Run the module C(stack) with a model, as the controller would pass it."""
        slim, secrets = model.split_secret_data()
        args = {"docker_host": self.host, "wait_timeout": 40, **args}
        return run_module(
            "stack", {"name": model.name, "model": slim.to_dict(), "secret_data": secrets, **args}, check, diff
        )

    def module(self, module: str, check: bool = False, diff: bool = False, **args: t.Any) -> Outcome:
        """Run another module on the swarm's first manager."""
        return run_module(module, {"docker_host": self.host, **args}, check, diff)

    def spec(self, service: str) -> dict[str, t.Any]:
        """Return the live spec of a service."""
        return t.cast("dict[str, t.Any]", self.client.inspect_service(service)["Spec"])

    def tasks(self, service: str, state: str = "running") -> list[dict[str, t.Any]]:
        """Return the tasks of a service that are meant to run and are in a state."""
        found = self.client.tasks({"service": service, "desired-state": "running"})
        return [task for task in found if task["Status"]["State"] == state]

    def create(self, spec: dict[str, t.Any]) -> str:
        """Create a service behind the modules' back."""
        answer = self.client.post(self.client.base_url + "/services/create", json=spec)
        assert answer.status_code < 300, answer.text
        return str(answer.json()["ID"])

    def remove_network(self, network: str) -> None:
        """Remove a network as soon as its last task has let go of it."""

        def removed() -> bool:
            self.client.remove_network(network)
            return True

        until(removed, "the network to be free")

    def update(self, service: str, change: t.Callable[[dict[str, t.Any]], None], **query: t.Any) -> None:
        """Edit a service behind the modules' back, again if the engine has written to it meanwhile."""

        def done() -> bool:
            live = self.client.inspect_service(service)
            spec = live["Spec"]
            change(spec)
            url = f"{self.client.base_url}/services/{live['ID']}/update"
            answer = self.client.post(url, json=spec, params={"version": live["Version"]["Index"], **query})
            if "update out of sequence" in answer.text and "version" not in query:
                return False
            assert answer.status_code < 300, answer.text
            return True

        until(done, "an update in its turn")
