# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs log_group, or any other module of AWS, in the controller's process where that makes no difference."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.apiary.swarm.plugins.plugin_utils._here import execute, is_here, work_of


class ActionModule(ActionBase):
    """The action of all modules of AWS (C(action_plugin) in meta/runtime.yml).

    It spares the packing, the copying and the start of a Python. The module itself runs whenever the task asks for
    anything that a process of its own could see: another host, another user, an environment, async.
    """

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the task, here if that makes no difference."""
        super().run(tmp, task_vars)
        work = work_of(self) if is_here(self) else None
        return execute(self, self._task.action, self._task.args, task_vars, work)
