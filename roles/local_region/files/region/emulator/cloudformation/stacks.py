# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account's stacks, and the values that they export to each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from region.emulator.cloudformation.model import Stack
from region.emulator.errors import AwsError

_stacks: list[Stack] = []


def reset() -> None:
    """Forget all stacks."""
    _stacks.clear()


def add(stack: Stack) -> None:
    """Add a stack."""
    _stacks.append(stack)


def all_stacks(region: str | None = None) -> list[Stack]:
    """Return the stacks of a region, or of all, deleted ones among them; oldest first."""
    return [one for one in _stacks if region in (None, one.region)]


def remove(stack: Stack) -> None:
    """Remove a stack that was never made."""
    _stacks.remove(stack)


def find(region: str, name: str | None) -> Stack | None:
    """Return a stack by name, or by id also when it is deleted."""
    for one in reversed(_stacks):
        if one.region == region and (one.id == name or (one.name == name and one.status != "DELETE_COMPLETE")):
            return one
    return None


def get(region: str, name: str | None) -> Stack:
    """Return a stack.

    :raises AwsError: there is none.
    """
    stack = find(region, name)
    if stack is None:
        raise AwsError("ValidationError", f"Stack with id {name} does not exist")
    return stack


def exports(region: str) -> Iterator[dict[str, Any]]:
    """Yield what the stacks of a region export."""
    for stack in all_stacks(region):
        if stack.status == "DELETE_COMPLETE":
            continue
        for output in stack.outputs:
            if "ExportName" in output:
                yield {
                    "ExportingStackId": stack.id,
                    "Name": output["ExportName"],
                    "Value": output["OutputValue"],
                }


def exported(stack: Stack, name: str) -> str:
    """Return an export of another stack.

    :raises AwsError: nobody exports it.
    """
    for one in exports(stack.region):
        if one["Name"] == name:
            return str(one["Value"])
    raise AwsError("ValidationError", f"No export named {name} found.")


def check_exports(stack: Stack, outputs: list[dict[str, str]]) -> None:
    """Refuse to export a name that another stack exports already.

    :raises AwsError: naming it.
    """
    taken = {one["Name"] for one in exports(stack.region) if one["ExportingStackId"] != stack.id}
    for output in outputs:
        if output.get("ExportName") in taken:
            raise AwsError(
                "ValidationError", f"Export with name {output['ExportName']} is already exported by another stack"
            )
