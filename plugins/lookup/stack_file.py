# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible lookup: what a stack file describes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_file
short_description: What a stack file describes
version_added: 1.0.0
description:
  - Reads and checks stack files as M(apiary.swarm.stack) does, and returns a summary of them.
  - Use it to prepare what a deploy needs, such as log groups and logins of registries.
  - Nothing secret is in the result.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.stack_file
  - apiary.swarm.stack_file.summary
options:
  _terms:
    description:
      - Stack files on the controller, later ones merged over earlier ones.
    required: true
    type: list
    elements: str
seealso:
  - module: apiary.swarm.stack_file_info
  - module: apiary.swarm.stack
  - module: apiary.swarm.log_group
"""

EXAMPLES = r"""
- name: Make the log groups of a stack
  apiary.swarm.log_group:
    groups: "{{ shop.log_groups }}"
    region: eu-west-1
  vars:
    shop: >-
      {{ lookup('apiary.swarm.stack_file', 'shop.yml', name='shop', env={'TAG': 'v42'},
                log_group_prefix='/swarm/prod') }}

- name: Show which hosts the edge will serve
  ansible.builtin.debug:
    msg: "{{ lookup('apiary.swarm.stack_file', 'shop.yml', name='shop').services | map(attribute='routes') | flatten }}"
"""

RETURN = r"""
_raw:
  description: One summary.
  type: list
  elements: dict
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

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError
from ansible_collections.apiary.swarm.plugins.plugin_utils._options import set_options
from ansible_collections.apiary.swarm.plugins.plugin_utils._stack_files import Request, StackFiles, summary


class LookupModule(LookupBase):
    """The plugin."""

    def run(self, terms: list[t.Any], variables: t.Any = None, **kwargs: t.Any) -> list[dict[str, t.Any]]:
        """Return one summary of all files of *terms*."""
        set_options(self, variables, kwargs)
        files = [str(name) for term in terms for name in (term if isinstance(term, list) else [term])]
        request = Request(
            name=self.get_option("name"),
            files=files,
            env=self.get_option("env"),
            env_from_controller=self.get_option("env_from_controller"),
            log_group_prefix=self.get_option("log_group_prefix"),
        )

        def find(path: str) -> str:
            return str(self.find_file_in_search_path(variables, "files", path, ignore_missing=True) or "")

        try:
            return [summary(StackFiles(self._loader, find).model(request))]
        except SwarmError as exc:
            raise AnsibleLookupError(exc.message) from None
