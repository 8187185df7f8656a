# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks, their resources, events and change sets."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from region.emulator.cloudformation.parameters import Parameter
from region.emulator.cloudformation.template import Template
from region.emulator.state import runtime

STACK_TYPE = "AWS::CloudFormation::Stack"


def timestamp(seconds: float) -> datetime:
    """Return a point in time as the serializers want it."""
    return datetime.fromtimestamp(seconds, tz=UTC)


@dataclass
class Resource:
    """One resource of a stack, as it really is.

    :ivar body: as in the template that made it so.
    :ivar properties: resolved.
    """

    logical_id: str
    type: str
    body: dict[str, Any]
    properties: dict[str, Any] = field(default_factory=dict)
    physical_id: str = ""
    status: str = ""
    reason: str = ""
    updated_at: float = 0.0

    def policy(self, name: str) -> str:
        """Return DeletionPolicy or UpdateReplacePolicy."""
        return str(self.body.get(name, "Delete"))


@dataclass
class Deployment:
    """What a stack is to become, or has become: template, parameters, tags."""

    text: str
    template: Template
    parameters: dict[str, Parameter]
    tags: dict[str, str]
    capabilities: list[str] = field(default_factory=list)


@dataclass
class Operation:
    """A create, update or delete under way.

    :ivar token: client request token, which marks the operation's events.
    """

    steps: Generator[str, None, None]
    token: str


@dataclass
class ChangeSet:
    """A change set.

    :ivar kind: CREATE or UPDATE.
    """

    name: str
    id: str
    stack_id: str
    kind: str
    deployment: Deployment
    description: str
    created_at: float
    changes: list[dict[str, Any]] = field(default_factory=list)
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution_status: str = "AVAILABLE"
    on_failure: str = "ROLLBACK"


@dataclass
class Stack:
    """One stack.

    :ivar credentials: access key and session token that its calls are made with.
    :ivar events: oldest first.
    """

    name: str
    id: str
    region: str
    account: str
    created_at: float
    deployment: Deployment
    credentials: tuple[str, str] = ("", "")
    role_arn: str = ""
    on_failure: str = "ROLLBACK"
    timeout_minutes: int | None = None
    termination_protection: bool = False
    policy: str = ""
    notification_arns: list[str] = field(default_factory=list)
    status: str = ""
    reason: str = ""
    updated_at: float | None = None
    deleted_at: float | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    operation: Operation | None = None
    _last_event_at: float = 0.0

    @property
    def busy(self) -> bool:
        """Whether an operation is under way."""
        return self.operation is not None

    def event(self, resource: Resource | None, status: str, reason: str = "") -> None:
        """Set the status of a resource, or of the stack itself, and note it."""
        # Each event is a little later than the one before, so that their order can be told.
        now = max(runtime.now(), self._last_event_at + 0.001)
        self._last_event_at = now
        if resource is None:
            self.status, self.reason = status, reason
        else:
            resource.status, resource.reason, resource.updated_at = status, reason, now
        entry: dict[str, Any] = {
            "StackId": self.id,
            "EventId": str(uuid.uuid4()),
            "StackName": self.name,
            "LogicalResourceId": resource.logical_id if resource else self.name,
            "PhysicalResourceId": resource.physical_id if resource else self.id,
            "ResourceType": resource.type if resource else STACK_TYPE,
            "Timestamp": timestamp(now),
            "ResourceStatus": status,
        }
        if reason:
            entry["ResourceStatusReason"] = reason
        if self.operation is not None and self.operation.token:
            entry["ClientRequestToken"] = self.operation.token
        self.events.append(entry)

    def describe(self) -> dict[str, Any]:
        """Return it as DescribeStacks does."""
        answer: dict[str, Any] = {
            "StackId": self.id,
            "StackName": self.name,
            "Description": self.deployment.template.get("Description"),
            "Parameters": [one.describe(name) for name, one in self.deployment.parameters.items()],
            "CreationTime": timestamp(self.created_at),
            "LastUpdatedTime": timestamp(self.updated_at) if self.updated_at is not None else None,
            "DeletionTime": timestamp(self.deleted_at) if self.deleted_at is not None else None,
            "StackStatus": self.status,
            "StackStatusReason": self.reason or None,
            "DisableRollback": self.on_failure == "DO_NOTHING",
            "NotificationARNs": self.notification_arns,
            "TimeoutInMinutes": self.timeout_minutes,
            "Capabilities": self.deployment.capabilities,
            "Outputs": self.outputs,
            "RoleARN": self.role_arn or None,
            "Tags": [{"Key": key, "Value": value} for key, value in self.deployment.tags.items()],
            "EnableTerminationProtection": self.termination_protection,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        }
        return {key: value for key, value in answer.items() if value is not None}
