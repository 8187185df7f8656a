# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of the module manager_info: a host that cannot be reached is an answer, and a quick one."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.apiary.swarm.plugins.filter.failure_reason import failure_reason
from ansible_collections.apiary.swarm.plugins.modules.manager_info import ARGUMENTS
from ansible_collections.apiary.swarm.plugins.plugin_utils._follow import checked

PAUSE = 2.0
"""Seconds between two questions to one host."""
OWN_CONNECTION = " -o ControlPath=none"
"""A connection that ssh keeps open to a machine that has died since hangs, whatever the time-out: C(ConnectTimeout) is
for "connecting to the SSH server" (ssh_config(5)), which a session over a kept connection does not do."""

Result = dict[str, t.Any]


class ActionModule(ActionBase):
    """The action."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Ask the host until it answers or its time is over."""
        super().run(tmp, task_vars)
        given = checked("manager_info", dict(self._task.args), ARGUMENTS)
        deadline = time.monotonic() + given["wait"]
        while True:
            reason = self._reason(given["connect_timeout"], task_vars)
            left = deadline - time.monotonic()
            if not reason or left <= 0:
                return {"changed": False, "answers": not reason, "reason": reason}
            time.sleep(min(PAUSE, left))

    def _reason(self, connect_timeout: int, task_vars: dict[str, t.Any] | None) -> str:
        """Return why the host does not answer as a manager, nothing when it does."""
        try:
            self._knock(connect_timeout)
            result = self._execute_module("apiary.swarm.manager_info", task_vars=task_vars)
        except AnsibleConnectionFailure as exc:
            return failure_reason({"msg": exc.message})
        except AnsibleError as exc:
            return failure_reason({"msg": str(exc)})
        if result.get("failed") or result.get("unreachable"):
            return failure_reason(result)
        return str(result.get("reason", ""))

    def _knock(self, connect_timeout: int) -> None:
        """See whether the host lets us in at all, within *connect_timeout* seconds.

        :raises AnsibleConnectionFailure: it does not.
        """
        connection = self._connection
        changes: Result = {"timeout": connect_timeout}
        if connection.transport in ("ssh", "ansible.builtin.ssh"):
            changes["ssh_args"] = str(connection.get_option("ssh_args") or "") + OWN_CONNECTION
        kept: Result = {}
        for name, value in changes.items():
            try:
                kept[name] = connection.get_option(name)
            except KeyError:  # a connection without this option, such as local
                continue
            connection.set_option(name, value)
        try:
            self._low_level_execute_command("exit 0", sudoable=False)
        finally:
            for name, value in kept.items():
                connection.set_option(name, value)
