# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the expressions of ``compose``, ``groups`` and ``keyed_groups`` ask of an instance; pure."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterable, Iterator, Mapping

from jinja2 import Environment, TemplateError, nodes

from ansible_collections.apiary.swarm.plugins.module_utils._aws.instances import LEAN, LEAN_PARTS
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput

Asked = tuple[str, str]
"""A variable and the attribute of it that is asked for, ``""`` for the whole."""


def check_keyed_groups(entries: Iterable[t.Any]) -> None:
    """Check the entries of ``keyed_groups``, as far as Ansible would stumble over them or make no group of them.

    :raises InvalidInput: if one has no expression.
    """
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("key"), str):
            raise InvalidInput(f"keyed_groups: every entry is a dictionary with a key, not {entry!r}.")


def expressions_of(
    compose: Mapping[str, t.Any], groups: Mapping[str, t.Any], keyed_groups: Iterable[Mapping[str, t.Any]]
) -> list[str]:
    """Return all expressions and templates of the three options as templates."""
    plain = [*compose.values(), *groups.values(), *(item.get("key") for item in keyed_groups)]
    templates = [item.get(name) for item in keyed_groups for name in ("prefix", "parent_group")]
    found = [f"{{{{ {text} }}}}" for text in plain if isinstance(text, str)]
    return found + [text for text in templates if isinstance(text, str) and "{{" in text]


def asked_in(template: str) -> set[Asked]:
    """Return what *template* reads; nothing when it cannot be read, for whoever evaluates it says so."""
    try:
        tree = Environment(autoescape=True).parse(template)
    except TemplateError:
        return set()
    return set(_asked(tree))


def _asked(tree: nodes.Node) -> Iterator[Asked]:
    for child in tree.iter_child_nodes():
        if isinstance(child, nodes.Getattr) and isinstance(child.node, nodes.Name):
            yield child.node.name, child.attr
        elif isinstance(child, nodes.Getitem) and isinstance(child.node, nodes.Name):
            yield child.node.name, str(child.arg.value) if isinstance(child.arg, nodes.Const) else ""
            yield from _asked(child.arg)
        elif isinstance(child, nodes.Name):
            yield child.name, ""
        else:
            yield from _asked(child)


def needs_everything(templates: Iterable[str], known: Collection[str] = ()) -> bool:
    """Tell whether *templates* read something of an instance that is not among the common fields.

    :param known: variables that are there without asking EC2 for more.
    """
    asked = {item for template in templates for item in asked_in(template)}
    return any(_is_missing(name, part) for name, part in asked if name not in known)


def _is_missing(name: str, part: str) -> bool:
    if name in LEAN_PARTS:
        return part == "" or part not in LEAN_PARTS[name]
    return name not in LEAN
