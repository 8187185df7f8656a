# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making and removing resources step by step, side by side where nothing forbids it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException

from region.emulator.cloudformation import evaluation, stacks
from region.emulator.cloudformation.intrinsics import Scope
from region.emulator.cloudformation.model import Deployment, Resource, Stack
from region.emulator.cloudformation.provider import ResourceFailed, Steps, run
from region.emulator.state import runtime

log = logging.getLogger(__name__)
GONE = ("NotFound", "NoSuch", "NotExist", "DoesNotExist", "ParameterNotFound", "NotFoundException")
IN_USE = ("DependencyViolation", "ResourceInUse", "InUse", "DeleteConflict", "ScalingActivityInProgress")
# How long a delete is tried again while something else still uses the resource.
IN_USE_SECONDS = 180.0


class Failed(Exception):
    """A resource has failed; the reason is in its status."""


def reason_of(error: BaseException) -> str:
    """Return why a resource failed, in one sentence."""
    if isinstance(error, ClientError):
        details = error.response["Error"]
        return (
            f'Resource handler returned message: "{details.get("Message", "")}" (HandlerErrorCode: {details["Code"]})'
        )
    if isinstance(error, ServiceException):
        return str(error.message)
    if isinstance(error, NotImplementedError):
        return f"not emulated by the local region: {error}"
    return str(error) or repr(error)


EXPECTED = (ClientError, BotoCoreError, ServiceException, ResourceFailed, NotImplementedError, KeyError, ValueError)


def side_by_side(starts: dict[str, Callable[[], Steps[None]]], needs: dict[str, set[str]]) -> Steps[None]:
    """Run steps as soon as those that they need have ended. The first failure cancels the others.

    :raises Failed: one of them failed.
    """
    done: set[str] = set()
    running: dict[str, Steps[None]] = {}
    while True:
        for name, start in starts.items():
            if name not in done and name not in running and needs.get(name, set()) & starts.keys() <= done:
                running[name] = start()
        progressed, failed, waits = False, False, []
        for name, steps in list(running.items()):
            try:
                waits.append(next(steps))
            except StopIteration:
                done.add(name)
                del running[name]
                progressed = True
            except Failed:
                failed = True
                del running[name]
        if failed:
            for steps in running.values():
                steps.close()
            raise Failed
        if not running and len(done) == len(starts):
            return
        if not progressed:
            yield ", ".join(waits)


def bind(function: Callable[[str], Steps[None]], name: str) -> Callable[[], Steps[None]]:
    """Return a start for :func:`side_by_side`."""
    return lambda: function(name)


def scope_of(stack: Stack, deployment: Deployment) -> Scope:
    """Return the scope in which a deployment's values are resolved against the stack's resources as they are now."""

    def resource(name: str) -> Resource:
        found = stack.resources.get(name)
        if found is None:
            raise ResourceFailed(f"Template error: {name} is not there (its condition does not hold)")
        return found

    def ref(name: str) -> Any:
        return evaluation.find_provider(resource(name).body).ref(resource(name).physical_id)

    def attribute(name: str, key: str) -> Any:
        one = resource(name)
        provider = evaluation.find_provider(one.body)
        if key not in provider.attributes:
            raise ResourceFailed(f"Template error: resource {name} does not support attribute type {key} in Fn::GetAtt")
        return provider.attribute(evaluation.context(stack, one), one.physical_id, one.properties, key)

    return evaluation.scope_of(stack, deployment, ref, attribute, lambda name: stacks.exported(stack, name))


def create_resource(stack: Stack, resource: Resource, scope: Scope, deployment: Deployment) -> Steps[None]:
    """Make a resource.

    :raises Failed: it cannot be made; the events say why.
    """

    def claim(physical_id: str) -> None:
        resource.physical_id = physical_id
        stack.event(resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")

    stack.resources[resource.logical_id] = resource
    stack.event(resource, "CREATE_IN_PROGRESS")
    try:
        provider = evaluation.find_provider(resource.body)
        resource.properties = evaluation.effective(scope, deployment, resource.body)
        provider.check(resource.properties)
        if "CreationPolicy" in resource.body:
            raise NotImplementedError(f"{resource.type} with CreationPolicy")
        context = evaluation.context(stack, resource, claim)
        physical_id = yield from run(provider.create(context, resource.properties))
    except GeneratorExit:
        stack.event(resource, "CREATE_FAILED", "Resource creation cancelled")
        raise
    except EXPECTED as exc:
        stack.event(resource, "CREATE_FAILED", reason_of(exc))
        raise Failed from exc
    if not resource.physical_id:
        claim(str(physical_id))
    resource.physical_id = str(physical_id)
    stack.event(resource, "CREATE_COMPLETE")


def delete_resource(stack: Stack, resource: Resource, policy: str = "DeletionPolicy") -> Steps[None]:
    """Remove a resource, or leave it where its policy says so.

    :raises Failed: it cannot be removed; the events say why.
    """
    if not resource.physical_id:
        return
    if resource.policy(policy) in ("Retain", "RetainExceptOnCreate"):
        stack.event(resource, "DELETE_SKIPPED")
        return
    stack.event(resource, "DELETE_IN_PROGRESS")
    deadline = runtime.now() + IN_USE_SECONDS
    provider = evaluation.find_provider(resource.body)
    while True:
        try:
            context = evaluation.context(stack, resource)
            yield from run(provider.delete(context, resource.physical_id, resource.properties))
            break
        except ClientError as exc:
            code = str(exc.response["Error"]["Code"])
            if any(one in code for one in GONE):
                break
            if not any(one in code for one in IN_USE) or runtime.now() > deadline:
                stack.event(resource, "DELETE_FAILED", reason_of(exc))
                raise Failed from exc
            yield f"{resource.logical_id} is still in use"
        except EXPECTED as exc:
            stack.event(resource, "DELETE_FAILED", reason_of(exc))
            raise Failed from exc
    stack.event(resource, "DELETE_COMPLETE")


def delete_resources(stack: Stack, doomed: list[Resource], policy: str = "DeletionPolicy") -> Steps[None]:
    """Remove resources, each before those that it needs; goes on past failures.

    :raises Failed: some could not be removed.
    """
    by_name = {one.logical_id: one for one in doomed}
    needs = evaluation.needs({name: one.body for name, one in by_name.items()})
    users: dict[str, set[str]] = {name: set() for name in by_name}
    for name, needed in needs.items():
        for one in needed:
            users[one].add(name)
    failed: set[str] = set()

    def removal(name: str) -> Steps[None]:
        if users[name] & failed:
            failed.add(name)
            return
        try:
            yield from delete_resource(stack, by_name[name], policy)
        except Failed:
            failed.add(name)

    yield from side_by_side({name: bind(removal, name) for name in by_name}, users)
    if failed:
        raise Failed


def outputs_of(scope: Scope, deployment: Deployment) -> list[dict[str, Any]]:
    """Return the outputs whose conditions hold."""
    outputs = []
    for name, body in deployment.template.get("Outputs", {}).items():
        if "Condition" in body and not scope.condition(body["Condition"]):
            continue
        output = {"OutputKey": name, "OutputValue": str(scope.resolve(body["Value"]))}
        if "Description" in body:
            output["Description"] = str(scope.resolve(body["Description"]))
        if "Export" in body:
            output["ExportName"] = str(scope.resolve(body["Export"]["Name"]))
        outputs.append(output)
    return outputs
