# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(ServiceSpec) of a service, but for its containers: mode, updates, resources, placement, ports."""

from __future__ import annotations

import re
import typing as t

from .. import constraints
from ..compose import Project
from ..model import Spec
from ..problems import Path, kind
from ..values import single_precision

Definition = t.Mapping[str, t.Any]

_LEAST = (("cpus", "NanoCPUs", 10**6, '"0.001"'), ("memory", "MemoryBytes", 4 * 1024**2, '"4m"'))


class ServiceParts:
    """The parts of one service's spec that come from C(deploy), C(ports) and C(restart)."""

    def __init__(self, project: Project, service: str, definition: Definition) -> None:
        self.project = project
        self.service = service
        self.definition = definition
        self.deploy: Definition = definition.get("deploy", {})

    def _path(self, *keys: str) -> Path:
        return ("services", self.service, *keys)

    def mode(self) -> Spec:
        """Raises ComposeError when replicas are given for a mode that has none."""
        mode, replicas = self.deploy.get("mode") or "replicated", self.deploy.get("replicas")
        if mode in {"global", "global-job"}:
            if replicas is not None:
                problem = f"mode {mode} runs one task on each node and takes no replicas; remove them"
                raise self.project.error(self._path("deploy", "replicas"), problem)
            return {"Global": {}} if mode == "global" else {"GlobalJob": {}}
        if mode == "replicated-job":
            return {"ReplicatedJob": {} if replicas is None else _job(replicas)}
        return {"Replicated": {} if replicas is None else {"Replicas": replicas}}

    def update(self, key: str) -> Spec | None:
        """Return C(UpdateConfig) or C(RollbackConfig). Raises ComposeError for a job, which knows neither."""
        config = self.deploy.get(key)
        if config is None:
            return None
        if self.deploy.get("mode") in {"replicated-job", "global-job"}:
            raise self.project.error(self._path("deploy", key), "a job is not updated step by step; remove it")
        spec: Spec = {"Parallelism": config.get("parallelism", 1)}
        for option, field in (("delay", "Delay"), ("failure_action", "FailureAction"), ("monitor", "Monitor")):
            if config.get(option):
                spec[field] = config[option]
        ratio = config.get("max_failure_ratio", 0)
        spec["MaxFailureRatio"] = single_precision(ratio) if isinstance(ratio, float) else ratio
        spec["Order"] = config.get("order", "")
        return spec

    def resources(self) -> Spec:
        resources = self.deploy.get("resources", {})
        spec: Spec = {}
        limits, pids = resources.get("limits"), self._pids(resources.get("limits") or {})
        if limits is not None or pids:
            values = {**self._amounts("limits", limits or {}), "Pids": pids}
            spec["Limits"] = {key: value for key, value in values.items() if value}
        reservations = resources.get("reservations")
        if reservations is not None:
            values = self._amounts("reservations", reservations)
            values["GenericResources"] = [
                _generic(item["discrete_resource_spec"])
                for item in reservations.get("generic_resources", [])
                if item.get("discrete_resource_spec")
            ]
            spec["Reservations"] = {key: value for key, value in values.items() if value}
        return spec

    def _amounts(self, key: str, resources: Definition) -> Spec:
        values = {"NanoCPUs": resources.get("cpus", 0), "MemoryBytes": resources.get("memory", 0)}
        for option, field, least, written in _LEAST:
            if 0 < values[field] < least:
                problem = f"must be at least {written}: the engine refuses less"
                raise self.project.error(self._path("deploy", "resources", key, option), problem)
        return values

    def _pids(self, limits: Definition) -> int:
        both = [value for value in (limits.get("pids"), self.definition.get("pids_limit")) if value is not None]
        if len(set(both)) > 1:
            problem = f"is {both[1]}, but deploy.resources.limits.pids is {both[0]}; remove one of them"
            raise self.project.error(self._path("pids_limit"), problem)
        # The engine knows "no limit" as 0 only.
        return max(0, both[0]) if both else 0

    def restart_policy(self) -> Spec | None:
        """Return the policy of C(deploy.restart_policy), or else of C(restart). Raises ComposeError."""
        policy = self.deploy.get("restart_policy")
        if policy is not None:
            spec: Spec = {"Condition": policy["condition"]} if policy.get("condition") else {}
            for option, field in (("delay", "Delay"), ("max_attempts", "MaxAttempts"), ("window", "Window")):
                if policy.get(option) is not None:
                    spec[field] = policy[option]
            return spec
        restart = self.definition.get("restart", "")
        match = re.fullmatch(r"(no|always|unless-stopped|on-failure)(?::([0-9]+))?", restart)
        if not restart:
            return None
        if match is None:
            problem = f'must be "no", always, unless-stopped or on-failure, not {kind(restart)}'
            raise self.project.error(self._path("restart"), problem)
        name, attempts = match.group(1), int(match.group(2) or 0)
        if name == "no":
            return None
        condition: Spec = {"Condition": "on-failure" if name == "on-failure" else "any"}
        return {**condition, "MaxAttempts": attempts} if attempts else condition

    def placement(self) -> Spec:
        placement = self.deploy.get("placement", {})
        for constraint in placement.get("constraints", []):
            problem = constraints.problem(constraint) or constraints.unknown(constraint)
            if problem:
                raise self.project.error(self._path("deploy", "placement", "constraints"), problem)
        values = {
            "Constraints": placement.get("constraints"),
            "Preferences": [
                {"Spread": {"SpreadDescriptor": item.get("spread", "")}} for item in placement.get("preferences", [])
            ],
            "MaxReplicas": placement.get("max_replicas_per_node"),
        }
        return {key: value for key, value in values.items() if value}

    def endpoint(self) -> Spec:
        """Raises ComposeError for ports that cannot be published together."""
        ports = [_port(port) for port in self.definition.get("ports", [])]
        ports.sort(key=lambda port: (
            port.get("PublishedPort", 0), port["TargetPort"], port.get("Protocol", ""), port.get("PublishMode", "")
        ))  # fmt: skip
        taken: dict[tuple[int, str], Spec] = {}
        for port in ports:
            number, protocol = port.get("PublishedPort", 0), port.get("Protocol") or "tcp"
            if number and (number, protocol) in taken:
                problem = f"{number}/{protocol} is published twice; choose another port for one of them"
                raise self.project.error(self._path("ports"), problem)
            taken[(number, protocol)] = port
        mode = self.deploy.get("endpoint_mode", "")
        if mode == "dnsrr" and any(port.get("PublishMode", "ingress") == "ingress" for port in ports):
            problem = 'endpoint_mode dnsrr has no address for ingress ports; publish them with "mode: host" or use vip'
            raise self.project.error(self._path("deploy", "endpoint_mode"), problem)
        spec: Spec = {"Mode": mode, "Ports": ports}
        return {key: value for key, value in spec.items() if value}

    def log_driver(self) -> Spec | None:
        logging = self.definition.get("logging")
        if logging is None:
            return None
        spec = {"Name": logging.get("driver"), "Options": logging.get("options")}
        return {key: value for key, value in spec.items() if value}


def _job(replicas: int) -> Spec:
    return {"MaxConcurrent": replicas, "TotalCompletions": replicas}


def _generic(resource: Definition) -> Spec:
    values = {"Kind": resource["kind"], "Value": resource["value"]}
    return {"DiscreteResourceSpec": {key: value for key, value in values.items() if value}}


def _port(port: Definition) -> Spec:
    values = {
        "Protocol": port.get("protocol"),
        "TargetPort": port["target"],
        "PublishedPort": port.get("published"),
        "PublishMode": port.get("mode"),
    }
    return {key: value for key, value in values.items() if value}
