# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a resource type is to the engine: how to make, change and remove one through AWS's own APIs."""

from __future__ import annotations

import inspect
import secrets
import string
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from region.emulator.state import runtime

Properties = dict[str, Any]
T = TypeVar("T")
# Yields while it waits for something, and why.
Steps = Generator[str, None, T]
_ALPHABET = string.ascii_uppercase + string.digits
# How long CloudFormation waits for one resource here before it gives up.
PATIENCE_SECONDS = 1800.0


class ResourceFailed(Exception):
    """The resource cannot be made, changed or removed."""


@dataclass(frozen=True)
class Context:
    """Where a resource lives.

    :ivar client: boto3 client of a service, with the rights of the stack.
    :ivar claim: tells the physical id before the resource is complete, so that it can be rolled back.
    """

    region: str
    account: str
    stack_name: str
    stack_id: str
    logical_id: str
    client: Callable[[str], Any]
    claim: Callable[[str], None]
    update_policy: dict[str, Any]

    def name(self, limit: int = 255, lower: bool = False) -> str:
        """Return a physical name of the resource as CloudFormation makes them: stack, logical id, random suffix."""
        suffix = "".join(secrets.choice(_ALPHABET) for dummy in range(12))
        room = limit - len(suffix) - 2
        stack = self.stack_name[: max(1, room - min(len(self.logical_id), room // 2))]
        name = f"{stack}-{self.logical_id[: room - len(stack)]}-{suffix}"
        return name.lower() if lower else name

    def tags(self, properties: Properties, system: bool = False) -> list[dict[str, str]]:
        """Return the resource's tags, the stack's among them, and with *system* those that name the stack."""
        merged: dict[str, str] = {}
        if system:
            merged["aws:cloudformation:stack-name"] = self.stack_name
            merged["aws:cloudformation:stack-id"] = self.stack_id
            merged["aws:cloudformation:logical-id"] = self.logical_id
        merged.update({tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags", [])})
        return [{"Key": key, "Value": value} for key, value in merged.items()]

    def call(self, service: str, method: str, properties: Properties, **own: Any) -> Any:
        """Call a method of a client with *properties* in the types of its parameters, and *own* as they are."""
        client = self.client(service)
        shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).input_shape
        given = {key: typed(value, shape.members[key]) for key, value in properties.items()}
        return getattr(client, method)(**given, **own)


class Provider:
    """One resource type. Properties that are not listed make the resource fail: nothing is ignored silently."""

    type: str = ""
    changeable: frozenset[str] = frozenset()  # changed in place
    immutable: frozenset[str] = frozenset()  # a change makes a new resource
    attributes: frozenset[str] = frozenset()  # for Fn::GetAtt
    volatile: frozenset[str] = frozenset()  # those of them that an update in place changes

    def check(self, properties: Properties) -> None:
        """Refuse properties that this provider does not know.

        :raises NotImplementedError: naming them.
        """
        unknown = sorted(set(properties) - self.changeable - self.immutable)
        if unknown:
            raise NotImplementedError(f"{self.type} with {', '.join(unknown)}")

    def create(self, context: Context, properties: Properties) -> Any:
        """Make the resource and return its physical id; may be :data:`Steps`."""
        raise NotImplementedError(self.type)

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> Any:
        """Bring the resource from *old* to *properties*; may be :data:`Steps`."""
        raise NotImplementedError(f"{self.type}: changing {', '.join(sorted(changed))}")

    def delete(self, context: Context, physical_id: str, properties: Properties) -> Any:
        """Remove the resource; may be :data:`Steps`. That it is gone already is no error."""
        raise NotImplementedError(self.type)

    def ref(self, physical_id: str) -> str:
        """Return what Ref gives."""
        return physical_id

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        """Return what Fn::GetAtt gives for one of :attr:`attributes`: the id, where a subclass says nothing else."""
        return physical_id


_providers: dict[str, Provider] = {}


def provides(resource_type: str) -> Callable[[type[Provider]], type[Provider]]:
    """Register the decorated class for a resource type."""

    def decorate(cls: type[Provider]) -> type[Provider]:
        cls.type = resource_type
        _providers[resource_type] = cls()
        return cls

    return decorate


def find(resource_type: str) -> Provider | None:
    """Return the provider of a resource type, None for a type that is not emulated."""
    return _providers.get(resource_type)


def names(*properties: str) -> frozenset[str]:
    """Return a set of property names."""
    return frozenset(properties)


def run(result: Any) -> Steps[Any]:
    """Run what a provider's method returned, be it a value or steps."""
    if inspect.isgenerator(result):
        return (yield from result)
    return result


def wait_until(done: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> Steps[None]:
    """Wait for a condition.

    :raises ResourceFailed: it does not come true in time.
    """
    deadline = runtime.now() + seconds
    while not done():
        if runtime.now() > deadline:
            raise ResourceFailed(f"Timed out while {what}")
        yield what


def without(properties: Properties, *omitted: str) -> Properties:
    """Return the properties except some."""
    return {key: value for key, value in properties.items() if key not in omitted}


def only(properties: Properties, *kept: str) -> Properties:
    """Return some of the properties, those that are set."""
    return {key: properties[key] for key in kept if key in properties}


def true(value: Any) -> bool:
    """Return a template's boolean, be it written as text."""
    return str(value).lower() == "true"


def tag_changes(old: Iterable[dict[str, str]], new: Iterable[dict[str, str]]) -> list[str]:
    """Return the keys of tags that are in *old* and no longer in *new*."""
    kept = {tag["Key"] for tag in new}
    return [tag["Key"] for tag in old if tag["Key"] not in kept]


def typed(value: Any, shape: Any) -> Any:
    """Return a template's value in the types of an API's *shape*; templates write most scalars as text."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        return {key: typed(one, shape.members[key]) if key in shape.members else one for key, one in value.items()}
    if kind == "list":
        return [typed(one, shape.member) for one in (value if isinstance(value, list) else [value])]
    if kind == "map" and isinstance(value, dict):
        return {key: typed(one, shape.value) for key, one in value.items()}
    if kind in ("integer", "long"):
        return int(float(value))
    if kind in ("float", "double"):
        return float(value)
    if kind == "boolean":
        return str(value).lower() == "true"
    if kind == "string" and not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value
