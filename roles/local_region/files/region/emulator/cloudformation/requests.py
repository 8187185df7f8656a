# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What requests about stacks have in common: template, parameters, tags, capabilities."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

from moto.s3.models import s3_backends

from region.emulator.cloudformation import evaluation, parameters, rights, stacks
from region.emulator.cloudformation import template as templates
from region.emulator.cloudformation.model import Deployment, Operation, Stack
from region.emulator.cloudformation.provider import Steps
from region.emulator.errors import AwsError
from region.emulator.native import Request
from region.emulator.state import runtime

BODY_LIMIT = 51_200
# Properties that give an IAM resource a name of the caller's choice.
IAM_NAMES = ("RoleName", "InstanceProfileName", "ManagedPolicyName", "UserName", "GroupName")


def template_text(request: Request, stack: Stack | None) -> str:
    """Return the template that a request brings.

    :raises AwsError: it brings none, or one that is too long.
    """
    if request.get("UsePreviousTemplate") and stack is not None:
        return stack.deployment.text
    body = request.get("TemplateBody")
    if body:
        if len(body.encode()) > BODY_LIMIT:
            raise AwsError(
                "ValidationError",
                f"1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have "
                f"length less than or equal to {BODY_LIMIT}",
            )
        return str(body)
    url = request.get("TemplateURL")
    if url:
        return _from_s3(str(url), request.account)
    raise AwsError("ValidationError", "Either Template URL or Template Body must be specified.")


def _from_s3(url: str, account: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").split(".")
    path = parts.path.lstrip("/")
    bucket, key = path.split("/", 1) if host[0].startswith("s3") else (host[0], path)
    try:
        content: bytes = s3_backends[account]["aws"].get_object(bucket, key).value  # type: ignore[union-attr]
    except Exception as exc:
        raise AwsError("ValidationError", "S3 error: The specified key does not exist.") from exc
    return content.decode()


def deployment(request: Request, stack: Stack | None) -> Deployment:
    """Return what a request wants a stack to be.

    :raises AwsError: something in it is wrong, as CloudFormation says it.
    """
    text = template_text(request, stack)
    template = templates.parse(text)
    for body in template["Resources"].values():
        evaluation.find_provider(body)
    values = parameters.evaluate(
        template.get("Parameters", {}),
        request.get("Parameters", []),
        stack.deployment.parameters if stack is not None else {},
        request.account,
        request.region,
    )
    if "Tags" in request.parameters or stack is None:
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
    else:
        tags = stack.deployment.tags
    capabilities = list(request.get("Capabilities", []))
    _check_capabilities(template, capabilities)
    return Deployment(text, template, values, tags, capabilities)


def _check_capabilities(template: templates.Template, given: list[str]) -> None:
    iam = [one for one in template["Resources"].values() if str(one["Type"]).startswith("AWS::IAM::")]
    named = [one for one in iam if any(name in one.get("Properties", {}) for name in IAM_NAMES)]
    if named and "CAPABILITY_NAMED_IAM" not in given:
        raise AwsError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")
    if iam and not {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & set(given):
        raise AwsError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")


def new_stack(request: Request, wanted: Deployment) -> Stack:
    """Return a stack of the request's name that has nothing yet, added to the account.

    :raises AwsError: the name is taken, or is none.
    """
    name = str(request.get("StackName"))
    if not name or not name[0].isalpha() or not all(one.isalnum() or one == "-" for one in name) or len(name) > 128:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
        )
    if stacks.find(request.region, name) is not None:
        raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
    stack = Stack(
        name=name,
        id=f"arn:aws:cloudformation:{request.region}:{request.account}:stack/{name}/{uuid.uuid4()}",
        region=request.region,
        account=request.account,
        created_at=runtime.now(),
        deployment=wanted,
        notification_arns=list(request.get("NotificationARNs", [])),
        termination_protection=bool(request.get("EnableTerminationProtection", False)),
        timeout_minutes=request.get("TimeoutInMinutes"),
        policy=request.get("StackPolicyBody", ""),
    )
    stacks.add(stack)
    return stack


def begin(request: Request, stack: Stack, steps: Steps[None]) -> None:
    """Start an operation; it goes on with the emulator's ticks.

    :raises AwsError: another one is under way.
    """
    refuse_busy(stack)
    stack.role_arn = request.get("RoleARN", stack.role_arn)
    stack.credentials = rights.of_caller(request.access_key, request.token, stack.role_arn, request.account)
    stack.operation = Operation(steps, str(request.get("ClientRequestToken", "")))


def refuse_busy(stack: Stack) -> None:
    """Refuse a second operation.

    :raises AwsError: one is under way.
    """
    if stack.busy:
        raise AwsError("ValidationError", f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def update_allowed(stack: Stack) -> None:
    """Refuse to update a stack in a state that allows none.

    :raises AwsError: saying which state.
    """
    refuse_busy(stack)
    allowed = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
    if stack.status not in allowed:
        raise AwsError("ValidationError", f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def page(request: Request, key: str, items: list[Any], size: int = 100) -> dict[str, Any]:
    """Return one page of a list."""
    start = int(request.get("NextToken", 0))
    answer: dict[str, Any] = {key: items[start : start + size]}
    if start + size < len(items):
        answer["NextToken"] = str(start + size)
    return answer
