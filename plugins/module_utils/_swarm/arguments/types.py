# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that Ansible would read as something else than what was written. Pure.

Ansible makes a text of anything (C(check_type_str): V(true) becomes "True", a mapping its notation in Python), takes
V(true) for the number 1, and reads the text "0444" as the number 444. So the arguments are looked at before it does.
"""

from __future__ import annotations

import re
import typing as t

Given = t.Mapping[str, t.Any]
Specification = t.Mapping[str, t.Mapping[str, t.Any]]

_TEXTS = ("str", "path")
_NUMBERS = ("int", "float")


def type_problems(given: Given, specification: Specification, path: str = "") -> t.Iterator[str]:
    """Yield what is wrong, one clause each that begins with the option and holds no value.

    :param given: the arguments as they were written.
    :param specification: as AnsibleModule takes it.
    :param path: of the option that these are options of.
    """
    for option, entry in specification.items():
        for name in (option, *entry.get("aliases", ())):
            if given.get(name) is not None:
                where = f"{path}.{name}" if path else name
                yield from _problems(given[name], entry, where)


def _problems(value: t.Any, entry: t.Mapping[str, t.Any], where: str) -> t.Iterator[str]:
    kind = entry.get("type", "str")
    if kind == "list" and isinstance(value, (list, tuple)):
        items = {**entry, "type": entry.get("elements", "raw")}
        for number, item in enumerate(value, start=1):
            if item is None and items["type"] in (*_TEXTS, *_NUMBERS):
                yield f"{where}: entry {number} is empty; remove it, or write a text in quotes"
            elif isinstance(item, dict):
                yield from _problems(item, items, where)
            else:
                yield from _problems(item, items, f"{where}: entry {number}")
    elif kind == "dict" and isinstance(value, dict):
        yield from type_problems(value, entry.get("options") or {}, where)
    elif kind in (*_TEXTS, "list") and (isinstance(value, bool) or (kind in _TEXTS and _is_many(value))):
        yield _must(where, "be a list" if kind == "list" else "be text; write it in quotes")
    elif kind in _NUMBERS and isinstance(value, bool):
        yield _must(where, "be a number")
    elif kind == "int" and isinstance(value, str) and re.fullmatch(r"0[0-9]+", value.strip()):
        yield _must(where, "be a number; in quotes its leading zero would be lost, so write it without them")


def _must(where: str, what: str) -> str:
    return f"{where} must {what}" if ": entry " in where else f"{where}: must {what}"


def _is_many(value: t.Any) -> bool:
    return isinstance(value, (dict, list, tuple))
