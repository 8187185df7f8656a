# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file's sections in their long form."""

from __future__ import annotations

import dataclasses
import typing as t

from ..problems import BadValue, Path, marked
from . import longform
from .document import Document
from .envfile import parse_env_file, resolve
from .volumes import absolute

Section = dict[str, dict[str, t.Any]]

#: Reads a file that a stack file names; paths are relative to the folder of the first stack file. Raises OSError.
Reader = t.Callable[[str], bytes]


@dataclasses.dataclass
class Sections:
    """What a file, or several merged ones, describe; all dicts are keyed by the names in the file."""

    services: Section = dataclasses.field(default_factory=dict)
    networks: Section = dataclasses.field(default_factory=dict)
    volumes: Section = dataclasses.field(default_factory=dict)
    configs: Section = dataclasses.field(default_factory=dict)
    secrets: Section = dataclasses.field(default_factory=dict)
    apiary: dict[str, t.Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Surroundings:
    """What the files refer to."""

    environment: t.Mapping[str, str]
    read: Reader
    project_dir: str


class Normalizer:
    """Brings one interpolated and valid document into its long form.

    :ivar warnings: sentences about what has no effect.
    """

    def __init__(self, document: Document, surroundings: Surroundings) -> None:
        self.document = document
        self.around = surroundings
        self.warnings: list[str] = []

    def sections(self) -> Sections:
        """Raises ComposeError with file, line and key."""
        data = self.document.data
        result = Sections()
        for name, service in data.get("services", {}).items():
            result.services[name] = self._service(name, service)
        for name, network in data.get("networks", {}).items():
            result.networks[name] = self._external("networks", name, network or {})
        for name, volume in data.get("volumes", {}).items():
            result.volumes[name] = self._volume(name, volume or {})
        for section in ("configs", "secrets"):
            for name, item in data.get(section, {}).items():
                getattr(result, section)[name] = self._object(section, name, item)
        result.apiary = self._convert(("x-apiary",), longform.apiary, data.get("x-apiary", {}))
        return result

    def _convert(self, path: Path, converter: t.Callable[[t.Any], t.Any], value: t.Any) -> t.Any:
        try:
            return converter(value)
        except BadValue as exc:
            raise self.document.error((*path, *exc.path), exc.problem) from None

    def _service(self, name: str, service: dict[str, t.Any]) -> dict[str, t.Any]:
        result = dict(service)
        for key, value in service.items():
            converter = longform.SERVICE_KEYS.get(key)
            if converter is None:
                continue
            path: Path = ("services", name, key)
            if isinstance(value, list) and key in {"ports", "volumes", "configs", "secrets", "extra_hosts"}:
                # One item at a time, so that a message has the line of the item.
                converted: list[t.Any] = []
                for index, item in enumerate(value):
                    part, warnings = self._convert((*path, index), converter, [item])
                    converted += part
                    self._warn(path, warnings)
                result[key] = converted
            else:
                result[key], warnings = self._convert(path, converter, value)
                self._warn(path, warnings)
        environment = self._environment(name, result)
        result.pop("env_file", None)
        if environment:
            result["environment"] = environment
        for index, volume in enumerate(result.get("volumes", [])):
            self._bind(("services", name, "volumes", index), volume)
        return result

    def _warn(self, path: Path, warnings: t.Iterable[str]) -> None:
        self.warnings += [f"{path[1]}: {self.document.printable(path, warning)}" for warning in warnings]

    def _environment(self, name: str, service: dict[str, t.Any]) -> dict[str, str | None]:
        files = service.get("env_file", [])
        result: dict[str, str | None] = {}
        path: Path = ("services", name, "env_file")
        for item in [files] if isinstance(files, str) else files:
            file = item if isinstance(item, str) else item["path"]
            try:
                content = self.around.read(file)
            except OSError as exc:
                if isinstance(item, dict) and not item.get("required", True) and isinstance(exc, FileNotFoundError):
                    continue
                raise self.document.error(path, unreadable(file, exc)) from None
            result.update(parse_env_file(file, content, self.around.environment))
        return {
            **resolve(result, self.around.environment),
            **resolve(service.get("environment", {}), self.around.environment),
        }

    def _bind(self, path: Path, volume: dict[str, t.Any]) -> None:
        if volume["type"] != "bind":
            return
        source = volume.get("source", "")
        if not source:
            raise self.document.error(path, 'a mount of type bind needs a "source"')
        volume["source"] = absolute(source, self.around.project_dir, self.around.environment.get("HOME"))
        if source.startswith("~") and "HOME" not in self.around.environment:
            problem = f"{marked(source)} cannot be resolved; write the path on the nodes, or give HOME in env"
            raise self.document.error(path, problem)
        if not source.startswith(("/", "~", "\\")) and volume["source"] != source:
            self._warn(path, [f"the bind mount {marked(source)} becomes {marked(volume['source'])} on every node"])

    def _external(self, section: str, name: str, item: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the entry with C(external) as a boolean, mappings in long form, and a C(name) when it is external."""
        external = item.get("external", False)
        result = {**item, "external": bool(external) or isinstance(external, dict)}
        result.update({key: longform.mapping(item[key]) for key in ("labels", "driver_opts") if key in item})
        if not result["external"]:
            return result
        path: Path = (section, name)
        if isinstance(external, dict) and external.get("name"):
            if item.get("name"):
                raise self.document.error(path, '"external.name" and "name" contradict each other; keep "name"')
            result["name"] = external["name"]
        if not result.get("name"):
            result["name"] = name
        return result

    def _volume(self, name: str, volume: dict[str, t.Any]) -> dict[str, t.Any]:
        result = self._external("volumes", name, volume)
        for key in ("driver", "driver_opts", "labels"):
            if result["external"] and volume.get(key):
                problem = "an external volume is used as it is; remove this key or external"
                raise self.document.error(("volumes", name, key), problem)
        return result

    def _object(self, section: str, name: str, item: dict[str, t.Any]) -> dict[str, t.Any]:
        result = self._external(section, name, item)
        path: Path = (section, name)
        sources = [key for key in ("file", "content", "environment", "driver") if item.get(key)]
        if "content" in item and "content" not in sources:
            sources.append("content")
        if not result["external"]:
            if len(sources) > 1:
                listed = " and ".join(f'"{key}"' for key in sources)
                raise self.document.error(path, f"{listed} contradict each other; keep one of them")
            if not sources:
                problem = 'has no content; give "file", "content", "environment" or "external: true"'
                raise self.document.error(path, problem)
        return result


def unreadable(file: str, exc: OSError) -> str:
    """Return the problem of a file that cannot be read."""
    if isinstance(exc, FileNotFoundError):
        return f"the file {file} does not exist; paths start at the folder of the first stack file"
    return f"the file {file} cannot be read: {exc.strerror or exc}"
