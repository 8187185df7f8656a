# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that finds the name that was meant."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from ansible_collections.apiary.swarm.plugins.module_utils._words import nearest

DOCUMENTATION = r"""
name: nearest
short_description: Find the name that was meant
description:
  - Takes a name that does not exist, and returns the end of a sentence about the existing one that looks most like it.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
options:
  _input:
    description: The name that was given.
    type: str
    required: true
  known:
    description: The names that exist.
    type: list
    elements: str
    required: true
positional: known
"""

EXAMPLES = r"""
- name: See that there is such a service
  ansible.builtin.assert:
    that: wanted in services
    fail_msg: "There is no service {{ wanted }}{{ wanted | apiary.swarm.nearest(services) }}."
"""

RETURN = r"""
_value:
  description: Such as V( (did you mean "shop_gate"?\\)), empty when none looks like it.
  type: str
"""


def near(name: t.Any, known: Iterable[t.Any]) -> str:
    """Return the end of a sentence."""
    return nearest(str(name), map(str, known))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters of this file."""
        return {"nearest": near}
