# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions of CloudFormation's API about stacks."""

from __future__ import annotations

import json
from typing import Any

from region.emulator.cloudformation import evaluation, operations, requests, stacks
from region.emulator.cloudformation import template as templates
from region.emulator.cloudformation.model import Resource, Stack, timestamp
from region.emulator.errors import AwsError
from region.emulator.native import Request


def create(request: Request) -> dict[str, Any]:
    """CreateStack."""
    if request.get("DisableRollback") is not None and request.get("OnFailure"):
        raise AwsError("ValidationError", "You can specify either DisableRollback or OnFailure, but not both.")
    stack = requests.new_stack(request, requests.deployment(request, None))
    stack.on_failure = request.get("OnFailure") or ("DO_NOTHING" if request.get("DisableRollback") else "ROLLBACK")
    stack.status = "CREATE_IN_PROGRESS"
    requests.begin(request, stack, operations.create(stack))
    return {"StackId": stack.id}


def update(request: Request) -> dict[str, Any]:
    """UpdateStack."""
    stack = stacks.get(request.region, request.get("StackName"))
    requests.update_allowed(stack)
    wanted = requests.deployment(request, stack)
    if not evaluation.changes(stack, wanted, lambda name: stacks.exported(stack, name)) and not _outlines_differ(
        stack, wanted
    ):
        raise AwsError("ValidationError", "No updates are to be performed.")
    stack.status = "UPDATE_IN_PROGRESS"
    requests.begin(request, stack, operations.update(stack, wanted))
    return {"StackId": stack.id}


def _outlines_differ(stack: Stack, wanted: Any) -> bool:
    """Say whether outputs or the stack's tags differ, which is an update although no resource changes."""
    same_outputs = stack.deployment.template.get("Outputs") == wanted.template.get("Outputs")
    return not same_outputs or stack.deployment.tags != wanted.tags


def delete(request: Request) -> None:
    """DeleteStack; a stack that is not there is no error."""
    stack = stacks.find(request.region, request.get("StackName"))
    if stack is None or stack.status == "DELETE_COMPLETE":
        return
    if stack.status == "DELETE_IN_PROGRESS":
        return
    if stack.termination_protection:
        raise AwsError(
            "ValidationError", f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
        )
    exported = {one["ExportName"] for one in stack.outputs if "ExportName" in one}
    for other in stacks.all_stacks(request.region):
        if other is not stack and other.status != "DELETE_COMPLETE":
            used = exported & set(_imports(other))
            if used:
                raise AwsError(
                    "ValidationError", f"Export {sorted(used)[0]} cannot be deleted as it is in use by {other.name}"
                )
    if stack.operation is not None:
        stack.operation.steps.close()
        stack.operation = None
    stack.status = "DELETE_IN_PROGRESS"
    requests.begin(request, stack, operations.delete(stack, list(request.get("RetainResources", []))))


def _imports(stack: Stack) -> list[str]:
    found: list[str] = []

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("Fn::ImportValue"), str):
                found.append(value["Fn::ImportValue"])
            for one in value.values():
                look(one)
        elif isinstance(value, list):
            for one in value:
                look(one)

    look(stack.deployment.template)
    return found


def describe(request: Request) -> dict[str, Any]:
    """DescribeStacks."""
    name = request.get("StackName")
    if name:
        return {"Stacks": [stacks.get(request.region, name).describe()]}
    alive = [one for one in stacks.all_stacks(request.region) if one.status != "DELETE_COMPLETE"]
    return requests.page(request, "Stacks", [one.describe() for one in reversed(alive)])


def list_stacks(request: Request) -> dict[str, Any]:
    """ListStacks."""
    wanted = request.get("StackStatusFilter", [])
    keys = (
        "StackId",
        "StackName",
        "CreationTime",
        "LastUpdatedTime",
        "DeletionTime",
        "StackStatus",
        "StackStatusReason",
        "DriftInformation",
    )
    found = [
        one.describe() for one in reversed(stacks.all_stacks(request.region)) if not wanted or one.status in wanted
    ]
    return requests.page(request, "StackSummaries", [{key: one[key] for key in keys if key in one} for one in found])


def describe_events(request: Request) -> dict[str, Any]:
    """DescribeStackEvents, newest first."""
    stack = stacks.get(request.region, request.get("StackName"))
    return requests.page(request, "StackEvents", list(reversed(stack.events)))


def _resource(stack: Stack, one: Resource) -> dict[str, Any]:
    described = {
        "StackName": stack.name,
        "StackId": stack.id,
        "LogicalResourceId": one.logical_id,
        "PhysicalResourceId": one.physical_id or None,
        "ResourceType": one.type,
        "Timestamp": timestamp(one.updated_at),
        "LastUpdatedTimestamp": timestamp(one.updated_at),
        "ResourceStatus": one.status,
        "ResourceStatusReason": one.reason or None,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
        "Metadata": json.dumps(one.body["Metadata"]) if "Metadata" in one.body else None,
    }
    return {key: value for key, value in described.items() if value is not None}


