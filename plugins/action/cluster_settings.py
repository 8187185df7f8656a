# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module cluster_settings in the controller's process where that makes no difference."""

from __future__ import annotations

from ansible_collections.apiary.swarm.plugins.modules import cluster_settings
from ansible_collections.apiary.swarm.plugins.plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction):
    """The action."""

    module = cluster_settings
