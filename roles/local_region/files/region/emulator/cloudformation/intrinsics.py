# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudFormation's functions: Ref, Fn::Sub, Fn::If and the others, in one scope."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from region.emulator.cloudformation.template import SUB_VARIABLE
from region.emulator.errors import AwsError

NO_VALUE = object()
DYNAMIC = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^}]+)\}\}")


@dataclass
class Unknown:
    """A value that only exists after the deployment, e.g. the id of a resource that is not there yet."""

    what: str

    def __str__(self) -> str:
        return f"{{{{changeSet:KNOWN_AFTER_APPLY:{self.what}}}}}"


@dataclass
class Scope:
    """Where names get their values.

    :ivar parameters: values as Ref sees them.
    :ivar conditions: as written.
    :ivar ref: a resource's Ref.
    :ivar attribute: a resource's Fn::GetAtt.
    :ivar secret: dynamic references: service, rest.
    """

    account: str
    region: str
    stack_name: str
    stack_id: str
    zones: list[str]
    parameters: dict[str, Any]
    mappings: dict[str, Any]
    conditions: dict[str, Any]
    ref: Callable[[str], Any]
    attribute: Callable[[str, str], Any]
    exports: Callable[[str], Any]
    secret: Callable[[str, str], str]
    _evaluating: list[str] = field(default_factory=list)

    def condition(self, name: str) -> bool:
        """Return a condition's value.

        :raises AwsError: there is none of that name, or it depends on itself.
        """
        if name not in self.conditions:
            raise AwsError("ValidationError", f"Template error: Unresolved condition dependency {name}")
        if name in self._evaluating:
            raise AwsError("ValidationError", f"Template error: Circular dependency between conditions: [{name}]")
        self._evaluating.append(name)
        try:
            return bool(self.resolve(self.conditions[name]))
        finally:
            self._evaluating.pop()

    def resolve(self, value: Any) -> Any:
        """Return the value with all functions applied; members that are AWS::NoValue disappear."""
        if isinstance(value, list):
            items = [self.resolve(one) for one in value]
            return [one for one in items if one is not NO_VALUE]
        if isinstance(value, str):
            return self._dynamic(value)
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if name.startswith("Fn::"):
                return self._apply(name, argument)
        resolved = {key: self.resolve(one) for key, one in value.items()}
        return {key: one for key, one in resolved.items() if one is not NO_VALUE}

    def _dynamic(self, text: str) -> str:
        return DYNAMIC.sub(lambda match: self.secret(match.group(1), match.group(2)), text)

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::StackName": self.stack_name,
            "AWS::StackId": self.stack_id,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": NO_VALUE,
            "AWS::NotificationARNs": [],
        }
        if name in pseudo:
            return pseudo[name]
        return self.parameters[name] if name in self.parameters else self.ref(name)

    def _apply(self, name: str, argument: Any) -> Any:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise NotImplementedError(f"CloudFormation's function {name}")
        try:
            return function(self, argument)
        except (KeyError, IndexError, TypeError, ValueError) as exc:
            raise AwsError("ValidationError", f"Template error: {name} cannot be resolved: {exc!r}") from exc

    def sub(self, argument: Any) -> str:
        """Fn::Sub."""
        text, variables = (argument, {}) if isinstance(argument, str) else (argument[0], self.resolve(argument[1]))

        def replacement(match: re.Match[str]) -> str:
            name = match.group(1)
            if name in variables:
                return to_text(variables[name])
            value = self.attribute(*name.split(".", 1)) if "." in name else self._ref(name)
            return to_text(value)

        return self._dynamic(SUB_VARIABLE.sub(replacement, text)).replace("${!", "${")


def to_text(value: Any) -> str:
    """Return a value as Fn::Sub and Fn::Join write it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(to_text, value)) if isinstance(value, list) else str(value)


def _get_att(scope: Scope, argument: Any) -> Any:
    name, attribute = argument.split(".", 1) if isinstance(argument, str) else (argument[0], scope.resolve(argument[1]))
    return scope.attribute(name, attribute)


def _join(scope: Scope, argument: Any) -> str:
    delimiter, items = argument
    return str(delimiter).join(to_text(one) for one in scope.resolve(items))


def _select(scope: Scope, argument: Any) -> Any:
    index, items = scope.resolve(argument)
    if isinstance(items, Unknown):
        return items
    if not 0 <= int(index) < len(items):
        raise AwsError(
            "ValidationError", f"Template error: Fn::Select cannot select nonexistent value at index {index}"
        )
    return items[int(index)]


def _split(scope: Scope, argument: Any) -> list[str]:
    delimiter, text = scope.resolve(argument)
    return to_text(text).split(delimiter)


def _zones(scope: Scope, argument: Any) -> list[str]:
    region = scope.resolve(argument) or scope.region
    return [zone.replace(scope.region, str(region)) for zone in scope.zones]


def _cidr(scope: Scope, argument: Any) -> Any:
    block, count, *rest = scope.resolve(argument)
    if isinstance(block, Unknown):
        return [Unknown(f"{block.what}.{index}") for index in range(int(count))]
    network = ipaddress.ip_network(str(block))
    bits = int(rest[0]) if rest else network.max_prefixlen - network.prefixlen
    subnets = network.subnets(new_prefix=network.max_prefixlen - bits)
    return [str(next(subnets)) for dummy in range(int(count))]


def _find_in_map(scope: Scope, argument: Any) -> Any:
    name, first, second, *rest = scope.resolve(argument)
    try:
        return scope.mappings[name][str(first)][str(second)]
    except KeyError as exc:
        if rest and isinstance(rest[0], dict) and "DefaultValue" in rest[0]:
            return rest[0]["DefaultValue"]
        raise AwsError(
            "ValidationError", f"Template error: Unable to get mapping for {name}::{first}::{second}"
        ) from exc


def _if(scope: Scope, argument: Any) -> Any:
    name, yes, no = argument
    return scope.resolve(yes if scope.condition(name) else no)


def _base64(scope: Scope, argument: Any) -> Any:
    text = scope.resolve(argument)
    return text if isinstance(text, Unknown) else base64.b64encode(to_text(text).encode()).decode()


_FUNCTIONS: dict[str, Callable[[Scope, Any], Any]] = {
    "Fn::And": lambda scope, argument: all(bool(one) for one in scope.resolve(argument)),
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::Equals": lambda scope, argument: to_text(scope.resolve(argument[0])) == to_text(scope.resolve(argument[1])),
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _zones,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::ImportValue": lambda scope, argument: scope.exports(str(scope.resolve(argument))),
    "Fn::Join": _join,
    "Fn::Length": lambda scope, argument: len(scope.resolve(argument)),
    "Fn::Not": lambda scope, argument: not scope.resolve(argument)[0],
    "Fn::Or": lambda scope, argument: any(bool(one) for one in scope.resolve(argument)),
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": lambda scope, argument: scope.sub(argument),
    "Fn::ToJsonString": lambda scope, argument: json.dumps(scope.resolve(argument)),
}
