# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configs and secrets: their specs, their names, and the references to them."""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t

from ..._words import nearest
from ..compose import Project
from ..compose.normalize import unreadable
from ..model import LABEL_CONTENT, LABEL_NAMESPACE, ObjectEntry, Spec
from .names import object_name_problem, with_digest

_MAX_BYTES = {"configs": 1000 * 1024 - 1, "secrets": 500 * 1024 - 1}
_DIGITS = 12
# The digest of a secret is visible to all who may list secrets: guessing short ones by it must be slow.
_SLOW = {"n": 2**12, "r": 8, "p": 1}


class Objects:
    """The configs or the secrets of one stack."""

    def __init__(self, project: Project, stack: str, section: str, hash_names: bool) -> None:
        self.project = project
        self.stack = stack
        self.section = section
        self.word = section[:-1]
        self.hash_names = hash_names
        self.definitions: dict[str, dict[str, t.Any]] = getattr(project.sections, section)
        self.entries = {key: self._entry(key, item) for key, item in self.definitions.items()}

    def _entry(self, key: str, item: dict[str, t.Any]) -> ObjectEntry:
        if item["external"]:
            return ObjectEntry(key=key, name=item["name"], external=True, base_name=item["name"])
        base_name = item.get("name") or f"{self.stack}_{key}"
        data = None if item.get("driver") else self._data(key, item)
        hashed = self.hash_names and not item.get("name")
        problem = object_name_problem(base_name)
        if problem:
            raise self.project.error((self.section, key), problem)
        name = with_digest(base_name, self._digest(base_name, item, data)) if hashed else base_name
        spec: Spec = {"Name": name, "Labels": {**item.get("labels", {}), LABEL_NAMESPACE: self.stack}}
        if item.get("driver"):
            driver = {"Name": item["driver"], "Options": item.get("driver_opts", {})}
            spec["Driver"] = {option: value for option, value in driver.items() if value}
        if item.get("template_driver"):
            spec["Templating"] = {"Name": item["template_driver"]}
        if data is not None and not hashed and self.section == "secrets":
            spec["Labels"][LABEL_CONTENT] = self._digest(base_name, item, data)
        encoded = None if data is None else base64.b64encode(data).decode()
        return ObjectEntry(key=key, name=name, hashed=hashed, base_name=base_name, spec=spec, data=encoded)

    def _data(self, key: str, item: dict[str, t.Any]) -> bytes:
        if "content" in item:
            data = t.cast(str, item["content"]).encode()
        elif item.get("environment"):
            variable = item["environment"]
            if variable not in self.project.around.environment:
                hint = nearest(variable, self.project.around.environment)
                problem = f"the variable {variable} is not set{hint}; give it in env"
                raise self.project.error((self.section, key, "environment"), problem)
            data = self.project.around.environment[variable].encode()
        else:
            try:
                data = self.project.around.read(item["file"])
            except OSError as exc:
                raise self.project.error((self.section, key, "file"), unreadable(item["file"], exc)) from None
        limit = _MAX_BYTES[self.section]
        if not 1 <= len(data) <= limit:
            problem = f"has {len(data)} bytes; the engine takes 1 to {limit}"
            raise self.project.error((self.section, key), problem)
        return data

    def _digest(self, base_name: str, item: dict[str, t.Any], data: bytes | None) -> str:
        """Return hexadecimal digits of all that cannot be changed once the object exists."""
        fixed = [item.get("driver"), item.get("driver_opts"), item.get("template_driver")]
        material = json.dumps(fixed, sort_keys=True).encode() + b"\0" + (data or b"")
        if self.section == "secrets":
            return hashlib.scrypt(material, salt=base_name.encode(), dklen=_DIGITS // 2, **_SLOW).hex()
        return hashlib.sha256(material).hexdigest()[:_DIGITS]

    def name_of(self, service: str, key: str, where: str) -> str:
        """Return the name in the swarm of an object that a service uses. Raises ComposeError."""
        if key not in self.entries:
            hint = nearest(key, self.entries) or "; describe it there"
            problem = f'the {self.word} "{key}" is not under the top-level {self.section}{hint}'
            raise self.project.error(("services", service, where), problem)
        return self.entries[key].name

    def references(self, service: str, definition: t.Mapping[str, t.Any]) -> list[Spec]:
        """Return C(ContainerSpec.Configs) or C(ContainerSpec.Secrets), ids left empty. Raises ComposeError."""
        title = self.word.capitalize()
        result: list[Spec] = []
        targets: set[str] = set()
        for reference in definition.get(self.section, []):
            source = reference["source"]
            target = reference.get("target") or source
            if target in targets:
                problem = f'two {self.section} have the target "{target}"; give one of them another "target"'
                raise self.project.error(("services", service, self.section), problem)
            targets.add(target)
            file = {
                "Name": target,
                "UID": reference.get("uid") or "0",
                "GID": reference.get("gid") or "0",
                "Mode": reference.get("mode", 0o444),
            }
            name = self.name_of(service, source, self.section)
            result.append({"File": file, f"{title}ID": "", f"{title}Name": name})
        credential = definition.get("credential_spec", {}).get("config")
        if self.section == "configs" and credential:
            name = self.name_of(service, credential, "credential_spec")
            result.append({"Runtime": {}, "ConfigID": "", "ConfigName": name})
        return sorted(result, key=lambda item: (item[f"{title}Name"], item.get("File", {}).get("Name", "")))
