# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The least that a module for a whole stack can do: the floor that benchmarks measure against, and no fair rival.

It lists services and tasks, compares environments only, and sends what differs. It resolves no digest, plans, locks,
waits and records nothing.
"""

from __future__ import annotations

import http.client
import json
import socket
import typing as t

from ansible.module_utils.basic import AnsibleModule


class Engine(http.client.HTTPConnection):
    """One connection to an engine's socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker")
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)

    def ask(self, method: str, path: str, body: t.Any = None) -> t.Any:
        """Return the answer; raises OSError when the engine refuses."""
        text = None if body is None else json.dumps(body)
        self.request(method, path, text, {"Content-Type": "application/json"})
        answer = self.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise OSError(f"{method} {path}: {data.decode()}")
        return json.loads(data) if data.strip() else None


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "docker_host": {"type": "str", "required": True},
            "network": {"type": "str", "required": True},
            "image": {"type": "str", "required": True},
            "services": {"type": "dict", "required": True},
        }
    )
    engine = Engine(module.params["docker_host"].split("://", 1)[1])
    live = {service["Spec"]["Name"]: service for service in engine.ask("GET", "/services")}
    engine.ask("GET", "/tasks")
    writes = 0
    network = ""
    for name, env in module.params["services"].items():
        wanted = [f"{key}={value}" for key, value in env.items()]
        found = live.get(name)
        if found is None:
            if not network:
                body = {"Name": module.params["network"], "Driver": "overlay"}
                network = engine.ask("POST", "/networks/create", body)["Id"]
            engine.ask("POST", "/services/create", spec(name, module.params["image"], wanted, network))
        elif found["Spec"]["TaskTemplate"]["ContainerSpec"].get("Env") != wanted:
            found["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = wanted
            path = f"/services/{found['ID']}/update?version={found['Version']['Index']}"
            engine.ask("POST", path, found["Spec"])
        else:
            continue
        writes += 1
    module.exit_json(changed=writes > 0, writes=writes)


def spec(name: str, image: str, env: list[str], network: str) -> dict[str, t.Any]:
    """Return the spec of a new service."""
    return {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": {"Image": image, "Env": env}, "Networks": [{"Target": network}]},
        "Mode": {"Replicated": {"Replicas": 1}},
        "EndpointSpec": {"Mode": "dnsrr"},
    }


if __name__ == "__main__":
    main()
