# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that says in one sentence why a CloudFormation stack could not be made, changed or removed."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible_collections.apiary.swarm.plugins.filter.failure_reason import failure_reason

DOCUMENTATION = r"""
name: stack_failure
short_description: Say why a CloudFormation stack failed
description:
  - Turns the result of M(amazon.aws.cloudformation) into one sentence that names the resource that failed first.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
options:
  _input:
    description: The result of M(amazon.aws.cloudformation) that failed.
    type: dict
    required: true
  stack_name:
    description: The name of the stack.
    type: str
    required: true
positional: stack_name
"""

EXAMPLES = r"""
- name: Say why it failed
  ansible.builtin.fail:
    msg: "{{ ansible_failed_result | apiary.swarm.stack_failure('swarm-demo') }}"
"""

RETURN = r"""
_value:
  description: One sentence.
  type: str
"""

_STUCK = re.compile(r"is in (\w+) state")
# CloudFormation cancels what runs beside the first failure; that is no cause.
_CONSEQUENCE = re.compile(r"Resource (creation|update|deletion) cancelled", re.IGNORECASE)


def stack_failure(result: Mapping[str, t.Any], stack_name: str) -> str:
    """Return why the stack failed."""
    output = str(result.get("output") or "")
    message = str(result.get("msg") or "")
    stuck = _STUCK.search(message)
    if stuck:
        return (
            f"The CloudFormation stack {stack_name} is {stuck.group(1)} and takes no change: "
            "wait until it is settled, or remove the cluster with state=absent first."
        )
    # Newest first, as AWS lists them: the last one is the cause.
    causes = [line for line in result.get("log") or () if not _CONSEQUENCE.search(line)]
    reason = causes[-1] if causes else failure_reason({"msg": message or output})
    return f"The CloudFormation stack {stack_name} failed: {_tidy(reason)}."


def _tidy(reason: str) -> str:
    """Return *reason* as the end of a sentence: on one line, without the request's ID."""
    text = " ".join(reason.split())
    text = re.sub(r"\s*\((Service|Request ?Token|RequestId|HandlerErrorCode)[^()]*\)", "", text)
    return text.rstrip(".")


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters of this file."""
        return {"stack_failure": stack_failure}
