# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading templates: YAML with CloudFormation's short forms, or JSON; checking their outline; what depends on what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from region.emulator.errors import AwsError

SECTIONS = (
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Resources",
    "Outputs",
)
RESOURCE_KEYS = (
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
    "DeletionPolicy",
    "UpdateReplacePolicy",
)
SUB_VARIABLE = re.compile(r"\$\{([^!{}][^{}]*)\}")
Template = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Safe YAML with CloudFormation's tags; dates stay text."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
_Loader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str) -> Template:
    """Return the template.

    :raises AwsError: it is no valid template, as CloudFormation says it.
    """
    try:
        template = yaml.load(text, _Loader)
    except yaml.YAMLError as exc:
        raise AwsError("ValidationError", f"Template format error: YAML not well-formed. {exc}") from exc
    if not isinstance(template, dict):
        raise AwsError("ValidationError", "Template format error: unsupported structure.")
    unknown = [str(key) for key in template if key not in (*SECTIONS, "Transform")]
    if unknown:
        raise AwsError("ValidationError", f"Invalid template property or properties [{', '.join(sorted(unknown))}]")
    for section in ("Transform", "Rules"):
        if section in template:
            raise NotImplementedError(f"CloudFormation's {section}")
    resources = template.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise AwsError("ValidationError", "Template format error: At least one Resources member must be defined.")
    for name, resource in resources.items():
        _check_resource(str(name), resource)
    _check_references(template)
    order(resources)
    return template


def _check_resource(name: str, resource: Any) -> None:
    if not re.fullmatch(r"[A-Za-z0-9]+", name):
        raise AwsError("ValidationError", f"Template format error: Resource name {name} is non alphanumeric.")
    if not isinstance(resource, dict) or "Type" not in resource:
        raise AwsError(
            "ValidationError",
            f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member.",
        )
    for key in resource:
        if key not in RESOURCE_KEYS:
            raise AwsError("ValidationError", f"Invalid template resource property '{key}'")


def _check_references(template: Template) -> None:
    known = {*template["Resources"], *template.get("Parameters", {})}
    missing = sorted(
        {
            name
            for section in ("Resources", "Outputs")
            for name in references(template.get(section, {}))
            if name not in known and not name.startswith("AWS::")
        }
    )
    if missing:
        raise AwsError(
            "ValidationError",
            f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in the Resources block of "
            "the template",
        )


def references(value: Any) -> Iterator[str]:
    """Yield the names that a piece of template refers to by Ref, Fn::GetAtt, Fn::Sub or DependsOn."""
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "Ref" and isinstance(one, str):
                yield one
            elif key == "Fn::GetAtt":
                yield one.split(".")[0] if isinstance(one, str) else one[0]
            elif key == "Fn::Sub":
                yield from _sub_references(one)
            elif key == "DependsOn":
                yield from [one] if isinstance(one, str) else one
            else:
                yield from references(one)


def _sub_references(value: Any) -> Iterator[str]:
    text, variables = (value, {}) if isinstance(value, str) else (value[0], value[1])
    yield from references(variables)
    for name in SUB_VARIABLE.findall(text):
        if name not in variables:
            yield name.split(".")[0]


def order(resources: dict[str, Any]) -> list[str]:
    """Return the resources' names so that each comes after those it depends on; otherwise as in the template.

    :raises AwsError: they depend on each other in a circle.
    """
    needs = {
        name: [one for one in references(body) if one in resources and one != name] for name, body in resources.items()
    }
    done: list[str] = []
    visiting: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in visiting:
            circle = ", ".join(visiting[visiting.index(name) :])
            raise AwsError("ValidationError", f"Circular dependency between resources: [{circle}]")
        visiting.append(name)
        for one in needs[name]:
            visit(one)
        visiting.pop()
        done.append(name)

    for name in resources:
        visit(name)
    return done
