# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Examples in documents, the modules' own included: their options, variables, filters and lookups exist and fit."""

from __future__ import annotations

import importlib
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from documents import DOCUMENTS, ROOT, documentation_of, relative
from stack_texts import Loader

NAME = "apiary.swarm."
#: Rules between options, as AnsibleModule and the validator name them.
RULES = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
STAND_IN: Mapping[str, Any] = {"list": [], "dict": {}, "int": 1, "float": 1.0, "bool": True}

BLOCK = re.compile(r"^ *```ya?ml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
EXAMPLES: Mapping[str, Any] = {
    f"{relative(path)}-{number}-{part}": document
    for path in DOCUMENTS
    for number, text in enumerate(BLOCK.findall(path.read_text()))
    for part, document in enumerate(yaml.safe_load_all(textwrap.dedent(text)))
}


class Called(Exception):
    """A module has told its options.

    :ivar settings: what it gives AnsibleModule.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.settings = settings


def settings_of(module: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Return what a module gives AnsibleModule."""

    def called(_self: AnsibleModule, **settings: Any) -> None:
        raise Called(settings)

    with monkeypatch.context() as patch, pytest.raises(Called) as caught:
        patch.setattr(AnsibleModule, "__init__", called)
        importlib.import_module(f"ansible_collections.apiary.swarm.plugins.modules.{module}").main()
    return caught.value.settings


def filled(value: Any, option: Mapping[str, Any]) -> Any:
    """Return an option's value with something of its type in place of what only a run would know."""
    if isinstance(value, str) and "{{" in value:
        return option["choices"][0] if option.get("choices") else STAND_IN.get(option.get("type", "str"), value)
    options = option.get("options")
    if options and isinstance(value, dict):
        return {key: filled(item, options.get(key, {})) for key, item in value.items()}
    if options and isinstance(value, list):
        return [filled(item, {**option, "type": "dict"}) for item in value]
    return value


def dictionaries(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every dictionary in a document."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from dictionaries(item)


def texts(node: Any) -> Iterator[str]:
    """Yield every text in a document."""
    for item in dictionaries(node):
        yield from (value for value in item.values() if isinstance(value, str))


def those_with(*keys: str) -> list[Any]:
    """Return the examples with a key that begins like one of *keys*."""
    return [
        pytest.param(example, id=name)
        for name, example in EXAMPLES.items()
        if any(str(key).startswith(keys) for item in dictionaries(example) for key in item)
    ]


def uses_role(example: Any) -> bool:
    """Tell whether a play of an example names a role."""
    return any(str(item.get("role", "")).startswith(NAME) for item in dictionaries(example))


@pytest.mark.parametrize("example", those_with(NAME))
def test_options_of_modules_fit(example: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [(key, task[key]) for task in dictionaries(example) for key in task if str(key).startswith(NAME)]
    for name, given in tasks:
        settings = settings_of(name.removeprefix(NAME), monkeypatch)
        specification = settings["argument_spec"]
        rules = {rule: settings.get(rule) for rule in RULES}
        options = filled(given or {}, {"type": "dict", "options": specification})
        assert ArgumentSpecValidator(specification, **rules).validate(options).error_messages == [], name


@pytest.mark.parametrize("example", [item for item in those_with("role") if uses_role(item.values[0])])
def test_variables_of_roles_exist(example: Any) -> None:
    roles = [item for item in dictionaries(example) if str(item.get("role", "")).startswith(NAME)]
    assert roles
    for item in roles:
        specs = ROOT / "roles" / item["role"].removeprefix(NAME) / "meta/argument_specs.yml"
        described = yaml.safe_load(specs.read_text())["argument_specs"]["main"]["options"]
        assert item.get("vars", {}).keys() <= described.keys(), item["role"]


@pytest.mark.parametrize(
    ("kind", "pattern"), [("filter", r"\| apiary\.swarm\.(\w+)"), ("lookup", r"'apiary\.swarm\.(\w+)'")]
)
def test_filters_and_lookups_exist(kind: str, pattern: str) -> None:
    used = {name for example in EXAMPLES.values() for text in texts(example) for name in re.findall(pattern, text)}
    assert used == {path.stem for path in (ROOT / "plugins" / kind).glob("*.py")}


@pytest.mark.parametrize("example", [item for item in those_with("services") if isinstance(item.values[0], dict)])
def test_stack_files_are_read(example: Any) -> None:
    assert Loader().model(yaml.safe_dump(example)).services.keys() == example["services"].keys()


@pytest.mark.parametrize("example", those_with("plugin"))
def test_options_of_inventories_exist(example: Any) -> None:
    options = documentation_of(ROOT / "plugins/inventory/ec2.py")["options"].keys()
    shared = {"compose", "groups", "keyed_groups", "strict", "cache", "cache_plugin", "cache_connection"}
    assert example.keys() <= {*options, *shared, "cache_timeout", "cache_prefix"}