def describe_resources(request: Request) -> dict[str, Any]:
    """DescribeStackResources."""
    logical, physical = request.get("LogicalResourceId"), request.get("PhysicalResourceId")
    name = request.get("StackName")
    if name:
        found = [stacks.get(request.region, name)]
    else:
        owners = [
            one
            for one in stacks.all_stacks(request.region)
            if any(r.physical_id == physical for r in one.resources.values())
        ]
        if not owners:
            raise AwsError("ValidationError", f"Stack for {physical} does not exist")
        found, physical = owners[-1:], None
    chosen = [
        _resource(stack, one)
        for stack in found
        for one in stack.resources.values()
        if logical in (None, one.logical_id) and physical in (None, one.physical_id)
    ]
    return {"StackResources": chosen}


def describe_resource(request: Request) -> dict[str, Any]:
    """DescribeStackResource."""
    stack = stacks.get(request.region, request.get("StackName"))
    name = request.get("LogicalResourceId")
    if name not in stack.resources:
        raise AwsError("ValidationError", f"Resource {name} does not exist for stack {stack.name}")
    return {"StackResourceDetail": _resource(stack, stack.resources[name])}


def list_resources(request: Request) -> dict[str, Any]:
    """ListStackResources."""
    stack = stacks.get(request.region, request.get("StackName"))
    return requests.page(request, "StackResourceSummaries", [_resource(stack, one) for one in stack.resources.values()])


def get_template(request: Request) -> dict[str, Any]:
    """GetTemplate; a JSON template as an object, a YAML template as text."""
    stack = stacks.get(request.region, request.get("StackName"))
    change_set = stack.change_sets.get(request.get("ChangeSetName", ""))
    text = change_set.deployment.text if change_set else stack.deployment.text
    return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}


def _declared(template: templates.Template) -> list[dict[str, Any]]:
    return [
        {
            "ParameterKey": name,
            "DefaultValue": str(body["Default"]) if "Default" in body else None,
            "NoEcho": str(body.get("NoEcho", "false")).lower() == "true",
            "Description": body.get("Description"),
            "ParameterType": body.get("Type", "String"),
        }
        for name, body in template.get("Parameters", {}).items()
    ]


def _needed_capabilities(template: templates.Template) -> list[str]:
    iam = [one for one in template["Resources"].values() if str(one["Type"]).startswith("AWS::IAM::")]
    named = any(name in one.get("Properties", {}) for one in iam for name in requests.IAM_NAMES)
    return ["CAPABILITY_NAMED_IAM"] if named else ["CAPABILITY_IAM"] if iam else []


def summarize(request: Request) -> dict[str, Any]:
    """GetTemplateSummary."""
    name = request.get("StackName")
    text = stacks.get(request.region, name).deployment.text if name else requests.template_text(request, None)
    template = templates.parse(text)
    return {
        "Description": template.get("Description"),
        "Parameters": _declared(template),
        "Capabilities": _needed_capabilities(template),
        "ResourceTypes": sorted({str(one["Type"]) for one in template["Resources"].values()}),
        "Version": template.get("AWSTemplateFormatVersion"),
        "Metadata": json.dumps(template["Metadata"]) if "Metadata" in template else None,
    }


def validate(request: Request) -> dict[str, Any]:
    """ValidateTemplate."""
    template = templates.parse(requests.template_text(request, None))
    return {
        "Description": template.get("Description"),
        "Parameters": _declared(template),
        "Capabilities": _needed_capabilities(template),
    }


def list_exports(request: Request) -> dict[str, Any]:
    """ListExports."""
    return requests.page(request, "Exports", list(stacks.exports(request.region)))


def protect(request: Request) -> dict[str, Any]:
    """UpdateTerminationProtection."""
    stack = stacks.get(request.region, request.get("StackName"))
    stack.termination_protection = bool(request.get("EnableTerminationProtection"))
    return {"StackId": stack.id}


def set_policy(request: Request) -> None:
    """SetStackPolicy; kept, without effect."""
    stacks.get(request.region, request.get("StackName")).policy = request.get("StackPolicyBody", "")


def get_policy(request: Request) -> dict[str, Any]:
    """GetStackPolicy."""
    return {"StackPolicyBody": stacks.get(request.region, request.get("StackName")).policy or None}


def cancel_update(request: Request) -> None:
    """CancelUpdateStack: the update is taken back."""
    stack = stacks.get(request.region, request.get("StackName"))
    if stack.status != "UPDATE_IN_PROGRESS" or stack.operation is None:
        raise AwsError(
            "ValidationError", f"CancelUpdateStack cannot be called from current stack status {stack.status}"
        )
    stack.reason = "User Initiated"
    stack.operation.steps = operations.cancelled(stack.operation.steps)
