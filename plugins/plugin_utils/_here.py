# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""Doing a module's work in the controller's own process, when the controller is where it would run anyway."""

from __future__ import annotations

import importlib
import json
import sys
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ansible_collections.apiary.swarm.plugins.module_utils._module import Result, Work, invocation


def name_of(action: ActionBase) -> str:
    """Return the name of the module that a task asks for, without that of the collection."""
    return str(action._task.resolved_action or action._task.action).rpartition(".")[2]


def work_of(action: ActionBase) -> Work:
    """Return the work of the module that a task asks for."""
    module = importlib.import_module(f"ansible_collections.apiary.swarm.plugins.modules.{name_of(action)}")
    return t.cast(Work, module.WORK)


def result_of(work: Work, arguments: t.Mapping[str, t.Any], check_mode: bool) -> Result:
    """Return what the module would answer: plain data with nothing secret in it."""
    found = ArgumentSpecValidator(work.arguments, **work.rules).validate(arguments)
    if found.error_messages:
        return {"failed": True, "msg": "; ".join(found.error_messages)}
    params = found.validated_parameters
    answer = {**work.result(params, check_mode), "invocation": invocation(params)}
    hidden = {*found._no_log_values, *work.secrets(params)}
    return t.cast(Result, remove_values(json.loads(json.dumps(answer)), hidden))


def execute(
    action: ActionBase, module: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any] | None, here: Work | None
) -> Result:
    """Run a module and return its result as it reaches the user.

    :param here: the module's work, to be done in this process; None to run the module where the task says.
    """
    if here is not None and here.possible():
        answer = result_of(here, arguments, action._task.check_mode)
        if not shows_invocation(task_vars):
            answer.pop("invocation", None)
    else:
        # The Python that runs modules may have what the controller's own has not.
        answer = action._execute_module(
            module_name=module, module_args=arguments, task_vars=task_vars, wrap_async=bool(action._task.async_val)
        )
    if action._task.diff is False:
        answer.pop("diff", None)  # Ansible shows it all the same
    return answer


def is_here(action: ActionBase, task_vars: t.Mapping[str, t.Any] | None = None) -> bool:
    """Tell whether a module would run on this machine, as this user, with this environment, and be waited for.

    :param task_vars: with them, a Python that the user chose must be the one that Ansible runs on, for it may be a
        program that leads elsewhere.
    """
    task = action._task
    return (
        action._connection.transport in ("local", "ansible.builtin.local")
        and not action._play_context.become
        and not any(task.environment or ())
        and not task.async_val
        and _is_own_python(action, task_vars or {})
    )


def shows_invocation(task_vars: t.Mapping[str, t.Any] | None) -> bool:
    """Tell whether a module's result holds its arguments: always, until an ansible-core has an option for it."""
    try:
        return bool(C.config.get_config_value("INJECT_INVOCATION", variables=task_vars))
    except AnsibleError:
        return True


def _is_own_python(action: ActionBase, task_vars: t.Mapping[str, t.Any]) -> bool:
    # A task that is delegated runs on the other host's Python.
    delegated = (task_vars.get("ansible_delegated_vars") or {}).get(action._task.delegate_to)
    wanted = (task_vars if delegated is None else delegated).get("ansible_python_interpreter") or "auto"
    chosen = str(action._templar.template(wanted)) if "{{" in str(wanted) else str(wanted)
    return chosen.startswith("auto") or chosen == sys.executable
