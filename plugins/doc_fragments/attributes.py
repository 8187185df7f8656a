# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module promises. Each module states its own support for what is described here."""

from __future__ import annotations


class ModuleDocFragment:
    """Check mode, diff, idempotence and the action group."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description:
      - Can run in C(check_mode) and report what it would change, without writing anything.
  diff_mode:
    description:
      - Returns what has changed, or in C(check_mode) would change, when run with C(--diff).
  idempotent:
    description:
      - When run again with the same options and nothing else has changed meanwhile, it changes nothing and says so.
  action_group:
    description:
      - Use C(group/apiary.swarm.swarm) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - apiary.swarm.swarm
"""

    # For modules that only read.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This action does not change anything.
  diff_mode:
    support: N/A
    details:
      - This action does not change anything.
  idempotent:
    support: full
    details:
      - This action does not change anything.
"""
