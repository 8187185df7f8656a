# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an Engine ServiceSpec to what M(community.docker.docker_swarm_service) returns of it. Pure.

Names and forms are those of C(get_facts) and C(get_service) of its docker_swarm_service.py. Where that module returns a
value of a variable or of what may be a password, the value is hidden here.
"""

from __future__ import annotations

import typing as t

from ..._diff import Change, show, show_argument
from ..._errors import HIDDEN

Spec = t.Mapping[str, t.Any]
_NANO = 1_000_000_000

#: Option of the peer → its place in a spec. The longest place that a change begins with names the change.
_PLACES = {
    "args": "TaskTemplate.ContainerSpec.Args", "cap_add": "TaskTemplate.ContainerSpec.CapabilityAdd",
    "cap_drop": "TaskTemplate.ContainerSpec.CapabilityDrop", "command": "TaskTemplate.ContainerSpec.Command",
    "configs": "TaskTemplate.ContainerSpec.Configs", "constraints": "TaskTemplate.Placement.Constraints",
    "container_labels": "TaskTemplate.ContainerSpec.Labels", "dns": "TaskTemplate.ContainerSpec.DNSConfig.Nameservers",
    "dns_options": "TaskTemplate.ContainerSpec.DNSConfig.Options",
    "dns_search": "TaskTemplate.ContainerSpec.DNSConfig.Search", "endpoint_mode": "EndpointSpec.Mode",
    "env": "TaskTemplate.ContainerSpec.Env", "force_update": "TaskTemplate.ForceUpdate",
    "groups": "TaskTemplate.ContainerSpec.Groups", "healthcheck": "TaskTemplate.ContainerSpec.Healthcheck",
    "hostname": "TaskTemplate.ContainerSpec.Hostname", "hosts": "TaskTemplate.ContainerSpec.Hosts",
    "image": "TaskTemplate.ContainerSpec.Image", "init": "TaskTemplate.ContainerSpec.Init", "labels": "Labels",
    "limit_cpu": "TaskTemplate.Resources.Limits.NanoCPUs",
    "limit_memory": "TaskTemplate.Resources.Limits.MemoryBytes", "log_driver": "TaskTemplate.LogDriver.Name",
    "log_opt": "TaskTemplate.LogDriver.Options", "mode": "Mode", "mounts": "TaskTemplate.ContainerSpec.Mounts",
    "networks": "TaskTemplate.Networks", "placement_preferences": "TaskTemplate.Placement.Preferences",
    "publish": "EndpointSpec.Ports", "read_only": "TaskTemplate.ContainerSpec.ReadOnly", "replicas": "Mode.Replicas",
    "replicas_max_per_node": "TaskTemplate.Placement.MaxReplicas",
    "reserve_cpu": "TaskTemplate.Resources.Reservations.NanoCPUs",
    "reserve_memory": "TaskTemplate.Resources.Reservations.MemoryBytes",
    "restart_policy": "TaskTemplate.RestartPolicy.Condition",
    "restart_policy_attempts": "TaskTemplate.RestartPolicy.MaxAttempts",
    "restart_policy_delay": "TaskTemplate.RestartPolicy.Delay",
    "restart_policy_window": "TaskTemplate.RestartPolicy.Window", "rollback_config": "RollbackConfig",
    "secrets": "TaskTemplate.ContainerSpec.Secrets",
    "stop_grace_period": "TaskTemplate.ContainerSpec.StopGracePeriod",
    "stop_signal": "TaskTemplate.ContainerSpec.StopSignal", "sysctls": "TaskTemplate.ContainerSpec.Sysctls",
    "tty": "TaskTemplate.ContainerSpec.TTY", "update_delay": "UpdateConfig.Delay",
    "update_failure_action": "UpdateConfig.FailureAction", "update_max_failure_ratio": "UpdateConfig.MaxFailureRatio",
    "update_monitor": "UpdateConfig.Monitor", "update_order": "UpdateConfig.Order",
    "update_parallelism": "UpdateConfig.Parallelism", "user": "TaskTemplate.ContainerSpec.User",
    "working_dir": "TaskTemplate.ContainerSpec.Dir",
}  # fmt: skip


def changed_options(changes: t.Iterable[Change]) -> list[str]:
    """Return the peer's names of the fields that change, in the order of the alphabet."""
    found = set()
    for change in changes:
        path = ".".join(change.path)
        fits = [option for option, place in _PLACES.items() if f"{path}.".startswith(f"{place}.")]
        found.update(sorted(fits, key=lambda option: len(_PLACES[option]))[-1:])
    return sorted(found)


