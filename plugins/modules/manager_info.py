#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: manager_info
short_description: Whether a host answers as a manager of a swarm
version_added: 1.0.0
description:
  - Asks a host for the list of the swarm's nodes, which only a manager that reaches the others can give. A host that
    cannot be reached, is locked, has left, has not joined or is a worker does not answer, and the result says why.
  - That is not a failure, and a host that cannot be reached stays in the play. So several hosts can be asked at once, and
    one of those that answer be used.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
  - apiary.swarm.engine
options:
  connect_timeout:
    description: Seconds until a host that does not answer is given up. Connections that Ansible keeps open are not used.
    type: int
    default: 5
  wait:
    description: Seconds for which a host that does not answer is asked again and again.
    type: int
    default: 0
seealso:
  - module: apiary.swarm.cluster_info
"""

EXAMPLES = r"""
- name: Ask all managers
  apiary.swarm.manager_info:
  become: true
  register: __asked

- name: Use the first one that answers
  ansible.builtin.set_fact:
    manager: "{{ ansible_play_hosts | map('extract', hostvars) | selectattr('__asked.answers') | map(attribute='inventory_hostname') | first }}"
  run_once: true
"""

RETURN = r"""
answers:
  description: Whether the host answers as a manager.
  returned: always
  type: bool
reason:
  description: Why it does not, in one sentence; empty when it does.
  returned: always
  type: str
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import ENGINE_OPTIONS
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.session import EngineWork

ENGINE_TIMEOUT = 10
"""Seconds for an engine to list its nodes."""
ARGUMENTS: dict[str, t.Any] = {
    **ENGINE_OPTIONS,
    "connect_timeout": {"type": "int", "default": 5},
    "wait": {"type": "int", "default": 0},
}


def run(engine: Engine, params: Params, check_mode: bool) -> Result:
    """Ask for the nodes, which only a manager that has a leader can tell."""
    engine.timeout = ENGINE_TIMEOUT
    engine.nodes()
    return {}


class Question(EngineWork):
    """A question that a failure answers, too. The options about connections are the action's, on the controller."""

    def result(self, params: Params, check_mode: bool) -> Result:
        """Return whether the engine answers, and why not."""
        reason = super().result(params, check_mode).get("msg", "")
        return {"changed": False, "answers": not reason, "reason": reason}


WORK = Question(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
