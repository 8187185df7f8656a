# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which fields of its spec a service of a stack file gives, those at the engine's defaults too.

A spec does not say it: C(read_only: false) and no C(read_only) are sent alike, as Docker does. For what somebody else
changed on the live service the two are different: what the file says wins, what it does not mention stays.
"""

from __future__ import annotations

import typing as t

from ..model import Spec
from ..plan.tree import to_tree

Definition = t.Mapping[str, t.Any]
Path = tuple[str, ...]

_CONTAINER: Path = ("TaskTemplate", "ContainerSpec")
_RESOURCES: Path = ("TaskTemplate", "Resources")
_UPDATE = {
    "parallelism": "Parallelism", "delay": "Delay", "failure_action": "FailureAction", "monitor": "Monitor",
    "max_failure_ratio": "MaxFailureRatio", "order": "Order",
}  # fmt: skip
_RESTART = {"condition": "Condition", "delay": "Delay", "max_attempts": "MaxAttempts", "window": "Window"}
_CHECK = {
    "test": "Test", "interval": "Interval", "timeout": "Timeout", "start_period": "StartPeriod",
    "start_interval": "StartInterval", "retries": "Retries",
}  # fmt: skip
_PLAIN = {
    "entrypoint": "Command", "command": "Args", "hostname": "Hostname", "working_dir": "Dir", "user": "User",
    "stop_signal": "StopSignal", "tty": "TTY", "stdin_open": "OpenStdin", "read_only": "ReadOnly", "init": "Init",
    "stop_grace_period": "StopGracePeriod", "isolation": "Isolation", "oom_score_adj": "OomScoreAdj",
}  # fmt: skip
_DNS = {"dns": "Nameservers", "dns_search": "Search", "dns_opt": "Options"}

#: Keys of a service → field of the spec. Collections whose elements are merged one by one are not here.
FIELDS: dict[Path, Path] = {
    **{(key,): (*_CONTAINER, field) for key, field in _PLAIN.items()},
    **{(key,): (*_CONTAINER, "DNSConfig", field) for key, field in _DNS.items()},
    **{("healthcheck", key): (*_CONTAINER, "Healthcheck", field) for key, field in _CHECK.items()},
    **{("deploy", "update_config", key): ("UpdateConfig", field) for key, field in _UPDATE.items()},
    **{("deploy", "rollback_config", key): ("RollbackConfig", field) for key, field in _UPDATE.items()},
    **{("deploy", "restart_policy", key): ("TaskTemplate", "RestartPolicy", field) for key, field in _RESTART.items()},
    ("restart",): ("TaskTemplate", "RestartPolicy", "Condition"),
    ("logging", "driver"): ("TaskTemplate", "LogDriver", "Name"),
    ("pids_limit",): (*_RESOURCES, "Limits", "Pids"),
    ("deploy", "resources", "limits", "pids"): (*_RESOURCES, "Limits", "Pids"),
    **{
        ("deploy", "resources", low, key): (*_RESOURCES, low.capitalize(), field)
        for low in ("limits", "reservations")
        for key, field in (("cpus", "NanoCPUs"), ("memory", "MemoryBytes"))
    },
    ("deploy", "resources", "reservations", "generic_resources"): (*_RESOURCES, "Reservations", "GenericResources"),
    ("deploy", "placement", "preferences"): ("TaskTemplate", "Placement", "Preferences"),
    ("deploy", "placement", "max_replicas_per_node"): ("TaskTemplate", "Placement", "MaxReplicas"),
    ("deploy", "endpoint_mode"): ("EndpointSpec", "Mode"),
}

#: Keys of a mount → field below the mount.
MOUNT_FIELDS: dict[Path, Path] = {
    ("read_only",): ("ReadOnly",),
    ("bind", "create_host_path"): ("BindOptions", "CreateMountpoint"),
    ("volume", "nocopy"): ("VolumeOptions", "NoCopy"),
    ("volume", "subpath"): ("VolumeOptions", "Subpath"),
    ("image", "subpath"): ("ImageOptions", "Subpath"),
    ("tmpfs", "size"): ("TmpfsOptions", "SizeBytes"),
    ("tmpfs", "mode"): ("TmpfsOptions", "Mode"),
}


def declared_defaults(definition: Definition, extra: Definition, spec: Spec) -> list[list[str]]:
    """Return the paths of the fields that a service gives and whose value the canonical form leaves out.

    :param definition: the service in its long form.
    :param extra: its C(x-apiary.spec).
    :param spec: what was made of both.
    """
    tree = to_tree(spec)
    paths = dict.fromkeys([*_given(definition), *_leaves(extra)])
    return [list(path) for path in paths if _at(tree, path) is None]


def _given(definition: Definition) -> t.Iterator[Path]:
    yield from (path for keys, path in FIELDS.items() if _at(definition, keys) is not None)
    if any(str(entry).startswith("no-new-privileges") for entry in definition.get("security_opt", ())):
        yield (*_CONTAINER, "Privileges", "NoNewPrivileges")
    for volume in definition.get("volumes", ()):
        mount = (*_CONTAINER, "Mounts", str(volume["target"]))
        yield from ((*mount, *path) for keys, path in MOUNT_FIELDS.items() if _at(volume, keys) is not None)


def _leaves(value: Definition, at: Path = ()) -> t.Iterator[Path]:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield from _leaves(item, (*at, key))
        else:
            yield (*at, key)


def _at(value: t.Any, path: Path) -> t.Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
