# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Stack files on the controller: finding them, reading them (vaulted ones too), and making the model of them."""

from __future__ import annotations

import dataclasses
import os
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase

from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError
from ansible_collections.apiary.swarm.plugins.module_utils._references import registry_of
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose import ComposeError, load_project
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose.document import MAX_BYTES
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.stack import build_model
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import ServiceEntry, StackModel, StackOptions
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.values import text
from ansible_collections.apiary.swarm.plugins.plugin_utils._level import at_level, role_of

#: Finds a file by the path that a task or a lookup gives; raises AnsibleError or returns V("") when there is none.
Finder = t.Callable[[str], str]


@dataclasses.dataclass(frozen=True)
class Request:
    """What a user asks to be made into a model.

    :ivar files: paths on the controller, in the order of merging.
    :ivar definition: a stack as data, merged over the files, or None.
    :ivar env: variables for interpolation.
    :ivar env_from_controller: whether the controller's own environment counts too.
    """

    name: str
    files: t.Sequence[str] = ()
    definition: dict[str, t.Any] | None = None
    env: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    env_from_controller: bool = False
    log_group_prefix: str = ""
    log_region: str = ""


class StackFiles:
    """Reads stack files and what they refer to."""

    def __init__(self, loader: DataLoader, find: Finder) -> None:
        self._loader = loader
        self._find = find

    def model(self, request: Request) -> StackModel:
        """Return the model of a stack. Raises SwarmError with one sentence for bad input."""
        files: dict[str, bytes | dict[str, t.Any]] = {}
        folder = Path(self._loader.get_basedir())
        for index, name in enumerate(request.files):
            path = self._path(name)
            if name in files:
                raise ComposeError("the file is given twice; name it once", file=name)
            folder = path.parent if index == 0 else folder
            try:
                files[name] = self._read(path)
            except OSError as exc:
                raise ComposeError(f"the file cannot be read: {exc.strerror or exc}", file=name) from None
        if request.definition is not None:
            files["definition"] = request.definition
        project = load_project(files, environment(request), lambda path: self._read(folder / path), str(folder))
        options = StackOptions(log_group_prefix=request.log_group_prefix, log_region=request.log_region)
        return build_model(project, request.name, options)

    def _path(self, name: str) -> Path:
        path = Path(name).expanduser()
        if not path.is_absolute():
            try:
                path = Path(self._find(name) or name)
            except AnsibleError:
                # Not near the playbook: then where the user stands.
                path = Path(name)
        if not path.exists():
            raise ComposeError("the file does not exist on the controller", file=name)
        return path.resolve()

    def _read(self, path: Path) -> bytes:
        """Return the content of a file, decrypted when it is vaulted. Raises OSError."""
        with path.open("rb") as stream:
            start = stream.read(MAX_BYTES + 1)
        if not start.startswith(b"$ANSIBLE_VAULT"):
            return start
        plain = self._loader.get_real_file(str(path))
        try:
            with Path(plain).open("rb") as stream:
                return stream.read(MAX_BYTES + 1)
        finally:
            self._loader.cleanup_tmp_file(plain)


def model_for(action: ActionBase, request: Request) -> StackModel:
    """Return the model of a stack whose files a task names.

    :raises AnsibleActionFail: bad input, in one sentence with the options of the level that the user is at.
    """
    try:
        return StackFiles(action._loader, lambda path: action._find_needle("files", path)).model(request)
    except SwarmError as exc:
        raise AnsibleActionFail(at_level({"msg": exc.message}, role_of(action._task))["msg"]) from None


def environment(request: Request) -> dict[str, str]:
    """Return the variables for interpolation; one that is none (null) counts as not set."""
    own = os.environ if request.env_from_controller else {}
    given = {str(key): text(value) for key, value in request.env.items() if value is not None}
    return {**own, **given}


def summary(model: StackModel) -> dict[str, t.Any]:
    """Return what a deploy needs to know of a model."""
    services = list(model.services.values())
    groups = {entry.logs["group"]: _log_group(entry.logs) for entry in services if entry.logs}
    return {
        "name": model.name,
        "services": [_service(entry) for entry in services],
        "registries": sorted({registry_of(entry.image) for entry in services}),
        "log_groups": [groups[name] for name in sorted(groups)],
        "warnings": model.warnings,
    }


def _service(entry: ServiceEntry) -> dict[str, t.Any]:
    logs = entry.logs or {}
    return {
        "name": entry.name,
        "image": entry.image,
        "registry": registry_of(entry.image),
        "wave": entry.wave,
        "log_group": logs.get("group"),
        "retention_days": logs.get("retention_days"),
        "routes": [route.to_dict() for route in entry.routes],
    }


def _log_group(logs: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a group without what the file does not say, which stays as it is in AWS."""
    group = {"name": logs["group"]}
    for key, option in (("retention_days", "retention_in_days"), ("tags", "tags"), ("kms_key_id", "kms_key_id")):
        if logs.get(key) not in (None, {}):
            group[option] = logs[key]
    return group
