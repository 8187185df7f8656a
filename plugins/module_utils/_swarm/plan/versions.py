# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of a ServiceSpec that older engines do not know, or none.

An engine drops what it does not know without a word: the service then lacks what its file asks for, and every later
deploy finds it changed. So does a manager that others have sent a spec to (moby/swarmkit C(api/types.pb.go): unknown
fields are skipped), and the node that a task of it starts on: that one makes the container without the field. Pure.
"""

from __future__ import annotations

import typing as t

from .. import nodes as node_facts
from ..model import Spec

_CONTAINER = "TaskTemplate.ContainerSpec."
#: So many nodes are named.
_SHOWN = 5
#: Containers have it since 1.44 or 1.48, but up to Docker 29 no engine gives it to a service.
_NEVER = ""

#: Field (C([]) is any item of a list) → what users call it, first API version that has it (moby api/docs/CHANGELOG.md,
#: and daemon/cluster/convert/container.go: containerToGRPC for what reaches a service). Everything else is in 1.41
#: (Docker 20.10).
_SINCE = {
    f"{_CONTAINER}Privileges.NoNewPrivileges": ("no-new-privileges", "1.44"),
    f"{_CONTAINER}Privileges.Seccomp": ("the seccomp profile", "1.44"),
    f"{_CONTAINER}Privileges.AppArmor": ("the apparmor profile", "1.44"),
    f"{_CONTAINER}Healthcheck.StartInterval": ("healthcheck.start_interval", "1.44"),
    f"{_CONTAINER}Mounts.[].BindOptions.CreateMountpoint": ("bind.create_host_path of a mount", _NEVER),
    f"{_CONTAINER}Mounts.[].BindOptions.ReadOnlyNonRecursive": ("bind.recursive (writable) of a mount", _NEVER),
    f"{_CONTAINER}Mounts.[].BindOptions.ReadOnlyForceRecursive": ("bind.recursive (readonly) of a mount", _NEVER),
    f"{_CONTAINER}Mounts.[].ClusterOptions": ("a mount of type cluster", "1.42"),
    f"{_CONTAINER}Mounts.[].VolumeOptions.Subpath": ("volume.subpath of a mount", "1.45"),
    f"{_CONTAINER}Mounts.[].TmpfsOptions.Options": ("options of a tmpfs mount", "1.46"),
    f"{_CONTAINER}OomScoreAdj": ("oom_score_adj", "1.46"),
    "TaskTemplate.Resources.SwapBytes": ("swap", "1.52"),
    "TaskTemplate.Resources.MemorySwappiness": ("memory swappiness", "1.52"),
}
#: First API version that has a field → the major version of Docker that brought it.
_DOCKER = {"1.42": 23, "1.44": 25, "1.45": 26, "1.46": 27, "1.52": 29}
#: Kinds of mounts, likewise: swarmkit (api/types.proto: MountType) has no images.
_MOUNTS = {"image": _NEVER, "cluster": "1.42"}


def too_new(spec: Spec, api_version: str) -> list[str]:
    """Return a sentence for each field that the spec sets and an engine of this API version would drop.

    :param spec: a ServiceSpec.
    :param api_version: such as V(1.41); nothing is known to be missing when it is V("").
    """
    if not api_version:
        return []
    return [
        f"service {spec['Name']}: {word} needs Engine API {since}, the manager has {api_version}"
        if since
        else f"service {spec['Name']}: {word} is for single containers, no engine gives it to services yet; remove it"
        for word, since in _needs(spec).items()
        if not since or _numbers(api_version) < _numbers(since)
    ]


def older_managers(spec: Spec, nodes: t.Iterable[t.Any]) -> list[str]:
    """Return a sentence for each field that some manager would drop as soon as it has the spec from another one."""
    return [
        f"service {spec['Name']}: {word} needs Docker {docker} on all managers; older: {older}"
        for word, docker, older in _older(spec, node_facts.managers(list(nodes)))
    ]


def older_nodes(spec: Spec, nodes: t.Sequence[t.Any]) -> list[str]:
    """Return a sentence for each field that some nodes which may run the service would leave out of its containers."""
    return [
        f"service {spec['Name']}: {word} needs Docker {docker}; containers on these nodes start without it: {older}"
        for word, docker, older in _older(spec, node_facts.eligible(nodes, spec["TaskTemplate"]))
    ]


def _older(spec: Spec, nodes: t.Iterable[t.Any]) -> t.Iterator[tuple[str, int, str]]:
    """Return field, the Docker that it needs, and the nodes that have less, with their versions."""
    versions = {
        node_facts.name_of(node): str(((node.get("Description") or {}).get("Engine") or {}).get("EngineVersion") or "")
        for node in nodes
    }
    known = {name: text for name, text in sorted(versions.items()) if text.partition(".")[0].isdigit()}
    for word, since in _needs(spec).items():
        least = _DOCKER.get(since, 0)
        older = [f"{name} ({text})" for name, text in known.items() if _numbers(text.partition(".")[0]) < (least,)]
        if older:
            yield word, least, ", ".join(older[:_SHOWN]) + f" and {len(older) - _SHOWN} more" * (len(older) > _SHOWN)


def _needs(spec: Spec) -> dict[str, str]:
    """Return what a spec sets that not every engine knows, as users call it → first API version that has it."""
    needs = {word: since for field, (word, since) in _SINCE.items() if _is_set(spec, field.split("."))}
    mounts = ((spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("Mounts") or []
    kinds = {str(mount.get("Type")) for mount in mounts} & set(_MOUNTS)
    return {**needs, **{f"a mount of type {kind}": _MOUNTS[kind] for kind in sorted(kinds)}}


def _is_set(value: t.Any, path: list[str]) -> bool:
    if not path:
        # An empty mapping (ClusterOptions) and a 0 (SwapBytes) count, a field that is off does not.
        return value is not None and value is not False and value != ""
    if path[0] == "[]":
        return any(_is_set(item, path[1:]) for item in value or [])
    return isinstance(value, dict) and path[0] in value and _is_set(value[path[0]], path[1:])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
