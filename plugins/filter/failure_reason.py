# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that says why a task failed."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

DOCUMENTATION = r"""
name: failure_reason
short_description: Say in one sentence why a task failed
description:
  - Takes the result of a failed task, as C(ansible_failed_result) holds it in a rescue, and returns one line.
  - Of a loop, the reason of the first item that failed; of a command, the last line that it wrote about it.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
options:
  _input:
    description: The result.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Remember what failed
  ansible.builtin.set_fact:
    failure: "{{ ansible_failed_result | apiary.swarm.failure_reason }}"
"""

RETURN = r"""
_value:
  description: One sentence.
  type: str
"""

_MAX = 600
# Put before a module's own message by ansible-core 2.19.
_WRAPPING = re.compile(r"^(Task failed: |Module failed: |Action failed: )+")


def failure_reason(result: Mapping[str, t.Any]) -> str:
    """Return why the task of *result* failed."""
    failed = next((item for item in result.get("results") or () if item.get("failed")), None)
    if failed:
        return failure_reason(failed)
    text = str(result.get("msg") or result.get("reason") or "")
    lines = [
        line for line in str(result.get("stderr") or result.get("module_stderr") or "").splitlines() if line.strip()
    ]
    if lines and (not text or text.startswith(("non-zero return code", "MODULE FAILURE"))):
        text = lines[-1]
    text = " ".join(_WRAPPING.sub("", text).split()).rstrip(".") or "no reason was given"
    return f"{text if len(text) <= _MAX else text[:_MAX] + ' …'}."


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters of this file."""
        return {"failure_reason": failure_reason}
