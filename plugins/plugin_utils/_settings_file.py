# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""The settings of a cluster that lie in a file, C(clusters/<cluster>.yml): what it may hold, and what is wrong."""

from __future__ import annotations

import functools
import os
import typing as t
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput
from ansible_collections.apiary.swarm.plugins.module_utils._words import nearest
from ansible_collections.apiary.swarm.plugins.plugin_utils._given import OF_INVENTORY, ROLES, variables_of_roles

FOLDER = "clusters"
"""Where the files lie, in the folder that Ansible is run in."""
FOR_ONE_RUN = (
    "cluster",
    "cluster_allow_replace",
    "cluster_allow_shrink",
    "cluster_name",
    "cluster_state",
    "command",
    "bake_force",
    "deploy_force",
    "deploy_release",
    "deploy_service",
    "exec_slot",
    "service",
    "state",
)
"""What a run does, and the words that let it take something away: in a file they would be forgotten."""
_KINDS = {
    "bool": "true or false",
    "dict": "a mapping of names to values",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
}

Values = Mapping[str, t.Any]


def path_in(folder: str, cluster: str) -> Path:
    """Return where a cluster's settings lie; a relative *folder* begins where Ansible is run."""
    return Path(folder).expanduser().resolve() / f"{cluster}.yml"


def shown(path: Path) -> str:
    """Return a path as people write it: from the folder where Ansible is run, if it is in there."""
    here = os.path.realpath(".")
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def read(path: Path, load: Callable[..., t.Any]) -> Values:
    """Return what a file holds, nothing when it does not exist; templates and vaults stay what they are.

    :param load: C(load_from_file) of Ansible's loader.
    :raises InvalidInput: it is no YAML, or no mapping, or has another ending.
    """
    if not path.exists():
        other = path.with_suffix(".yaml")
        if other.exists():
            raise InvalidInput(f"{shown(other)} is not read: call it {path.name}")
        return {}
    try:
        values = load(str(path), cache="vaulted", trusted_as_template=True)
    except AnsibleError as exc:
        line = getattr(exc.obj, "line_num", None)
        where = f"{shown(path)}, line {line}," if line else shown(path)
        raise InvalidInput(f"{where} cannot be read: {exc.message.rstrip('.')}") from exc
    if values is None:
        return {}
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise InvalidInput(f"{shown(path)} must hold variables, one a line: cluster_workers: 5")
    return values


def regions(clusters: Iterable[str], folder: str | None, loader: t.Any, templar: t.Any) -> dict[str, str]:
    """Return cluster → region, for the clusters whose files name one.

    :param folder: where the files must be; None for the default, where one may be missing.
    :param loader: Ansible's loader of files.
    :param templar: Ansible's templates; what a file says of the region may name what else it says.
    :raises InvalidInput: a file is missing or cannot be read.
    """
    found = {}
    for cluster in clusters:
        path = path_in(folder or FOLDER, cluster)
        values = read(path, loader.load_from_file)
        if folder and not path.exists():
            raise InvalidInput(f"clusters_dir: there is no {shown(path)}")
        templar.available_variables = {**values, "cluster": cluster}
        try:
            region = templar.template(values.get("region"))
        except AnsibleError as exc:
            raise InvalidInput(f"{shown(path)}: region: {exc.message}") from exc
        if region:
            found[cluster] = str(region)
    return found


@functools.cache
def known_variables() -> Mapping[str, Mapping[str, t.Any]]:
    """Return what a file may hold, variable → its argument specification; words of playbooks have an empty one.

    These are the variables of all playbooks that are for one cluster, and of the roles that they run.
    """
    known: dict[str, Mapping[str, t.Any]] = {}
    for path in sorted((ROLES.parent / "playbooks").glob("*.yml")):
        asks = yaml_load(path.read_text(encoding="utf-8"))[0]["tasks"][0]["apiary.swarm.playbook_input"]
        if "cluster" not in asks.get("needs", ()):
            continue
        words = [*asks["needs"], *asks.get("takes", ()), *(OF_INVENTORY if asks.get("inventory") else ())]
        known.update({word: {} for word in words})
        for role in asks.get("roles", ()):
            known.update(variables_of_roles()[role])
    return {name: specification for name, specification in known.items() if name not in FOR_ONE_RUN}


def mistakes(
    values: Values, known: Mapping[str, Mapping[str, t.Any]], is_template: Callable[[t.Any], bool]
) -> list[str]:
    """Return a sentence for each variable that nothing reads, that is for one run only, or that has another type.

    Values are not quoted, for some are secrets. Of templates and vaults the type is seen when they are used.
    """
    found = []
    for name, value in values.items():
        if name in FOR_ONE_RUN:
            found.append(f"{name} is for one run: give it with -e, not here")
        elif name not in known:
            found.append(f'there is no variable "{name}"{nearest(name, known)}')
        elif value is not None and _is_plain(value) and not is_template(value):
            specification = {key: known[name][key] for key in ("type", "elements", "choices") if key in known[name]}
            if not _fits(value, specification or {"type": "raw"}):
                found.append(f"{name} must be {_kind(specification)}")
    return found


def _is_plain(value: t.Any) -> bool:
    """Tell whether a value is all there: a vault is opened by whoever uses it."""
    if isinstance(value, Mapping):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (str, int, float))


def _fits(value: t.Any, specification: Mapping[str, t.Any]) -> bool:
    """Tell whether Ansible takes a value for an argument; a list is no text, although it would write it as one."""
    if specification.get("type", "str") in ("str", "path") and isinstance(value, (list, Mapping)):
        return False
    return not ArgumentSpecValidator({"it": specification}).validate({"it": value}).error_messages


def _kind(specification: Mapping[str, t.Any]) -> str:
    if specification.get("choices"):
        return " or ".join(map(str, specification["choices"]))
    kind = _KINDS.get(specification.get("type", "str"), "one text")
    elements = specification.get("elements")
    return f"{kind} of {'texts' if elements == 'str' else elements}" if elements else kind
