# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module stack_file_info: what a stack file describes, or one sentence why it cannot be deployed."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.apiary.swarm.plugins.modules.stack_file_info import ARGUMENTS
from ansible_collections.apiary.swarm.plugins.plugin_utils._follow import checked
from ansible_collections.apiary.swarm.plugins.plugin_utils._stack_files import Request, model_for, summary


class ActionModule(ActionBase):
    """The action."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Read the files on the controller."""
        super().run(tmp, task_vars)
        params = checked("stack_file_info", dict(self._task.args), ARGUMENTS)
        return {"changed": False, "stack": summary(model_for(self, Request(**params)))}
