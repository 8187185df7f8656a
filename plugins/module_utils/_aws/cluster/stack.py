# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CloudFormation stack of a cluster, as far as its settings are asked for. One function per API call."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..errors import AwsError, api_call

#: States in which a stack has nothing that could be kept. One whose creation failed has: it stays in C(CREATE_FAILED)
#: only when nothing was to be rolled back, holds what was made until then, and goes on from there with an update.
#: Source: AWS CloudFormation user guide, "Stack status codes" (view-stack-events) and stack-failure-options.
_EMPTY = ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE", "DELETE_IN_PROGRESS")


@dataclass(frozen=True)
class Stack:
    """A stack that lives."""

    name: str
    arn: str
    status: str
    parameters: dict[str, str]
    tags: dict[str, str]


@api_call("read the CloudFormation stack {name}", permission="cloudformation:DescribeStacks")
def _describe(client: t.Any, name: str) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", client.describe_stacks(StackName=name)["Stacks"])


def get_stack(client: t.Any, name: str) -> Stack | None:
    """Return the stack *name*, C(None) when there is none that holds anything."""
    try:
        found = _describe(client, name)
    except AwsError as exc:
        if exc.code == "ValidationError" and "does not exist" in str(exc):
            return None
        raise
    if not found or found[0]["StackStatus"] in _EMPTY:
        return None
    return Stack(
        name,
        found[0]["StackId"],
        found[0]["StackStatus"],
        {item["ParameterKey"]: item.get("ParameterValue", "") for item in found[0].get("Parameters", ())},
        {item["Key"]: item.get("Value", "") for item in found[0].get("Tags", ())},
    )
