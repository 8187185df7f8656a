#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: show
short_description: Print lines as they are
version_added: 1.0.0
description:
  - Prints lines of text, such as a table, without the quotes and brackets in which callbacks print results.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
options:
  lines:
    description:
      - The lines.
    type: list
    elements: str
    required: true
notes:
  - It runs on the controller, whatever the connection.
seealso:
  - plugin: apiary.swarm.table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Services
  apiary.swarm.show:
    lines: "{{ swarm.services | apiary.swarm.table(['name', 'running', 'wanted']) }}"
"""

RETURN = r""" # """

import typing as t

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, dict[str, t.Any]] = {"lines": {"type": "list", "elements": "str", "required": True}}


def main() -> None:
    """Say that the action was not found: its work needs what only the controller knows."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.fail_json(msg="apiary.swarm.show runs on the controller, by its action plugin.")


if __name__ == "__main__":
    main()
