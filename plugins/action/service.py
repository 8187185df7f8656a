# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of service, job and others that wait for an engine: it shows what they wait for."""

from __future__ import annotations

import typing as t

from ansible_collections.apiary.swarm.plugins.plugin_utils._follow import PRIVATE, FollowingAction, checked
from ansible_collections.apiary.swarm.plugins.plugin_utils._here import name_of, work_of


class ActionModule(FollowingAction):
    """The action of several modules (C(action_plugin) in meta/runtime.yml)."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module and show its progress."""
        super().run(tmp, task_vars)
        given = {key: value for key, value in self._task.args.items() if key not in PRIVATE}
        checked(name_of(self), given, work_of(self).arguments)
        return self.follow(f"apiary.swarm.{name_of(self)}", given, task_vars)
