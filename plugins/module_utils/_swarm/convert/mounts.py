# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts of a service."""

from __future__ import annotations

import typing as t

from ..._words import nearest
from ..compose import Project
from ..model import LABEL_NAMESPACE, Spec
from ..problems import BadValue, Path, kind
from ..values import file_mode, size
from .names import volume_name_problem

_TEMPLATE = "{{"  # swarmkit expands source, target, labels and driver options of a mount (template/expand.go)
_OPTIONS = ("bind", "volume", "tmpfs", "image", "cluster")
_RECURSIVE = {"disabled": "NonRecursive", "writable": "ReadOnlyNonRecursive", "readonly": "ReadOnlyForceRecursive"}


class Mounts:
    """Makes the mounts of the services of one stack."""

    def __init__(self, project: Project, stack: str) -> None:
        self.project = project
        self.stack = stack

    def of(self, service: str, definition: t.Mapping[str, t.Any]) -> list[Spec]:
        """Return C(ContainerSpec.Mounts). Raises ComposeError."""
        volumes = definition.get("volumes", [])
        mounts = [self._mount(("services", service, "volumes", index), volume) for index, volume in enumerate(volumes)]
        mounts += [self._short_tmpfs(("services", service, "tmpfs"), entry) for entry in definition.get("tmpfs", [])]
        targets: set[str] = set()
        for mount in mounts:
            if mount["Target"] in targets:
                problem = f"{mount['Target']} is mounted twice; remove one of the mounts"
                raise self.project.error(("services", service, "volumes"), problem)
            targets.add(mount["Target"])
        return mounts

    def _mount(self, path: Path, volume: t.Mapping[str, t.Any]) -> Spec:
        kind_of, source, target = volume["type"], volume.get("source", ""), volume["target"]
        own = "bind" if kind_of == "npipe" else kind_of
        for other in _OPTIONS:
            if other != own and volume.get(other) is not None:
                raise self.project.error((*path, other), f"belongs to mounts of type {other}, this one is a {kind_of}")
        if not target.startswith(("/", _TEMPLATE)) and kind_of != "npipe":
            raise self.project.error(path, f"the target must be an absolute path in the container, not {kind(target)}")
        if not source and kind_of in {"image", "npipe", "cluster"}:
            raise self.project.error(path, f'a mount of type {kind_of} needs a "source"')
        if source and kind_of == "tmpfs":
            raise self.project.error(path, 'a mount of type tmpfs has no "source"; remove it')
        mount: Spec = {"Type": kind_of, "Source": source, "Target": target}
        mount["ReadOnly"] = volume.get("read_only", False)
        mount["Consistency"] = volume.get("consistency", "")
        mount = {key: value for key, value in mount.items() if value}
        getattr(self, f"_{own}")(path, volume, mount)
        return mount

    def _bind(self, _path: Path, volume: t.Mapping[str, t.Any], mount: Spec) -> None:
        options = volume.get("bind")
        if options is None:
            return
        bind: Spec = {"Propagation": options["propagation"]} if options.get("propagation") else {}
        if options.get("recursive", "enabled") != "enabled":
            bind[_RECURSIVE[options["recursive"]]] = True
        if options.get("create_host_path"):
            bind["CreateMountpoint"] = True
        mount["BindOptions"] = bind

    def _volume(self, path: Path, volume: t.Mapping[str, t.Any], mount: Spec) -> None:
        if "Source" not in mount:
            return
        definition = self._definition(path, mount["Source"])
        mount["Source"] = self.name(mount["Source"])
        given = volume.get("volume") or {}
        options: Spec = {"NoCopy": True} if given.get("nocopy") else {}
        labels = dict(given.get("labels", {}))
        if not definition["external"]:
            labels = {**definition.get("labels", {}), **labels, LABEL_NAMESPACE: self.stack}
        if labels:
            options["Labels"] = labels
        if given.get("subpath"):
            options["Subpath"] = given["subpath"]
        if definition.get("driver") or "driver_opts" in definition:
            driver: Spec = {"Name": definition.get("driver", ""), "Options": definition.get("driver_opts", {})}
            options["DriverConfig"] = {key: value for key, value in driver.items() if value}
        mount["VolumeOptions"] = options

    def _definition(self, path: Path, source: str) -> dict[str, t.Any]:
        volumes = self.project.sections.volumes
        if source not in volumes:
            hint = nearest(source, volumes) or "; write it there, or begin the source with / or ./ for a path"
            raise self.project.error(path, f'the volume "{source}" is not under the top-level volumes{hint}')
        return volumes[source]

    def name(self, key: str) -> str:
        """Return the name in the swarm of a volume of the file. Raises ComposeError when the engine refuses it.

        A name with a template such as V({{.Task.Slot}}) is one for each task; what becomes of it only the node knows.
        """
        name: str = self.project.sections.volumes[key].get("name") or f"{self.stack}_{key}"
        problem = "" if _TEMPLATE in name else volume_name_problem(name)
        if problem:
            raise self.project.error(("volumes", key), problem)
        return name

    def _image(self, _path: Path, volume: t.Mapping[str, t.Any], mount: Spec) -> None:
        options = volume.get("image")
        if options is not None:
            mount["ImageOptions"] = {"Subpath": options["subpath"]} if options.get("subpath") else {}

    def _tmpfs(self, _path: Path, volume: t.Mapping[str, t.Any], mount: Spec) -> None:
        options = volume.get("tmpfs")
        if options is not None:
            values = {"SizeBytes": options.get("size", 0), "Mode": options.get("mode", 0)}
            mount["TmpfsOptions"] = {key: value for key, value in values.items() if value}

    def _cluster(self, path: Path, _volume: t.Mapping[str, t.Any], mount: Spec) -> None:
        # A group is not defined anywhere, and its name belongs to no stack.
        if not mount["Source"].startswith("group:"):
            self._definition(path, mount["Source"])
            mount["Source"] = self.name(mount["Source"])
        mount["ClusterOptions"] = {}

    def _short_tmpfs(self, path: Path, entry: str) -> Spec:
        """Return the mount of a C(tmpfs) entry like V(/run:size=64m,mode=1777,noexec)."""
        target, _colon, text = entry.partition(":")
        if not target.startswith("/"):
            raise self.project.error(path, f"must be an absolute path in the container, not {kind(entry)}")
        mount: Spec = {"Type": "tmpfs", "Target": target}
        options: Spec = {}
        other: list[list[str]] = []
        for option in filter(None, text.split(",")):
            name, equals, value = option.partition("=")
            try:
                if name == "size":
                    options["SizeBytes"] = size(value)
                elif name == "mode":
                    options["Mode"] = file_mode(value)
                elif name != "rw":
                    other.append([name, value] if equals else [name])
            except BadValue as exc:
                raise self.project.error(path, f"{name} in {kind(entry)} {exc.problem}") from None
        if other:
            options["Options"] = other
        if options:
            mount["TmpfsOptions"] = options
        return mount
