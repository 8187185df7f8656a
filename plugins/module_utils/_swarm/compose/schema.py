# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation against the published schema of stack files, and what its findings mean in a user's words.

C(config_schema_v3.13.json) is the newest schema of C(docker stack deploy), as the Docker CLI carries it (Apache License
2.0). C(additions.json) adds keys of the Compose Specification that a service of a swarm can carry and that it lacks,
C(x-apiary), and limits on values that the engine would refuse later.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
import typing as t

from ..._words import nearest
from ..problems import Path, kind, marked
from .document import Document
from .errors import ComposeError
from .keys import ELSEWHERE

_TYPES = {
    "object": "a mapping", "array": "a list", "string": "a text", "number": "a number", "integer": "an integer",
    "boolean": "true or false", "null": "empty",
}  # fmt: skip

Schema = dict[str, t.Any]


@functools.lru_cache(maxsize=1)
def schema() -> Schema:
    """Return the schema with the additions."""
    folder = pathlib.Path(__file__).parent
    published: Schema = json.loads((folder / "config_schema_v3.13.json").read_text(encoding="utf-8"))
    additions: Schema = json.loads((folder / "additions.json").read_text(encoding="utf-8"))
    merged: Schema = _without_ids(_merged(published, additions))
    return merged


def _merged(base: t.Any, extra: t.Any) -> t.Any:
    if isinstance(base, dict) and isinstance(extra, dict) and "$ref" not in base and "oneOf" not in extra:
        return {**base, **{key: _merged(base.get(key), value) for key, value in extra.items()}}
    return extra


def _without_ids(value: t.Any) -> t.Any:
    """Return the schema without C(id): its local references need none, and looking them up costs most of the time."""
    if isinstance(value, dict):
        return {key: _without_ids(item) for key, item in value.items() if not (key == "id" and isinstance(item, str))}
    if isinstance(value, list):
        return [_without_ids(item) for item in value]
    return value


@functools.lru_cache(maxsize=1)
def _validator() -> t.Any:
    try:
        import jsonschema
    except ImportError:
        problem = "stack files are checked with the Python package jsonschema; install it where Ansible runs"
        raise ComposeError(problem) from None
    return jsonschema.Draft4Validator(schema())


def validate(document: Document) -> None:
    """Raise ComposeError for the first thing in the file that the schema does not allow."""
    _check_version(document)
    findings = [_explain(error) for error in _validator().iter_errors(document.data)]
    if findings:
        path, problem = min(findings, key=lambda finding: (document.line(finding[0]), -len(finding[0])))
        raise document.error(path, problem)


def _check_version(document: Document) -> None:
    version = document.data.get("version")
    if version is None or isinstance(version, (dict, list)):
        return
    if not re.fullmatch(r"3(\.[0-9]{1,2})?", str(version)):
        raise document.error(("version",), f"a stack is described in version 3, not {kind(version)}; remove the line")


def _explain(error: t.Any) -> tuple[Path, str]:
    """Return the place and the problem of a finding."""
    path: Path = tuple(error.absolute_path)
    value, rule = error.instance, error.validator_value
    if error.validator in {"oneOf", "anyOf"}:
        return _explain_choice(error, path)
    if error.validator == "additionalProperties":
        return _explain_unknown(error, path)
    if error.validator == "type" and error.schema.get("format") == "duration":
        return path, f'must be a duration like "30s" or "1m30s", not {kind(value)}'
    if error.validator == "type":
        names = [rule] if isinstance(rule, str) else list(rule)
        return path, _wrong_type(value, names)
    if error.validator == "enum":
        choices = [choice for choice in rule if choice and not choice.isupper()]
        listed = ", ".join(f'"{choice}"' for choice in choices[:-1]) + f' or "{choices[-1]}"'
        hint = nearest(value, choices) if isinstance(value, str) else ""
        return path, f"must be {listed}, not {kind(value)}{hint}"
    if error.validator == "required":
        missing = next(key for key in rule if key not in value)
        return path, f'needs the key "{missing}"'
    if error.validator == "uniqueItems":
        index = next(index for index, item in enumerate(value) if item in value[:index])
        return (*path, index), f"{kind(value[index])} is there twice; remove one of them"
    if error.validator in {"minimum", "maximum"}:
        bound = "at least" if error.validator == "minimum" else "at most"
        return path, f"must be {bound} {rule}, not {kind(value)}"
    return path, str(error.message).replace(repr(value), kind(value))


def _wrong_type(value: t.Any, names: t.Sequence[str]) -> str:
    wanted = [_TYPES[name] for name in names]
    listed = wanted[0] if len(wanted) == 1 else ", ".join(wanted[:-1]) + f" or {wanted[-1]}"
    hint = ""
    scalar = isinstance(value, (bool, int, float))
    if "string" in names and scalar:
        hint = f"; write {_quoted(value)} in quotes"
    elif isinstance(value, str) and "boolean" in names and value.lower() in {"yes", "no", "on", "off", "true", "false"}:
        hint = f"; write {'true' if value.lower() in {'yes', 'on', 'true'} else 'false'} without quotes"
    elif isinstance(value, str) and {"integer", "number"} & set(names) and re.fullmatch(r"[0-9.]+", value):
        hint = f"; write {marked(value)} without quotes"
    return f"must be {listed}, not {kind(value)}{hint}"


def _quoted(value: t.Any) -> str:
    """Return a scalar as a text in quotes; a number is marked, for it may be a password."""
    return f'"{str(value).lower()}"' if isinstance(value, bool) else kind(str(value))


def _explain_choice(error: t.Any, path: Path) -> tuple[Path, str]:
    """Explain why no alternative fits: by the alternative that has the value's type, or by listing all types."""
    branches: dict[int, list[t.Any]] = {}
    for child in error.context:
        branches.setdefault(child.schema_path[0], []).append(child)
    names: list[str] = []
    for children in branches.values():
        wrong = [child for child in children if child.validator == "type" and not child.relative_path]
        if not wrong:
            return min((_explain(child) for child in children), key=lambda finding: -len(finding[0]))
        for child in wrong:
            rule = child.validator_value
            names += [rule] if isinstance(rule, str) else list(rule)
    return path, _wrong_type(error.instance, list(dict.fromkeys(names)))


def _explain_unknown(error: t.Any, path: Path) -> tuple[Path, str]:
    known = error.schema.get("properties", {})
    patterns = error.schema.get("patternProperties", {})
    unknown = next(
        key for key in error.instance if key not in known and not any(re.search(pattern, key) for pattern in patterns)
    )
    place = (*path, unknown)
    if not known and not unknown:
        return place, "a name must not be empty"
    if not known:
        return place, 'a name may have only letters, digits, ".", "_" and "-"'
    advice = ELSEWHERE.get(unknown) if len(path) == 2 and path[0] == "services" else None
    if len(path) == 0 and unknown == "include":
        advice = 'give all files in the list "files"'
    if advice:
        return place, f"a stack has no such key; {advice}"
    hint = nearest(unknown, known)
    if not hint:
        hint = f"; known here: {', '.join(sorted(known))}" if len(known) <= 12 else "; remove it"
    return place, f"is not a key that is known here{hint}"
