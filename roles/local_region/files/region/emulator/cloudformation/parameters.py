# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Template parameters: given, previous, default or looked up in SSM, and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from moto.ssm.models import ssm_backends

from region.emulator.errors import AwsError

SSM_TYPE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>$")
MASK = "****"


@dataclass(frozen=True)
class Parameter:
    """One parameter's value: as it was given, and as Ref sees it.

    :ivar value: text, or a list of texts.
    :ivar resolved: the SSM parameter's value.
    """

    given: str
    value: Any
    no_echo: bool = False
    resolved: str | None = None

    def describe(self, name: str) -> dict[str, Any]:
        """Return it as DescribeStacks does."""
        answer = {"ParameterKey": name, "ParameterValue": MASK if self.no_echo else self.given}
        if self.resolved is not None:
            answer["ResolvedValue"] = self.resolved
        return answer


def evaluate(
    declared: dict[str, Any],
    given: list[dict[str, Any]],
    previous: dict[str, Parameter],
    account: str,
    region: str,
) -> dict[str, Parameter]:
    """Return the values of all parameters that a template declares.

    :raises AwsError: one is missing, unknown or does not fit, as CloudFormation says it.
    """
    unknown = [one["ParameterKey"] for one in given if one["ParameterKey"] not in declared]
    if unknown:
        raise AwsError("ValidationError", f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    by_name = {one["ParameterKey"]: one for one in given}
    values: dict[str, Parameter] = {}
    missing: list[str] = []
    for name, declaration in declared.items():
        text = _text(name, declaration, by_name.get(name), previous)
        if text is None:
            missing.append(name)
        else:
            values[name] = _value(name, declaration, text, account, region)
    if missing:
        raise AwsError("ValidationError", f"Parameters: [{', '.join(missing)}] must have values")
    return values


def _text(name: str, declaration: Any, given: dict[str, Any] | None, previous: dict[str, Parameter]) -> str | None:
    if given is not None and given.get("UsePreviousValue"):
        if name not in previous:
            raise AwsError("ValidationError", f"Parameter {name} has no previous value.")
        return previous[name].given
    if given is not None and given.get("ParameterValue") is not None:
        return str(given["ParameterValue"])
    default = declaration.get("Default")
    if default is None:
        return None
    return str(default).lower() if isinstance(default, bool) else str(default)


def _value(name: str, declaration: dict[str, Any], text: str, account: str, region: str) -> Parameter:
    kind = str(declaration.get("Type", "String"))
    _check(name, declaration, kind, text)
    no_echo = str(declaration.get("NoEcho", "")).lower() == "true"
    resolved = None
    from_ssm = SSM_TYPE.match(kind)
    if from_ssm:
        kind, resolved = from_ssm.group(1), _lookup(text, account, region)
    effective = text if resolved is None else resolved
    is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
    value: Any = [one.strip() for one in effective.split(",")] if is_list else effective
    return Parameter(text, value, no_echo, resolved)


def _lookup(name: str, account: str, region: str) -> str:
    parameter = ssm_backends[account][region].get_parameter(name)
    if parameter is None:
        raise AwsError("ValidationError", f"Unable to fetch parameters [{name}] from parameter store for this account.")
    return str(parameter.value)


def _check(name: str, declaration: dict[str, Any], kind: str, text: str) -> None:
    items = (
        [one.strip() for one in text.split(",")] if kind == "CommaDelimitedList" or kind.startswith("List<") else [text]
    )
    allowed = declaration.get("AllowedValues")
    pattern = declaration.get("AllowedPattern")
    said = declaration.get("ConstraintDescription")
    for item in items:
        if allowed is not None and item not in [_plain(one) for one in allowed]:
            raise _refused(
                name, said or f"must be one of AllowedValues: [{', '.join(map(_plain, allowed))}]", bool(said)
            )
        if pattern is not None and not re.fullmatch(pattern, item):
            raise _refused(name, said or f"must match pattern {pattern}", bool(said))
        if kind in ("Number", "List<Number>"):
            _check_number(name, declaration, item)
        elif not int(declaration.get("MinLength", 0)) <= len(item) <= int(declaration.get("MaxLength", 4096)):
            raise _refused(name, said or "has a length out of bounds", bool(said))


def _check_number(name: str, declaration: dict[str, Any], item: str) -> None:
    try:
        number = float(item)
    except ValueError as exc:
        raise AwsError("ValidationError", f"Parameter '{name}' must be a number.") from exc
    if "MinValue" in declaration and number < float(declaration["MinValue"]):
        raise _refused(name, f"must be a number not less than {declaration['MinValue']}", False)
    if "MaxValue" in declaration and number > float(declaration["MaxValue"]):
        raise _refused(name, f"must be a number not greater than {declaration['MaxValue']}", False)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refused(name: str, why: str, described: bool) -> AwsError:
    if described:
        return AwsError("ValidationError", f"Parameter {name} failed to satisfy constraint: {why}")
    return AwsError("ValidationError", f"Parameter '{name}' {why}")
