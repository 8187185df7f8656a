# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluating a deployment: which resources it has, with which properties, and what would change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import ssm_backends

from region.emulator.cloudformation import provider as providers
from region.emulator.cloudformation import template as templates
from region.emulator.cloudformation.intrinsics import Scope, Unknown
from region.emulator.cloudformation.model import Deployment, Resource, Stack
from region.emulator.cloudformation.provider import Context, Properties, Provider
from region.emulator.ec2 import instances as ec2_instances
from region.emulator.errors import AwsError


def scope_of(
    stack: Stack,
    deployment: Deployment,
    ref: Callable[[str], Any],
    attribute: Callable[[str, str], Any],
    exports: Callable[[str], Any],
) -> Scope:
    """Return the scope in which a deployment's values are resolved."""
    zones = ec2_instances.backend(stack.region).describe_availability_zones()

    def secret(service: str, rest: str) -> str:
        return _dynamic(stack, service, rest)

    return Scope(
        account=stack.account,
        region=stack.region,
        stack_name=stack.name,
        stack_id=stack.id,
        zones=sorted(zone.name for zone in zones),
        parameters={name: one.value for name, one in deployment.parameters.items()},
        mappings=deployment.template.get("Mappings", {}),
        conditions=deployment.template.get("Conditions", {}),
        ref=ref,
        attribute=attribute,
        exports=exports,
        secret=secret,
    )


def _dynamic(stack: Stack, service: str, rest: str) -> str:
    if service.startswith("ssm"):
        parameter = ssm_backends[stack.account][stack.region].get_parameter(rest)
        if parameter is None:
            raise AwsError("ValidationError", f"Parameter {rest} not found.")
        return str(parameter.decrypt(parameter.value) if service == "ssm-secure" else parameter.value)
    name, dummy, tail = rest.partition(":")
    if name == "arn":
        name, tail = ":".join(rest.split(":")[:7]), ":".join(rest.split(":")[7:])
    value = secretsmanager_backends[stack.account][stack.region].get_secret_value(name, "", "")["SecretString"]
    parts = tail.split(":")
    if len(parts) > 1 and parts[1]:
        import json

        value = json.loads(value)[parts[1]]
    return str(value)


def included(scope: Scope, deployment: Deployment) -> dict[str, dict[str, Any]]:
    """Return the resources whose conditions hold, in an order that respects what they need."""
    resources: dict[str, dict[str, Any]] = deployment.template["Resources"]
    return {
        name: resources[name]
        for name in templates.order(resources)
        if "Condition" not in resources[name] or scope.condition(resources[name]["Condition"])
    }


