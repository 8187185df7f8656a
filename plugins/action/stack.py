# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of the module stack: it makes the model of the files, so that managers need no files."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.utils.display import Display

from ansible_collections.apiary.swarm.plugins.module_utils._module import Work
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import STACK_OPTIONS
from ansible_collections.apiary.swarm.plugins.plugin_utils._follow import PRIVATE, FollowingAction, checked
from ansible_collections.apiary.swarm.plugins.plugin_utils._stack_files import Request, model_for
from ansible_collections.apiary.swarm.plugins.plugin_utils._who import user_here, who_deploys

display = Display()

#: Options that end here: the module gets the model in their place.
_OURS = ("files", "file", "definition", "env", "env_from_controller", "log_group_prefix", "log_region")


class ActionModule(FollowingAction):
    """The action."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Fail on bad input before the manager is asked for anything, then run the module there."""
        super().run(tmp, task_vars)
        given = {key: value for key, value in self._task.args.items() if key not in PRIVATE}
        params = checked("stack", given, STACK_OPTIONS)
        arguments = {key: value for key, value in given.items() if key not in _OURS}
        if params["state"] == "present":
            arguments.update(self._model(params))
        if not params["deployed_by"]:
            arguments["deployed_by"] = who_deploys(os.environ, user_here())
        try:
            return self.follow("apiary.swarm.stack", arguments, task_vars, _work)
        except AnsibleConnectionFailure as exc:
            raise AnsibleConnectionFailure(_lost(params, exc.message)) from exc

    def _model(self, params: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the module's private arguments. Raises AnsibleActionFail with one sentence."""
        request = Request(
            name=params["name"],
            files=params["files"],
            definition=params["definition"],
            env=params["env"],
            env_from_controller=params["env_from_controller"],
            log_group_prefix=params["log_group_prefix"] or "",
            log_region=params["log_region"] or "",
        )
        if not request.files and request.definition is None:
            raise AnsibleActionFail('stack: give the stack file in "files", or the stack as data in "definition"')
        model = model_for(self, request)
        for warning in model.warnings:
            display.warning(f"stack {model.name}: {warning}")
        model, secrets = model.split_secret_data()
        return {"model": model.to_dict(), "secret_data": secrets}


def _lost(params: dict[str, t.Any], why: str) -> str:
    """Say what is known when the manager is lost while its module runs, or was about to."""
    what = {"present": "deployed", "rolled_back": "rolled back", "absent": "removed"}[params["state"]]
    return (
        f"The connection to the manager was lost while stack {params['name']} was being {what} ({why}). If that had "
        "begun, its release is still open and each service is either the new or the old one. Run it again: the next "
        "manager sees what is there and finishes it."
    )


def _work() -> Work:
    """Return the module's work; only this loads it, for most of the time the work is a manager's."""
    from ansible_collections.apiary.swarm.plugins.modules import stack

    return stack.WORK
