# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""Doing a module's work in the controller's own process, when the controller is where it would run anyway."""

from __future__ import annotations

import dataclasses
import json
import sys
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

Params = dict[str, t.Any]


class Task:
    """What a module's work asks of the module that it runs in.

    :ivar params: the options with their defaults.
    :ivar no_log_values: what must not be in the result.
    """

    def __init__(self, params: Params, check_mode: bool) -> None:
        self.params = params
        self.check_mode = check_mode
        self.no_log_values: set[str] = set()
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Show a warning with the result."""
        self.warnings.append(text)


@dataclasses.dataclass(frozen=True)
class Here:
    """A module's work.

    :ivar specification: the module's options.
    :ivar work: does it and returns the module's result, that of a failure too.
    """

    specification: Params
    work: t.Callable[[t.Any], Params]

    def result(self, arguments: Params, check_mode: bool) -> Params:
        """Return what the module would answer: plain data with nothing secret in it."""
        found = ArgumentSpecValidator(self.specification).validate(arguments)
        if found.error_messages:
            return {"failed": True, "msg": "; ".join(found.error_messages)}
        task = Task(found.validated_parameters, check_mode)
        answer = self.work(task)
        told = {**answer, "warnings": task.warnings} if task.warnings else answer
        return t.cast(Params, remove_values(json.loads(json.dumps(told)), task.no_log_values))


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
