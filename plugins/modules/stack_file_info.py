#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_file_info
short_description: Read and check a stack file
version_added: 1.0.0
description:
  - Reads and checks stack files as M(apiary.swarm.stack) does, and returns a summary of them. No engine is asked.
  - Fails with one sentence that names the file, the line and the key, and says what to write instead.
  - The lookup P(apiary.swarm.stack_file#lookup) returns the same summary.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
  - apiary.swarm.stack_file
  - apiary.swarm.stack_file.summary
options:
  files:
    description:
      - Stack files on the controller, later ones merged over earlier ones.
    type: list
    elements: str
    required: true
notes:
  - It runs on the controller, whatever the connection.
seealso:
  - plugin: apiary.swarm.stack_file
    plugin_type: lookup
  - module: apiary.swarm.stack
"""

EXAMPLES = r"""
- name: Read the file
  apiary.swarm.stack_file_info:
    name: shop
    files: [shop.yml]
    env: {TAG: v42}
    log_group_prefix: /swarm/prod
  register: shop

- name: Make its log groups
  apiary.swarm.log_group:
    groups: "{{ shop.stack.log_groups }}"
    region: eu-west-1
"""

RETURN = r"""
stack:
  description: What the lookup P(apiary.swarm.stack_file#lookup) returns.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the stack.
      type: str
    services:
      description: The services, each with its name, image, registry, wave, log group (or none), retention and routes.
      type: list
      elements: dict
    registries:
      description: Hosts of the registries that the images come from.
      type: list
      elements: str
    log_groups:
      description:
        - The CloudWatch log groups that the services write to, as O(apiary.swarm.log_group#module:groups) takes them.
      type: list
      elements: dict
    warnings:
      description: Sentences about what in the files has no effect.
      type: list
      elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "files": {"type": "list", "elements": "str", "required": True},
    "env": {"type": "dict", "default": {}},
    "env_from_controller": {"type": "bool", "default": False},
    "log_group_prefix": {"type": "str", "default": ""},
}


def main() -> None:
    """Say that the action was not found: its work needs what only the controller knows."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.fail_json(msg="apiary.swarm.stack_file_info runs on the controller, by its action plugin.")


if __name__ == "__main__":
    main()
