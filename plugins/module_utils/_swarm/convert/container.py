# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(ContainerSpec) of a service."""

from __future__ import annotations

import typing as t

from ..._references import completed
from ..compose import Project
from ..model import LABEL_NAMESPACE, Spec
from ..problems import kind
from ..values import capability, is_address
from .mounts import Mounts
from .objects import Objects
from .security import privileges

Definition = t.Mapping[str, t.Any]


def container_spec(
    project: Project,
    stack: str,
    service: str,
    definition: Definition,
    mounts: Mounts,
    configs: Objects,
    secrets: Objects,
) -> Spec:
    """Return the spec of the containers, leaving out what is not set, as Docker does. Raises ComposeError."""
    credential = definition.get("credential_spec", {}).get("config")
    config_name = configs.name_of(service, credential, "credential_spec") if credential else ""
    add, drop = _capabilities(definition.get("cap_add", []), definition.get("cap_drop", []))
    spec: Spec = {
        "Image": completed(definition["image"]),
        "Labels": {**definition.get("labels", {}), LABEL_NAMESPACE: stack},
        "Command": definition.get("entrypoint"),
        "Args": definition.get("command"),
        "Hostname": definition.get("hostname"),
        "Env": _environment(definition.get("environment", {})),
        "Dir": definition.get("working_dir"),
        "User": definition.get("user"),
        "Groups": definition.get("group_add"),
        "Privileges": privileges(project, service, definition, config_name),
        "StopSignal": definition.get("stop_signal"),
        "TTY": definition.get("tty"),
        "OpenStdin": definition.get("stdin_open"),
        "ReadOnly": definition.get("read_only"),
        "Mounts": mounts.of(service, definition),
        "Healthcheck": _healthcheck(project, service, definition.get("healthcheck")),
        "Hosts": [_host(entry) for entry in definition.get("extra_hosts", [])],
        "DNSConfig": _dns(project, service, definition),
        "Secrets": secrets.references(service, definition),
        "Configs": configs.references(service, definition),
        "Isolation": definition.get("isolation"),
        "Sysctls": definition.get("sysctls"),
        "CapabilityAdd": add,
        "CapabilityDrop": drop,
        "Ulimits": _ulimits(definition.get("ulimits", {})),
        "OomScoreAdj": definition.get("oom_score_adj"),
    }
    spec = {key: value for key, value in spec.items() if value}
    # These three can be told from missing ones when they are false, zero or empty.
    if definition.get("init") is not None:
        spec["Init"] = definition["init"]
    if definition.get("stop_grace_period") is not None:
        spec["StopGracePeriod"] = definition["stop_grace_period"]
    if definition.get("healthcheck") is not None:
        spec.setdefault("Healthcheck", {})
    return spec


def _environment(variables: t.Mapping[str, str | None]) -> list[str]:
    """Return C(NAME=value) entries; a bare name removes the variable of the image."""
    return sorted(name if value is None else f"{name}={value}" for name, value in variables.items())


def _capabilities(add: t.Iterable[str], drop: t.Iterable[str]) -> tuple[list[str], list[str]]:
    """Return both lists in Docker's form: adding wins, V(ALL) covers the rest."""
    added = {capability(name) for name in add}
    dropped = {capability(name) for name in drop}
    added = {"ALL"} if "ALL" in added else added
    dropped = {"ALL"} if "ALL" in dropped else dropped
    return sorted(added - {"RESET"}), sorted(dropped - added - {"RESET"})


def _healthcheck(project: Project, service: str, check: Definition | None) -> Spec | None:
    if check is None:
        return None
    if check.get("disable"):
        if check.get("test"):
            problem = '"test" and "disable" contradict each other; remove one of them'
            raise project.error(("services", service, "healthcheck"), problem)
        return {"Test": ["NONE"]}
    spec = {
        "Test": check.get("test"),
        "Interval": check.get("interval"),
        "Timeout": check.get("timeout"),
        "StartPeriod": check.get("start_period"),
        "StartInterval": check.get("start_interval"),
        "Retries": check.get("retries"),
    }
    return {key: value for key, value in spec.items() if value}


def _host(entry: str) -> str:
    name, _colon, address = entry.partition(":")
    return f"{address} {name}"


def _dns(project: Project, service: str, definition: Definition) -> Spec | None:
    for address in definition.get("dns", []):
        if not is_address(address):
            problem = f"must be an IP address, not {kind(address)}"
            raise project.error(("services", service, "dns"), problem)
    spec = {
        "Nameservers": definition.get("dns"),
        "Search": definition.get("dns_search"),
        "Options": definition.get("dns_opt"),
    }
    return {key: value for key, value in spec.items() if value} or None


def _ulimits(limits: t.Mapping[str, t.Mapping[str, int]]) -> list[Spec]:
    result = []
    for name, limit in sorted(limits.items()):
        single = limit.get("single", 0)
        result.append({"Name": name, "Hard": limit.get("hard", single), "Soft": limit.get("soft", single)})
    return result
