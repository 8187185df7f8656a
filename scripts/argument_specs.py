# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that every role's ``meta/argument_specs.yml`` and ``defaults/main.yml`` name the same variables and defaults.

usage: python scripts/argument_specs.py [ROLES_FOLDER]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Variables = Mapping[str, Any]


class Literal(str):
    """A string that Ansible does not take for a template, written with ``!unsafe``."""


class Loader(yaml.SafeLoader):
    """Reads YAML as Ansible writes it."""


Loader.add_constructor("!unsafe", lambda loader, node: Literal(node.value))


def load(path: Path) -> Variables:
    """Read a YAML file with one mapping; an absent or empty file is an empty mapping."""
    if not path.exists():
        return {}
    with path.open() as stream:
        # A SafeLoader: it builds no objects but Literal.
        return yaml.load(stream, Loader) or {}


def load_defaults(role: Path) -> Variables:
    """Read a role's public variables; a role without defaults has none."""
    return load(role / "defaults" / "main.yml")


def load_options(role: Path) -> Variables:
    """Read the options of all the role's entry points as one mapping: option name to its specification."""
    specs = load(role / "meta" / "argument_specs.yml").get("argument_specs", {})
    return {name: option for entry in specs.values() for name, option in (entry.get("options") or {}).items()}


def is_computed(value: object) -> bool:
    """Tell whether a default is worked out by a template, so that the specification cannot state it."""
    return isinstance(value, str) and not isinstance(value, Literal) and "{{" in value


def differences(role: str, defaults: Variables, options: Variables) -> Iterator[str]:
    """Yield one sentence for each place where *defaults* and *options* of *role* disagree.

    A required option has no default; every other one has, and the specification states the same value unless the
    default is null or worked out by a template.
    """
    for name in sorted(defaults.keys() - options.keys()):
        yield f"{role}: {name} has a default, but meta/argument_specs.yml does not know it"
    for name, option in sorted(options.items()):
        if not name.startswith(f"{role}_"):
            yield f"{role}: {name} does not start with the role's name"
        if "type" not in option:
            yield f"{role}: {name} has no type in meta/argument_specs.yml"
        if option.get("required"):
            if name in defaults:
                yield f"{role}: {name} is required, so it must not have a default"
            continue
        if name not in defaults:
            yield f"{role}: {name} is not required, so defaults/main.yml must set it"
        elif is_computed(defaults[name]):
            if "default" in option and option["default"] != defaults[name]:
                yield f"{role}: {name} is computed in defaults/main.yml, but fixed in meta/argument_specs.yml"
        elif (stated := option.get("default")) != defaults[name]:
            yield f"{role}: {name} is {defaults[name]!r} in defaults/main.yml, {stated!r} in meta/argument_specs.yml"


def check(roles: Path) -> list[str]:
    """Return what is wrong with the roles below the folder *roles*."""
    problems: list[str] = []
    for role in sorted(path for path in roles.iterdir() if (path / "tasks").is_dir()):
        if not (role / "meta" / "argument_specs.yml").exists():
            problems.append(f"{role.name}: meta/argument_specs.yml is missing")
            continue
        problems.extend(differences(role.name, load_defaults(role), load_options(role)))
    return problems


def main(argv: list[str]) -> int:
    """Entry point; 1 if anything disagrees."""
    problems = check(Path(argv[1] if len(argv) > 1 else "roles"))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
