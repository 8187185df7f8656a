# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that shows a list of results as a table."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: table
short_description: Show a list of dictionaries as lines of a table
description:
  - Turns a list of dictionaries into lines of text with aligned columns and a heading, for M(apiary.swarm.show).
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
options:
  _input:
    description: The rows.
    type: list
    elements: dict
    required: true
  columns:
    description:
      - The keys to show, in this order. Without it, the keys of the first row.
    type: list
    elements: str
  max_width:
    description: The greatest width of a column; longer values are cut, which an ellipsis shows.
    type: int
    default: 60
positional: columns
"""

EXAMPLES = r"""
- name: Show nodes
  apiary.swarm.show:
    lines: "{{ formation.nodes | apiary.swarm.table(['instance_id', 'role', 'state']) }}"
"""

RETURN = r"""
_value:
  description: The lines, heading first; empty for no rows.
  type: list
  elements: str
"""


def table(rows: t.Any, columns: list[str] | None = None, max_width: int = 60) -> list[str]:
    """Return *rows* as aligned lines.

    :raises AnsibleFilterError: if *rows* is no list of dictionaries.
    """
    if isinstance(rows, (str, Mapping)) or not isinstance(rows, Iterable):
        raise AnsibleFilterError(f"table needs a list of dictionaries, not {type(rows).__name__}.")
    held = list(rows)
    if not all(isinstance(row, Mapping) for row in held):
        raise AnsibleFilterError("table needs a list of dictionaries: an item is not one.")
    if not held:
        return []
    shown = columns or list(held[0])
    lines = [[name.replace("_", " ") for name in shown]]
    lines += [[_cell(row.get(name), max_width) for name in shown] for row in held]
    widths = [max(len(line[column]) for line in lines) for column in range(len(shown))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _cell(value: t.Any, max_width: int) -> str:
    """Return *value* as one line of text."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    text = " ".join(text.split()) or "-"
    return text if len(text) <= max_width else text[: max_width - 1] + "…"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters of this file."""
        return {"table": table}
