# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""Running an AWS module in the controller's own process when the controller is where it would run anyway."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.apiary.swarm.plugins.module_utils._aws.options import (
    AWS_ARGUMENTS,
    AWS_EXCLUSIVE,
    AWS_TOGETHER,
)
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsOptions, AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws_module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._errors import Refused, SwarmError
from ansible_collections.apiary.swarm.plugins.plugin_utils._here import is_here


class AwsModule(t.Protocol):
    """What a module file offers: its own options and its work; if options depend on each other, also :attr:`RULES`.

    :ivar RULES: ``required_if`` and the like, as AnsibleModule takes them.
    """

    ARGUMENTS: dict[str, dict[str, t.Any]]

    def run(self, session: AwsSession, params: Params, check_mode: bool, /) -> Result:
        """Do the task."""


class InProcessAction(ActionBase):  # type: ignore[misc]  # Ansible's classes have no types.
    """An action that spares the packing, the copying and the start of a Python for a module of AWS.

    It does what the module does, with the module's own code. The module itself runs whenever the task asks for
    anything that a process of its own could see: another host, another user, an environment, async.
    """

    module: AwsModule
    """The module whose work this is."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the task, here if that makes no difference."""
        super().run(tmp, task_vars)
        if not is_here(self):
            return self._as_module(task_vars)
        rules: dict[str, t.Any] = getattr(self.module, "RULES", {})
        dummy, params = self.validate_argument_spec(
            argument_spec={**AWS_ARGUMENTS, **self.module.ARGUMENTS},
            **{
                **rules,
                "mutually_exclusive": [*rules.get("mutually_exclusive", ()), *AWS_EXCLUSIVE],
                "required_together": [*rules.get("required_together", ()), *AWS_TOGETHER],
            },
        )
        try:
            session = AwsSession(AwsOptions.from_getter(params.get))
            found = self.module.run(session, params, self._task.check_mode)
            # Ansible shows it when it was started with --diff, even for a task with "diff: false".
            return {key: value for key, value in found.items() if key != "diff"} if self._task.diff is False else found
        except ImportError as error:
            if (error.name or "").partition(".")[0] != "botocore":
                raise
            # The Python that runs modules may have what the controller's own has not.
            return self._as_module(task_vars)
        except Refused as error:
            return {"failed": True, "msg": error.message, **error.data}
        except SwarmError as error:
            raise AnsibleActionFail(error.message) from None

    def _as_module(self, task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        found: dict[str, t.Any] = self._execute_module(
            module_name=self._task.action, task_vars=task_vars, wrap_async=bool(self._task.async_val)
        )
        return found
