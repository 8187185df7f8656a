# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluating IAM policies: identity policies of one principal, for one action on one resource."""

from __future__ import annotations

import enum
import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Decision(enum.Enum):
    """What a set of policies says."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicitDeny"
    IMPLICIT_DENY = "implicitDeny"


Context = Mapping[str, "str | Sequence[str]"]


class PolicyError(ValueError):
    """A policy uses something that this evaluation does not know; it is never guessed."""


def evaluate(
    policy_documents: Sequence[Mapping[str, Any]], action: str, resource: str = "*", context: Context | None = None
) -> Decision:
    """Return what the policies say about C(service:Action) on an ARN.

    *context* has condition keys (case-insensitive) with one or several values, e.g.
    C({"aws:ResourceTag/swarm:cluster": "demo"}). A resource of C("*") stands for an action that takes no resource.

    :raises PolicyError: a statement has a condition operator that is not known.
    """
    given = {key.lower(): [value] if isinstance(value, str) else list(value) for key, value in (context or {}).items()}
    decision = Decision.IMPLICIT_DENY
    for document in policy_documents:
        for statement in _list(document.get("Statement")):
            if not _applies(statement, action, resource, given):
                continue
            if statement.get("Effect") == "Deny":
                return Decision.EXPLICIT_DENY
            decision = Decision.ALLOWED
    return decision


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _applies(statement: Mapping[str, Any], action: str, resource: str, context: dict[str, list[str]]) -> bool:
    if "Action" in statement:
        if not any(_matches(action.lower(), str(one).lower()) for one in _list(statement["Action"])):
            return False
    elif any(_matches(action.lower(), str(one).lower()) for one in _list(statement.get("NotAction"))):
        return False
    patterns = [_fill(str(one), context) for one in _list(statement.get("Resource", statement.get("NotResource", "*")))]
    hit = any(_matches(resource, one) for one in patterns)
    if hit == ("NotResource" in statement):
        return False
    return all(
        _condition(operator, key, _list(values), context)
        for operator, block in (statement.get("Condition") or {}).items()
        for key, values in block.items()
    )


def _fill(pattern: str, context: dict[str, list[str]]) -> str:
    """Replace policy variables such as C(${aws:PrincipalTag/x}) by their values; unknown ones match nothing."""
    return re.sub(r"\$\{([^}]+)\}", lambda match: (context.get(match.group(1).lower()) or ["\0"])[0], pattern)


def _matches(value: str, pattern: str) -> bool:
    # fnmatch would treat [x] as a set; IAM knows only * and ?.
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def _arn_like(value: str, pattern: str) -> bool:
    own, wanted = value.split(":", 5), pattern.split(":", 5)
    return len(own) == len(wanted) and all(_matches(one, other) for one, other in zip(own, wanted, strict=True))


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda value, wanted: compare(float(value), float(wanted))


# Operator → (comparison of one value with one wanted, negated)
OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (lambda value, wanted: value == wanted, False),
    "StringNotEquals": (lambda value, wanted: value == wanted, True),
    "StringEqualsIgnoreCase": (lambda value, wanted: value.lower() == wanted.lower(), False),
    "StringNotEqualsIgnoreCase": (lambda value, wanted: value.lower() == wanted.lower(), True),
    "StringLike": (_matches, False),
    "StringNotLike": (_matches, True),
    "ArnEquals": (_arn_like, False),
    "ArnLike": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnNotLike": (_arn_like, True),
    "Bool": (lambda value, wanted: value.lower() == wanted.lower(), False),
    "NumericEquals": (_number(lambda value, wanted: value == wanted), False),
    "NumericLessThan": (_number(lambda value, wanted: value < wanted), False),
    "NumericLessThanEquals": (_number(lambda value, wanted: value <= wanted), False),
    "NumericGreaterThan": (_number(lambda value, wanted: value > wanted), False),
    "NumericGreaterThanEquals": (_number(lambda value, wanted: value >= wanted), False),
}


def _condition(operator: str, key: str, wanted: list[Any], context: dict[str, list[str]]) -> bool:
    name, if_exists, for_all, for_any = operator, False, False, False
    if ":" in name:
        quantifier, name = name.split(":", 1)
        for_all, for_any = quantifier == "ForAllValues", quantifier == "ForAnyValue"
        if not (for_all or for_any):
            raise PolicyError(f"unknown condition quantifier {quantifier}")
    if name.endswith("IfExists"):
        name, if_exists = name.removesuffix("IfExists"), True
    values = context.get(key.lower())
    if name == "Null":
        return (values is None) == (str(wanted[0]).lower() == "true")
    if name not in OPERATORS:
        raise PolicyError(f"unknown condition operator {operator}")
    compare, negated = OPERATORS[name]
    if values is None:
        return if_exists or for_all or negated
    texts = [_fill(_text(one), context) for one in wanted]

    def satisfied(value: str) -> bool:
        return any(compare(value, text) for text in texts) != negated

    if for_all or (negated and not for_any):
        return all(satisfied(value) for value in values)
    return any(satisfied(value) for value in values)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
