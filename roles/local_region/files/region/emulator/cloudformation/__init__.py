# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudFormation, emulated from the ground up: it makes resources through the other services' APIs, as AWS does.

moto skips resource types that it does not know, has no rollback, no order of deletion and no honest change sets.
"""

from __future__ import annotations

import logging

from moto.cloudformation.responses import CloudFormationResponse

from region.emulator import native
from region.emulator.cloudformation import api_change_sets, api_stacks, resources, stacks
from region.emulator.cloudformation.model import Stack
from region.emulator.native import Action

__all__ = ["install", "resources", "tick"]

log = logging.getLogger(__name__)

ACTIONS: dict[str, Action] = {
    "CancelUpdateStack": api_stacks.cancel_update,
    "CreateChangeSet": api_change_sets.create,
    "CreateStack": api_stacks.create,
    "DeleteChangeSet": api_change_sets.delete,
    "DeleteStack": api_stacks.delete,
    "DescribeChangeSet": api_change_sets.describe,
    "DescribeStackEvents": api_stacks.describe_events,
    "DescribeStackResource": api_stacks.describe_resource,
    "DescribeStackResources": api_stacks.describe_resources,
    "DescribeStacks": api_stacks.describe,
    "ExecuteChangeSet": api_change_sets.execute,
    "GetStackPolicy": api_stacks.get_policy,
    "GetTemplate": api_stacks.get_template,
    "GetTemplateSummary": api_stacks.summarize,
    "ListChangeSets": api_change_sets.list_sets,
    "ListExports": api_stacks.list_exports,
    "ListStackResources": api_stacks.list_resources,
    "ListStacks": api_stacks.list_stacks,
    "SetStackPolicy": api_stacks.set_policy,
    "UpdateStack": api_stacks.update,
    "UpdateTerminationProtection": api_stacks.protect,
    "ValidateTemplate": api_stacks.validate,
}


def install() -> None:
    """Answer CloudFormation's API from here, with no stack yet."""
    stacks.reset()
    native.serve(CloudFormationResponse, "cloudformation", ACTIONS)


def tick(now: float) -> None:
    """Take the operations that are under way one step further."""
    for stack in stacks.all_stacks():
        if stack.operation is not None:
            _advance(stack)


def _advance(stack: Stack) -> None:
    operation = stack.operation
    assert operation is not None
    try:
        next(operation.steps)
        return
    except StopIteration:
        pass
    except Exception as exc:
        log.exception("stack %s stumbled", stack.name)
        stack.event(None, stack.status.replace("_IN_PROGRESS", "_FAILED"), f"The local region failed: {exc!r}")
    if stack.operation is operation:
        stack.operation = None
