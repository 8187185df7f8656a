# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stack files are read with."""

from __future__ import annotations


class ModuleDocFragment:
    """Variables of the files, and where logs go."""

    DOCUMENTATION = r"""
options:
  env:
    description:
      - Variables for the interpolation of the files.
    type: dict
    default: {}
  env_from_controller:
    description:
      - Use the environment of the controller for interpolation too. O(env) wins.
    type: bool
    default: false
"""

    # For what only reads the files.
    SUMMARY = r"""
options:
  name:
    description:
      - Name of the stack.
    type: str
    required: true
  log_group_prefix:
    description:
      - Services that declare no logging send their logs to the CloudWatch log group C(<prefix>/<stack>/<service>).
    type: str
    default: ""
requirements:
  - jsonschema and PyYAML on the controller
"""