def needs(resources: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    """Return what each resource needs of the others."""
    return {
        name: {one for one in templates.references(body) if one in resources and one != name}
        for name, body in resources.items()
    }


def find_provider(body: dict[str, Any]) -> Provider:
    """Return the provider of a resource.

    :raises NotImplementedError: its type is not emulated.
    """
    found = providers.find(str(body["Type"]))
    if found is None:
        raise NotImplementedError(str(body["Type"]))
    return found


def effective(scope: Scope, deployment: Deployment, body: dict[str, Any]) -> Properties:
    """Return a resource's properties, resolved, with the stack's tags among its own."""
    properties: Properties = scope.resolve(body.get("Properties", {}))
    provider = find_provider(body)
    if deployment.tags and "Tags" in provider.changeable | provider.immutable:
        own = properties.get("Tags", [])
        if body["Type"] == "AWS::SSM::Parameter":
            return {**properties, "Tags": {**deployment.tags, **(own or {})}}
        keys = {tag["Key"] for tag in own}
        inherited = [{"Key": key, "Value": value} for key, value in deployment.tags.items() if key not in keys]
        return {**properties, "Tags": [*own, *inherited]}
    return properties


def changed_properties(old: Properties, new: Properties) -> set[str]:
    """Return the names of top-level properties that differ."""
    return {key for key in {*old, *new} if old.get(key, _ABSENT) != new.get(key, _ABSENT)}


_ABSENT = object()


@dataclass(frozen=True)
class Change:
    """What a deployment does to one resource.

    :ivar action: Add, Modify or Remove.
    :ivar replacement: True, False or Conditional, for Modify.
    :ivar unknown: properties whose new value is only known afterwards.
    """

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    properties: tuple[str, ...] = ()
    replacement: str = ""
    unknown: frozenset[str] = frozenset()

    def describe(self) -> dict[str, Any]:
        """Return it as DescribeChangeSet does."""
        change: dict[str, Any] = {
            "Action": self.action,
            "LogicalResourceId": self.logical_id,
            "ResourceType": self.type,
            "Scope": sorted({"Tags" if one == "Tags" else "Properties" for one in self.properties}),
            "Details": [self._detail(one) for one in self.properties] if self.action == "Modify" else [],
        }
        if self.physical_id:
            change["PhysicalResourceId"] = self.physical_id
        if self.replacement:
            change["Replacement"] = self.replacement
        return {"Type": "Resource", "ResourceChange": change}

    def _detail(self, name: str) -> dict[str, Any]:
        recreation = {"True": "Always", "Conditional": "Conditionally"}.get(self.replacement, "Never")
        provider = providers.find(self.type)
        own = recreation if provider is not None and name in provider.immutable else "Never"
        attribute = "Tags" if name == "Tags" else "Properties"
        target = {"Attribute": attribute, "Name": name, "RequiresRecreation": own}
        dynamic = name in self.unknown
        return {
            "Target": target,
            "Evaluation": "Dynamic" if dynamic else "Static",
            "ChangeSource": "ResourceAttribute" if dynamic else "DirectModification",
        }


def changes(stack: Stack, deployment: Deployment, exports: Callable[[str], Any]) -> list[Change]:
    """Return what a deployment would do to a stack's resources, without doing it."""
    known: dict[str, Change] = {}

    def ref(name: str) -> Any:
        resource = stack.resources.get(name)
        change = known.get(name)
        if resource is None or (change is not None and change.replacement == "True"):
            return Unknown(name)
        return find_provider(resource.body).ref(resource.physical_id)

    def attribute(name: str, key: str) -> Any:
        resource, change = stack.resources.get(name), known.get(name)
        if resource is None:
            return Unknown(f"{name}.{key}")
        provider = find_provider(resource.body)
        if change is not None and (change.replacement == "True" or key in provider.volatile):
            return Unknown(f"{name}.{key}")
        return provider.attribute(context(stack, resource), resource.physical_id, resource.properties, key)

    scope = scope_of(stack, deployment, ref, attribute, exports)
    wanted = included(scope, deployment)
    for name, body in wanted.items():
        provider = find_provider(body)
        properties = effective(scope, deployment, body)
        provider.check(properties)
        change = _change(stack.resources.get(name), name, body, provider, properties)
        if change is not None:
            known[name] = change
    removed = [
        Change("Remove", name, one.type, one.physical_id) for name, one in stack.resources.items() if name not in wanted
    ]
    return [*known.values(), *removed]


def _change(
    resource: Resource | None, name: str, body: dict[str, Any], provider: Provider, properties: Properties
) -> Change | None:
    if resource is None:
        return Change("Add", name, str(body["Type"]))
    if resource.type != body["Type"]:
        raise AwsError(
            "ValidationError",
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{name}]",
        )
    differing = changed_properties(resource.properties, properties)
    if not differing:
        return None
    unknown = frozenset(one for one in differing if any(_unknowns(properties.get(one))))
    immutable = differing & provider.immutable
    replacement = "False"
    if immutable:
        replacement = "Conditional" if immutable <= unknown else "True"
    return Change("Modify", name, resource.type, resource.physical_id, tuple(sorted(differing)), replacement, unknown)


def _unknowns(value: Any) -> Iterator[bool]:
    if isinstance(value, Unknown) or (isinstance(value, str) and "{{changeSet:KNOWN_AFTER_APPLY:" in value):
        yield True
    elif isinstance(value, dict):
        for one in value.values():
            yield from _unknowns(one)
    elif isinstance(value, list):
        for one in value:
            yield from _unknowns(one)


def context(stack: Stack, resource: Resource, claim: Callable[[str], None] | None = None) -> Context:
    """Return what a provider needs to know about a resource."""
    from region.emulator.cloudformation.rights import client_of

    return Context(
        region=stack.region,
        account=stack.account,
        stack_name=stack.name,
        stack_id=stack.id,
        logical_id=resource.logical_id,
        client=lambda service: client_of(stack, service),
        claim=claim or (lambda physical_id: None),
        update_policy=resource.body.get("UpdatePolicy", {}),
    )
