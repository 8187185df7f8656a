# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module stack_file_info: what a stack file describes, or one sentence why it cannot be deployed."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError
from ansible_collections.apiary.swarm.plugins.modules.stack_file_info import ARGUMENTS
from ansible_collections.apiary.swarm.plugins.plugin_utils._level import at_level, role_of
from ansible_collections.apiary.swarm.plugins.plugin_utils._stack_files import Request, StackFiles, summary


class ActionModule(ActionBase):
    """The action."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Read the files on the controller."""
        super().run(tmp, task_vars)
        dummy, params = self.validate_argument_spec(ARGUMENTS)
        try:
            model = StackFiles(self._loader, lambda path: self._find_needle("files", path)).model(Request(**params))
        except SwarmError as exc:
            raise AnsibleActionFail(at_level({"msg": exc.message}, role_of(self._task))["msg"]) from None
        return {"changed": False, "stack": summary(model)}
