# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Shows the progress of a deploy while its module still runs on a manager."""

from __future__ import annotations

import contextlib
import secrets
import threading
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.apiary.swarm.plugins.module_utils._module import Work
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.types import type_problems
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.watch import progress
from ansible_collections.apiary.swarm.plugins.module_utils._words import nearest
from ansible_collections.apiary.swarm.plugins.plugin_utils._here import execute, is_here
from ansible_collections.apiary.swarm.plugins.plugin_utils._level import at_level, role_of

display = Display()

#: Seconds. A deploy that changes nothing is over before the first look, and so costs nothing more.
FIRST_LOOK, PAUSE = 3.0, 1.0

#: Connections that carry two commands at once. Another one may have a single session, as aws_ssm has (its plugin polls
#: one process, and a second thread's poll fails: "concurrent poll() invocation"), and the look would break the deploy.
MANY_AT_ONCE = ("local", "ssh", "paramiko", "paramiko_ssh", "docker", "podman", "nsenter", "chroot")

#: Options that only the controller sets.
PRIVATE = ("model", "secret_data", "progress_token")

#: Runs a shell command on the manager and returns what it prints.
Remote = t.Callable[[str], str]


class Follower:
    """Context manager around the run of a module: a thread reads what the run has written so far, and displays it.

    :ivar token: what the module must be given, so that it writes where we read.
    """

    def __init__(self, remote: Remote, show: t.Callable[[str], None] = display.display) -> None:
        self.token = secrets.token_hex(16)
        self._remote = remote
        self._show = show
        self._read = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)

    def __enter__(self) -> Follower:
        self._thread.start()
        return self

    def __exit__(self, *dummy: object) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        pause = FIRST_LOOK
        while not self._over.wait(pause):
            pause = PAUSE
            try:
                self._look()
            except Exception as exc:
                # Whatever becomes of the connection is the module's to report.
                display.vvv(f"no more progress: {exc}")
                return

    def _look(self) -> None:
        """Show the whole lines that are new."""
        text = self._remote(f"tail -c +{self._read + 1} {progress.path(self.token)} 2>/dev/null || true")
        lines = text.rpartition("\n")[0]
        if lines:
            self._read += len(lines.encode()) + 1
            for line in lines.split("\n"):
                self._show(f"  {line}")


def checked(action: str, given: t.Mapping[str, t.Any], specification: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the options of an action with their defaults.

    Raises AnsibleActionFail for what the module would not take; for an unknown option with the nearest known one.
    """
    known = {key: value for key, value in specification.items() if key not in PRIVATE}
    found = ArgumentSpecValidator(known).validate(given)
    for option in sorted(found.unsupported_parameters, key=str):
        path = [str(part) for part in option] if isinstance(option, tuple) else str(option).split(".")
        near = nearest(path[-1], _options_at(known, path[:-1])) or "; remove it"
        raise AnsibleActionFail(f'{action}: there is no option "{".".join(path)}"{near}')
    problems = [*type_problems(given, known), *found.error_messages]
    if problems:
        raise AnsibleActionFail(f"{action}: {'; '.join(problems)}")
    params: dict[str, t.Any] = found.validated_parameters
    return params


def _options_at(specification: t.Mapping[str, t.Any], path: t.Sequence[str]) -> t.Mapping[str, t.Any]:
    """Return the options at a place of a specification, empty when there is no such place."""
    for part in path:
        specification = (specification.get(part) or {}).get("options") or {}
    return specification


def carries_many(transport: str) -> bool:
    """Tell whether a connection carries two commands at once, by the name of its plugin (pure)."""
    return transport.rpartition(".")[2] in MANY_AT_ONCE


class FollowingAction(ActionBase):
    """The base of actions whose modules wait for an engine: the user sees what they wait for."""

    _supports_check_mode = True
    _supports_async = True

    def follow(
        self,
        module: str,
        arguments: dict[str, t.Any],
        task_vars: dict[str, t.Any] | None,
        here: t.Callable[[], Work] | None = None,
    ) -> dict[str, t.Any]:
        """Run a module and show its progress, unless the option C(progress) says no.

        :param here: gives the module's work, to be done in this process when that makes no difference.
        """
        wanted = boolean(arguments.get("progress", True), strict=False)
        follow = wanted and not self._task.async_val and not self._task.check_mode
        if follow and not carries_many(self._connection.transport):
            display.warning(
                f"Connection {self._connection.transport} carries one command at a time, so no progress is shown; "
                "the result says everything."
            )
            follow = False
        arguments = {key: value for key, value in arguments.items() if key != "progress_token"}
        with Follower(self._remote_text) if follow else contextlib.nullcontext() as follower:
            if follower:
                arguments["progress_token"] = follower.token
            work = here() if here is not None and is_here(self, task_vars) else None
            result = execute(self, module, arguments, task_vars, work)
        return t.cast("dict[str, t.Any]", at_level(result, role_of(self._task)))

    def _remote_text(self, command: str) -> str:
        """Return what a harmless command prints on the manager, run as the user that connects."""
        return str(self._low_level_execute_command(command, sudoable=False).get("stdout", ""))
