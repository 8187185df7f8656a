# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Environment files and the environment of a service."""

from __future__ import annotations

import typing as t

from ..values import kind
from .document import decode
from .errors import ComposeError

Environment = t.Mapping[str, str]
Variables = dict[str, t.Optional[str]]


def parse_env_file(name: str, content: bytes, environment: Environment) -> Variables:
    """Return the variables of an environment file, as Docker reads it: C(KEY=VALUE) lines, nothing is unquoted.

    A line with only a key takes the value of C(environment), or is left out. Raises ComposeError.
    """
    variables: Variables = {}
    for number, raw in enumerate(decode(name, content).split("\n"), start=1):
        line = raw.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not key or " " in key or "\t" in key:
            problem = f'must be a line like "KEY=value", not {kind(line)}'
            raise ComposeError(problem, file=name, line=number)
        if equals:
            variables[key] = value
        elif line in environment:
            variables[key] = environment[line]
    return variables


def resolve(variables: t.Mapping[str, str | None], environment: Environment) -> Variables:
    """Return the variables, those without a value or with an empty one taken from C(environment) where it has them.

    That an empty value gives way is Docker's rule.
    """
    return {key: environment[key] if not value and key in environment else value for key, value in variables.items()}