def to_options(spec: Spec) -> dict[str, t.Any]:
    """Return C(swarm_service) of the peer for a spec with names of networks in place of ids."""
    facts: dict[str, t.Any] = {option: _at(spec, place) for option, place in _PLACES.items()}
    kind, mode = next(iter((spec.get("Mode") or {"Replicated": {}}).items()))
    facts["mode"] = {"ReplicatedJob": "replicated-job", "GlobalJob": "global-job"}.get(kind, kind.lower())
    facts["replicas"] = mode.get("TotalCompletions") if kind == "ReplicatedJob" else mode.get("Replicas")
    facts["log_driver_options"] = show_argument(("Options",), facts.pop("log_opt"))
    facts["env"] = [f"{item.partition('=')[0]}={HIDDEN}" for item in facts["env"] or ()] or None
    for option in ("limit_cpu", "reserve_cpu"):
        facts[option] = facts[option] / _NANO if facts[option] else None
    facts["hosts"] = dict(_host(entry) for entry in facts["hosts"] or ()) or None
    for option in ("args", "command", "labels", "container_labels"):
        facts[option] = show_argument((option,), facts[option])
    check = facts["healthcheck"] or {}
    facts["healthcheck_disabled"] = check.get("Test") == ["NONE"]
    facts["healthcheck"] = None if not check or facts["healthcheck_disabled"] else _renamed(check, _HEALTHCHECK)
    facts["rollback_config"] = _renamed(facts["rollback_config"], _UPDATE)
    preferences = facts["placement_preferences"] or ()
    facts["placement_preferences"] = [{"spread": item["Spread"]["SpreadDescriptor"]} for item in preferences] or None
    facts["publish"] = [_renamed(item, _PORT) for item in facts["publish"] or ()] or None
    facts["networks"] = [_renamed(item, _NETWORK) for item in facts["networks"] or ()] or None
    facts["mounts"] = [_mount(item) for item in facts["mounts"] or ()] or None
    for word, option in (("Config", "configs"), ("Secret", "secrets")):
        facts[option] = [_file(word, item) for item in facts[option] or ()] or None
    return facts


_HEALTHCHECK = {"Test": "test", "Interval": "interval", "Timeout": "timeout", "StartPeriod": "start_period",
                "StartInterval": "start_interval", "Retries": "retries"}  # fmt: skip
_UPDATE = {"Parallelism": "parallelism", "Delay": "delay", "FailureAction": "failure_action", "Monitor": "monitor",
           "MaxFailureRatio": "max_failure_ratio", "Order": "order"}  # fmt: skip
_PORT = {"PublishedPort": "published_port", "TargetPort": "target_port", "Protocol": "protocol", "PublishMode": "mode"}
_NETWORK = {"Target": "name", "Aliases": "aliases", "DriverOpts": "options"}


def _at(spec: Spec, place: str) -> t.Any:
    value: t.Any = spec
    for key in place.split("."):
        value = (value or {}).get(key)
    return value


def _renamed(section: Spec | None, names: t.Mapping[str, str]) -> dict[str, t.Any] | None:
    if not section:
        return None
    return {new: show((old,), section[old]) for old, new in names.items() if section.get(old) is not None}


def _host(entry: str) -> tuple[str, str]:
    address, _blank, name = entry.partition(" ")
    return name, address


def _mount(item: Spec) -> dict[str, t.Any]:
    volume, driver = item.get("VolumeOptions") or {}, (item.get("VolumeOptions") or {}).get("DriverConfig")
    tmpfs = item.get("TmpfsOptions") or {}
    return {
        "type": item.get("Type"),
        "source": item.get("Source"),
        "target": item.get("Target"),
        "readonly": item.get("ReadOnly", False),
        "propagation": (item.get("BindOptions") or {}).get("Propagation"),
        "no_copy": volume.get("NoCopy"),
        "labels": show_argument(("labels",), volume.get("Labels")),
        "driver_config": driver
        and {"name": driver.get("Name"), "options": show_argument(("options",), driver.get("Options"))},
        "tmpfs_size": tmpfs.get("SizeBytes"),
        "tmpfs_mode": tmpfs.get("Mode"),
    }


def _file(word: str, item: Spec) -> dict[str, t.Any]:
    low, file = word.lower(), item.get("File") or {}
    return {
        f"{low}_id": item.get(f"{word}ID"),
        f"{low}_name": item.get(f"{word}Name"),
        "filename": file.get("Name"),
        "uid": file.get("UID"),
        "gid": file.get("GID"),
        "mode": file.get("Mode"),
    }
