# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables in stack files: C($VAR), C(${VAR}), and the operators C(:- - :? ? :+ +)."""

from __future__ import annotations

import re
import typing as t

from ..._words import nearest
from ..problems import BadValue, Path, kind, marked
from ..values import boolean, file_mode
from .document import Document

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_OPERATOR = re.compile(r":?[-?+]")
_LIKE_OPERATOR = re.compile(r":?[-?]")
_IN_DEFAULT = re.compile(r"\$\$|\$\{")
_USED = re.compile(r"\$\{?([_a-zA-Z][_a-zA-Z0-9]*)")

Environment = t.Mapping[str, str]


def substitute(text: str, environment: Environment) -> str:
    """Return the text with its variables replaced; C($$) gives one dollar sign.

    Raises BadValue for a bad pattern, a variable that is not set and has no default, and C(:?) and C(?).
    """
    result, position = "", 0
    while True:
        dollar = text.find("$", position)
        if dollar < 0:
            return result + text[position:]
        result += text[position:dollar]
        replacement, position = _variable(text, dollar + 1, environment)
        result += replacement


def _variable(text: str, position: int, environment: Environment) -> tuple[str, int]:
    """Return the replacement of the variable after a dollar sign, and the position behind it."""
    following = text[position : position + 1]
    if following == "$":
        return "$", position + 1
    if following == "{":
        return _braced(text, position, environment)
    match = _NAME.match(text, position)
    if match is None:
        raise BadValue(f'{kind(text)} has a "$" without a variable; write "$$" for a plain dollar sign')
    name = match.group(0)
    rest = _LIKE_OPERATOR.match(text, match.end())
    if rest:
        # Docker takes the rest of the text for a default here, Compose for plain text.
        shown, operator = marked(name, "NAME"), rest.group(0)
        raise BadValue(
            f'"${shown}{operator}" can be read in two ways; write "${{{shown}}}{operator}" for plain text '
            f'or "${{{shown}{operator}...}}" for a default'
        )
    if name not in environment and len(text) > len(name) + 1:
        # The name may be a part of a password that has a dollar sign.
        raise BadValue(
            f"the variable {marked(name, 'in the value')} is not set{nearest(name, environment)}; give it in env, or "
            f'write "${{{marked(name, "NAME")}:-}}" if it may be empty, "$$" for a plain dollar sign'
        )
    return _value(name, environment), match.end()


def _braced(text: str, position: int, environment: Environment) -> tuple[str, int]:
    end = _closing(text, position)
    inside = text[position + 1 : end]
    match = _NAME.match(inside)
    whole = marked(f'"${{{inside}}}"', 'a "${"')
    if match is None:
        raise BadValue(f'{whole} names no variable; write "$$" for a plain dollar sign')
    name, rest = match.group(0), inside[match.end() :]
    if not rest:
        return _value(name, environment), end + 1
    operator = _OPERATOR.match(rest)
    if operator is None:
        raise BadValue(f"{whole} has no operator that is known; use one of :- - :? ? :+ +")
    word = rest[operator.end() :]
    present = name in environment and (environment[name] != "" or operator.group(0)[0] != ":")
    kind_of = operator.group(0)[-1]
    if kind_of == "+":
        return (substitute(word, environment) if present else ""), end + 1
    if present:
        return environment[name], end + 1
    if kind_of == "-":
        return _default(word, environment), end + 1
    raise BadValue(f"the variable {name} must be set{f': {word}' if word else ''}; give it in env")


def _default(word: str, environment: Environment) -> str:
    """Return the text of a default: dollar signs in it are plain text, two of them are two.

    So Docker has it (docker/cli cli/compose/template/template.go, C(softDefault)), and hashes of passwords can stand
    there. Only C(${...}) is a variable here, where Docker would end the default in its middle.
    """
    result, position = "", 0
    for match in _IN_DEFAULT.finditer(word):
        if match.start() < position:
            continue
        result += word[position : match.start()]
        if match.group(0) == "$$":
            replacement, position = "$$", match.end()
        else:
            replacement, position = _braced(word, match.start() + 1, environment)
        result += replacement
    return result + word[position:]


