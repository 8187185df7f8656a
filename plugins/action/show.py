# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module show: it prints on the controller, not in a result, whose quotes and brackets depend on the callback."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.apiary.swarm.plugins.modules.show import ARGUMENTS

display = Display()


class ActionModule(ActionBase):
    """The action."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Print the lines as they are."""
        super().run(tmp, task_vars)
        dummy, params = self.validate_argument_spec(ARGUMENTS)
        if params["lines"]:
            display.display("\n".join(f"  {line}".rstrip() for line in params["lines"]))
        return {"changed": False}
