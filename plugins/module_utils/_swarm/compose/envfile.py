# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment files and the environment of a service."""

from __future__ import annotations

import typing as t

from ..problems import BadValue
from ..values import variable_lines
from .document import decode
from .errors import ComposeError

Environment = t.Mapping[str, str]
Variables = dict[str, t.Optional[str]]


def parse_env_file(name: str, content: bytes, environment: Environment) -> Variables:
    """Return the variables of an environment file, as Docker reads it: C(KEY=VALUE) lines, nothing is unquoted.

    A line with only a key takes the value of C(environment), or is left out. Raises ComposeError.
    """
    variables: Variables = {}
    try:
        for _number, key, value in variable_lines(decode(name, content, "an environment file")):
            if value is not None:
                variables[key] = value
            elif key in environment:
                variables[key] = environment[key]
    except BadValue as exc:
        raise ComposeError(str(exc), file=name, line=int(exc.path[0])) from None
    return variables


def resolve(variables: t.Mapping[str, str | None], environment: Environment) -> Variables:
    """Return the variables, those without a value or with an empty one taken from C(environment) where it has them.

    That an empty value gives way is Docker's rule.
    """
    return {key: environment[key] if not value and key in environment else value for key, value in variables.items()}