def _closing(text: str, position: int) -> int:
    """Return the position of the brace that closes the one at C(position)."""
    depth = 0
    while position < len(text):
        if text.startswith("${", position) or (depth == 0 and text[position] == "{"):
            depth += 1
            position += 2 if text[position] == "$" else 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
            position += 1
        else:
            position += 2 if text.startswith("$$", position) else 1
    raise BadValue(f'{kind(text)} has a "${{" without a "}}"; write "$$" for a plain dollar sign')


def _value(name: str, environment: Environment) -> str:
    if name not in environment:
        raise BadValue(
            f"the variable {name} is not set{nearest(name, environment)}; give it in env, or write "
            f'"${{{name}:-}}" if it may be empty'
        )
    return environment[name]


def _integer(value: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]+", value):
        raise BadValue(f"must be an integer, not {kind(value)}")
    return int(value)


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadValue(f"must be a number, not {kind(value)}") from None


Cast = t.Callable[[str], t.Any]

# What a variable becomes where a text will not do: V(*) is any one key or index.
_CASTS: list[tuple[str, Cast]] = [
    *((f"services.*.{path}", _integer) for path in (
        "healthcheck.retries", "deploy.replicas", "deploy.update_config.parallelism",
        "deploy.rollback_config.parallelism", "deploy.restart_policy.max_attempts",
        "deploy.placement.max_replicas_per_node", "deploy.resources.limits.pids",
        "deploy.resources.reservations.generic_resources.*.discrete_resource_spec.value",
        "ports.*.target", "ports.*.published", "ulimits.*", "ulimits.*.hard", "ulimits.*.soft", "oom_score_adj",
        "pids_limit", "x-apiary.wave", "x-apiary.logs.retention_days",
    )),
    *((f"services.*.{path}", _number) for path in (
        "deploy.update_config.max_failure_ratio", "deploy.rollback_config.max_failure_ratio",
    )),
    *((f"services.*.{path}", boolean) for path in (
        "init", "privileged", "read_only", "stdin_open", "tty", "healthcheck.disable", "volumes.*.read_only",
        "volumes.*.volume.nocopy",
    )),
    *((f"services.*.{path}", file_mode) for path in ("configs.*.mode", "secrets.*.mode", "volumes.*.tmpfs.mode")),
    *((f"{section}.*.external", boolean) for section in ("networks", "volumes", "secrets", "configs")),
    *((f"networks.*.{path}", boolean) for path in ("internal", "attachable", "enable_ipv6")),
    ("x-apiary.logs.retention_days", _integer),
]  # fmt: skip
_CAST_PATHS = [(tuple(pattern.split(".")), cast) for pattern, cast in _CASTS]


def _cast_for(path: Path) -> Cast | None:
    for pattern, cast in _CAST_PATHS:
        if len(pattern) == len(path) and all(part in {"*", key} for part, key in zip(pattern, path)):
            return cast
    return None


def interpolate(document: Document, environment: Environment) -> Document:
    """Return the document with the variables in all its values replaced (keys are left as they are).

    Raises ComposeError with file, line and key.
    """
    result = Document(document.name, {}, document.lines)

    def walk(value: t.Any, path: Path) -> t.Any:
        if isinstance(value, dict):
            return {key: walk(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or "$" not in value:
            return value
        try:
            replaced = substitute(value, environment)
            used = [name for name in _USED.findall(value) if name in environment]
            if used:
                result.variables[path] = {name: environment[name] for name in used}
            cast = _cast_for(path) if replaced != value else None
            return cast(replaced) if cast else replaced
        except BadValue as exc:
            raise result.error(path, exc.problem) from None

    result.data = walk(document.data, ())
    return result
