# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that shows the change set of a CloudFormation stack."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.apiary.swarm.plugins.filter.table import table

DOCUMENTATION = r"""
name: change_set
short_description: Show what CloudFormation would change
description:
  - Turns what M(amazon.aws.cloudformation) returns in check mode into the lines of a table.
  - What would be replaced comes first, then what would be removed, what may be replaced, and the rest, as AWS lists it.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
options:
  _input:
    description: The result of M(amazon.aws.cloudformation) in check mode.
    type: dict
    required: true
  stack_name:
    description: The name of the stack.
    type: str
    required: true
positional: stack_name
"""

EXAMPLES = r"""
- name: Show what would change
  apiary.swarm.show:
    lines: "{{ result | apiary.swarm.change_set('swarm-demo') }}"
  when: ansible_check_mode
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""


def change_set(result: Mapping[str, t.Any], stack_name: str) -> list[str]:
    """Return what would change as lines."""
    changes = result.get("meta")
    if isinstance(changes, list) and changes:
        rows = [_row(change.get("ResourceChange", {})) for change in changes]
        return table(sorted(rows, key=_takes_less_away))
    if not result.get("changed"):
        return [f"Nothing would change in the CloudFormation stack {stack_name}."]
    return [f"There is no CloudFormation stack {stack_name} yet: all of it would be made."]


def _takes_less_away(row: Mapping[str, str]) -> int:
    """Return the place of a row: the lower, the more is taken away."""
    if row["action"] == "Remove":
        return 1
    return {"True": 0, "Conditional": 2}.get(row["replaced"], 3)


def _row(change: Mapping[str, t.Any]) -> dict[str, str]:
    """Return one change of a change set as a row of the table."""
    names = [
        detail["Target"].get("Name") or detail["Target"].get("Attribute", "")
        for detail in change.get("Details", ())
        if "Target" in detail
    ]
    return {
        "action": str(change.get("Action", "")),
        "resource": str(change.get("LogicalResourceId", "")),
        "type": str(change.get("ResourceType", "")),
        "replaced": str(change.get("Replacement", "")) or "-",
        "because_of": ", ".join(dict.fromkeys(names)),
    }


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters of this file."""
        return {"change_set": change_set}
