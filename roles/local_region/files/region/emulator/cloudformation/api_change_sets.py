# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions of CloudFormation's API about change sets."""

from __future__ import annotations

import uuid
from typing import Any

from region.emulator.cloudformation import evaluation, operations, requests, stacks
from region.emulator.cloudformation.model import ChangeSet, Stack, timestamp
from region.emulator.errors import AwsError
from region.emulator.native import Request
from region.emulator.state import runtime

NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."


def create(request: Request) -> dict[str, Any]:
    """CreateChangeSet: what would change is known when this returns."""
    kind = request.get("ChangeSetType", "UPDATE")
    if kind not in ("CREATE", "UPDATE"):
        raise NotImplementedError(f"a change set of type {kind}")
    stack = stacks.find(request.region, request.get("StackName"))
    if kind == "UPDATE":
        stack = stacks.get(request.region, request.get("StackName"))
        requests.update_allowed(stack)
        wanted = requests.deployment(request, stack)
    else:
        wanted = requests.deployment(request, None)
        if stack is None:
            stack = requests.new_stack(request, wanted)
            stack.event(None, "REVIEW_IN_PROGRESS", "User Initiated")
        elif stack.status != "REVIEW_IN_PROGRESS":
            raise AwsError(
                "ValidationError",
                f"Stack [{stack.name}] already exists and cannot be created again with the changeSet "
                f"[{request.get('ChangeSetName')}].",
            )
    name = str(request.get("ChangeSetName"))
    if name in stack.change_sets:
        raise AwsError("AlreadyExistsException", f"ChangeSet {name} already exists")
    change_set = ChangeSet(
        name=name,
        id=f"arn:aws:cloudformation:{request.region}:{request.account}:changeSet/{name}/{uuid.uuid4()}",
        stack_id=stack.id,
        kind=kind,
        deployment=wanted,
        description=request.get("Description", ""),
        created_at=runtime.now(),
        on_failure=request.get("OnStackFailure", "ROLLBACK"),
    )
    _evaluate(request, stack, change_set)
    stack.change_sets[name] = change_set
    return {"Id": change_set.id, "StackId": stack.id}


def _evaluate(request: Request, stack: Stack, change_set: ChangeSet) -> None:
    from region.emulator.cloudformation import engine, rights

    if not stack.credentials[0]:
        stack.credentials = rights.of_caller(request.access_key, request.token, "", request.account)
    try:
        found = evaluation.changes(stack, change_set.deployment, lambda name: stacks.exported(stack, name))
    except engine.EXPECTED as exc:
        change_set.status, change_set.execution_status, change_set.reason = (
            "FAILED",
            "UNAVAILABLE",
            engine.reason_of(exc),
        )
        return
    change_set.changes = [one.describe() for one in found]
    same = (
        stack.deployment.template.get("Outputs") == change_set.deployment.template.get("Outputs")
        and stack.deployment.tags == change_set.deployment.tags
    )
    if change_set.kind == "UPDATE" and not found and same:
        change_set.status, change_set.execution_status, change_set.reason = "FAILED", "UNAVAILABLE", NOTHING


def _find(request: Request) -> tuple[Stack, ChangeSet]:
    name = request.get("ChangeSetName")
    for stack in reversed(stacks.all_stacks(request.region)):
        given = request.get("StackName")
        if given and given not in (stack.name, stack.id):
            continue
        for change_set in stack.change_sets.values():
            if name in (change_set.id, change_set.name) and (given or name == change_set.id):
                return stack, change_set
    raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")


def _summary(stack: Stack, one: ChangeSet) -> dict[str, Any]:
    answer = {
        "ChangeSetName": one.name,
        "ChangeSetId": one.id,
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": one.description or None,
        "CreationTime": timestamp(one.created_at),
        "Status": one.status,
        "StatusReason": one.reason or None,
        "ExecutionStatus": one.execution_status,
    }
    return {key: value for key, value in answer.items() if value is not None}


def describe(request: Request) -> dict[str, Any]:
    """DescribeChangeSet."""
    stack, one = _find(request)
    return {
        **_summary(stack, one),
        "Parameters": [value.describe(name) for name, value in one.deployment.parameters.items()],
        "Capabilities": one.deployment.capabilities,
        "Tags": [{"Key": key, "Value": value} for key, value in one.deployment.tags.items()],
        **requests.page(request, "Changes", one.changes),
    }


def list_sets(request: Request) -> dict[str, Any]:
    """ListChangeSets."""
    stack = stacks.get(request.region, request.get("StackName"))
    return requests.page(request, "Summaries", [_summary(stack, one) for one in stack.change_sets.values()])


def execute(request: Request) -> None:
    """ExecuteChangeSet: all other change sets of the stack are gone with it."""
    stack, one = _find(request)
    if one.execution_status != "AVAILABLE":
        raise AwsError(
            "InvalidChangeSetStatus",
            f"ChangeSet [{one.id}] cannot be executed in its current status of [{one.status}]",
        )
    if one.kind == "CREATE":
        stack.deployment = one.deployment
        stack.on_failure = "DO_NOTHING" if request.get("DisableRollback") else one.on_failure
        steps, status = operations.create(stack), "CREATE_IN_PROGRESS"
    else:
        requests.update_allowed(stack)
        steps, status = operations.update(stack, one.deployment), "UPDATE_IN_PROGRESS"
    requests.begin(request, stack, steps)
    stack.status = status
    one.execution_status = "EXECUTE_COMPLETE"
    stack.change_sets = {one.name: one}


def delete(request: Request) -> None:
    """DeleteChangeSet; a stack under review goes with its last one only when it is deleted itself."""
    try:
        stack, one = _find(request)
    except AwsError:
        return
    del stack.change_sets[one.name]
