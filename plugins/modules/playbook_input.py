#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: playbook_input
short_description: Check what a playbook was given, before any host is asked
version_added: 1.0.0
description:
  - The playbooks of this collection begin with it. It fails with one sentence about all that is wrong.
  - Refused are variables that are missing; variables that nothing reads, with the nearest one that something reads; and
    places that contradict each other, such as a region that is not the one of the cluster's hosts.
  - The file with the settings of the cluster holds nothing but variables that one of the playbooks reads, of their types,
    and no word that is for one run.
  - A variable that nothing reads is refused when it looks like one of the playbook, of its roles or of another role of
    the collection; and, given with C(-e), also when it only begins like those of the playbook's roles.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
options:
  needs:
    description:
      - Variables that must be given, each with an example for the message.
    type: dict
    default: {}
  takes:
    description:
      - Other variables that the playbook itself reads.
    type: list
    elements: str
    default: []
  roles:
    description:
      - Roles of the collection that the playbook runs. All their variables are known.
    type: list
    elements: str
    default: []
  settings_file:
    description:
      - The file with the settings of the cluster, which the play reads with C(vars_files). It may be missing, unless the
        variable C(clusters_dir) says where it is.
    type: path
  inventory:
    description:
      - Whether the playbook talks to a manager of the inventory. If so, there must be one of the cluster, and the region
        is the one of these hosts.
    type: bool
    default: false
notes:
  - It runs on the controller, whatever the connection.
seealso:
  - module: apiary.swarm.stack_file_info
"""

EXAMPLES = r"""
- name: Check what was given
  apiary.swarm.playbook_input:
    needs: {cluster: demo, stack: shop, files: shop.yml}
    takes: [region]
    roles: [deploy]
    inventory: true
    settings_file: "{{ playbook_dir }}/clusters/{{ cluster }}.yml"
  register: __input
"""

RETURN = r"""
region:
  description: The region of the cluster, as its hosts say or else as it was given; empty if nobody says.
  returned: success
  type: str
managers:
  description: The hosts that are managers of the cluster in this region, the best one first; empty without O(inventory).
  returned: success
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "needs": {"type": "dict", "default": {}},
    "takes": {"type": "list", "elements": "str", "default": []},
    "roles": {"type": "list", "elements": "str", "default": []},
    "settings_file": {"type": "path"},
    "inventory": {"type": "bool", "default": False},
}


def main() -> None:
    """Say that the action was not found: its work needs what only the controller knows."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.fail_json(msg="apiary.swarm.playbook_input runs on the controller, by its action plugin.")


if __name__ == "__main__":
    main()
