# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""The edge of every module: options in, one result out, errors as one sentence, nothing secret in what is repeated."""

from __future__ import annotations

import typing as t
from importlib.util import find_spec

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ._diff import show_argument
from ._errors import HIDDEN, SwarmError

Params = t.Mapping[str, t.Any]
Result = dict[str, t.Any]
Arguments = t.Mapping[str, dict[str, t.Any]]

#: Arguments whose values no result repeats, however it ends: variables, contents, what was read of stack files, and
#: what may hold a password in any form (command lines, labels of a proxy, options of a log driver).
NEVER_REPEATED = frozenset({
    "args", "command", "container_labels", "definition", "env", "healthcheck", "labels", "logging", "model", "mounts",
    "secret_data",
})  # fmt: skip


class Work:
    """What a module does, wherever it is done: in a process of its own or, by its action, in the controller's.

    A module calls its own C(WORK).

    :ivar arguments: all options, as AnsibleModule takes them.
    :ivar run: does it, given what :meth:`open` returns, the options and whether this is check mode.
    :ivar check: raises an error for options that make no sense, before anything is opened.
    :ivar secrets: says by the options what no result may hold, beside the options that are C(no_log).
    :ivar rules: C(required_if) and the like, as AnsibleModule takes them.
    """

    library: tuple[str, str, str | None] = ("", "", None)
    """What this cannot do without: the package of Python, its name for users, and where it comes from."""

    def __init__(
        self,
        arguments: Arguments,
        run: t.Callable[[t.Any, Params, bool], Result],
        *,
        check: t.Callable[[Params], None] = lambda dummy: None,
        secrets: t.Callable[[Params], t.Iterable[str]] = lambda dummy: (),
        **rules: t.Any,
    ) -> None:
        self.arguments = arguments
        self.run = run
        self.check = check
        self.secrets = secrets
        self.rules = rules

    def open(self, params: Params) -> t.Any:
        """Return what the work is done with, a session or an engine.

        :raises SwarmError: if the options make none.
        """
        raise NotImplementedError

    def problems(self, written: Params) -> list[str]:
        """Return what is wrong with the options as they were *written*, before Ansible converts them."""
        return []

    def failure(self, error: SwarmError) -> Result:
        """Return what a failure returns."""
        return {"msg": error.message, **error.data}

    def possible(self) -> bool:
        """Tell whether this Python has what the work needs."""
        return find_spec(self.library[0]) is not None

    def result(self, params: Params, check_mode: bool) -> Result:
        """Do the work and return its result, that of a failure too."""
        try:
            self.check(params)
            return self.run(self.open(params), params, check_mode)
        except SwarmError as exc:
            return {"failed": True, **self.failure(exc)}

    def main(self) -> None:
        """Do the work as a module."""
        module = Module(self)
        if not self.possible():
            module.fail_json(msg=missing_required_lib(self.library[1], url=self.library[2]))
        module.no_log_values.update(self.secrets(module.params))
        result = self.result(module.params, module.check_mode)
        if result.pop("failed", False):
            module.fail_json(**result)
        module.exit_json(**result)


class Module(AnsibleModule):  # type: ignore[misc]  # Ansible's classes have no types.
    """A module whose results never hold the values of its secret arguments.

    Ansible repeats all arguments with each result (C(invocation), shown with C(-vvv)), also with those that it makes by
    itself: of an argument that does not fit, say. It writes them into the node's journal, too, unless told not to.
    """

    def __init__(self, work: Work) -> None:
        super().__init__(argument_spec=work.arguments, supports_check_mode=True, no_log=True, **work.rules)
        found = work.problems(self.written)
        if found:
            self.fail_json(msg=f"{'; '.join(found)}.")

    def _load_params(self) -> None:
        """Keep the arguments as they were written, before the base class makes them what they should be."""
        super()._load_params()
        self.written = dict(self.params)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        """End the module well."""
        super().exit_json(**self._repeated(result))
        raise AssertionError  # not reached: the process has ended

    def fail_json(self, msg: str, **result: t.Any) -> t.NoReturn:
        """End the module with a sentence."""
        super().fail_json(msg, **self._repeated(result))
        raise AssertionError  # not reached

    def _repeated(self, result: Result) -> Result:
        """Return *result* with what may be repeated of the arguments, once its warnings are given."""
        # A result that holds its warnings is deprecated since ansible-core 2.19.
        for warning in result.pop("warnings", ()):
            self.warn(warning)
        return {"invocation": invocation(self.params), **result}


def invocation(params: Params | None) -> Result:
    """Return what a result may repeat of its arguments.

    Ansible hides what is C(no_log), but neither a login in an address nor a secret that stands in the wrong option.
    """
    shown = {key: show_argument((key,), value) for key, value in (params or {}).items() if key not in NEVER_REPEATED}
    address = str(shown.get("endpoint_url") or "")
    if "://" not in address and "@" in address:
        shown["endpoint_url"] = HIDDEN
    return {"module_args": shown}
