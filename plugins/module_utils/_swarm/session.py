# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""What the modules that talk to an engine share: their edge, the session, how a plan is told."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .._diff import show_argument
from .._errors import PlanRefused, SwarmError
from .._words import nearest
from .arguments.types import type_problems
from .connection import Connection
from .engine import Engine
from .plan import StackPlan
from .registry import auth

#: Arguments whose values no result repeats, however it ends: variables, contents, what was read of stack files, and
#: what may hold a password in any form (command lines, labels of a proxy, options of a log driver).
UNTOLD = frozenset({
    "args", "command", "container_labels", "definition", "env", "healthcheck", "labels", "logging", "model", "mounts",
    "secret_data",
})  # fmt: skip


class EngineModule(AnsibleModule):  # type: ignore[misc]  # Ansible's classes have no types.
    """A module whose results never hold the values of its secret arguments.

    Ansible repeats all arguments with each result (C(invocation), shown with C(-vvv)), also with those that it makes by
    itself: of an argument that does not fit, say. It writes them into the node's journal, too, unless told not to.
    """

    def __init__(self, argument_spec: t.Mapping[str, t.Any], **options: t.Any) -> None:
        super().__init__(argument_spec=argument_spec, **{"no_log": True, **options})
        found = list(type_problems(self.written, argument_spec))
        if found:
            self.fail_json(msg=f"{'; '.join(found)}.")

    def _load_params(self) -> None:
        """Keep the arguments as they were written, before the base class makes them what they should be."""
        super()._load_params()
        self.written = dict(self.params)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        """End the module well."""
        super().exit_json(**{"invocation": told(self.params), **result})
        raise AssertionError  # not reached: the process has ended

    def fail_json(self, msg: str, **result: t.Any) -> t.NoReturn:
        """End the module with a sentence."""
        super().fail_json(msg, **{"invocation": told(self.params), **result})
        raise AssertionError  # not reached


def told(params: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """Return what a result may repeat of its arguments, as Ansible's C(invocation)."""
    return {
        "module_args": {key: show_argument((key,), value) for key, value in (params or {}).items() if key not in UNTOLD}
    }


def open_engine(module: t.Any, own: t.Container[str] = ()) -> Engine:
    """Return a session with the engine that the module's options name.

    :param own: options that the module has under the same name, with a meaning of its own.

    Raises:
        SwarmError: there is no Docker SDK.
        PlanRefused: two logins are for one registry, one is for none, or options contradict each other.
    """
    try:
        import docker  # noqa: F401 - only to say in a friendly way that it is missing
    except ImportError:
        library = missing_required_lib("Docker SDK for Python: docker", url="https://docker-py.readthedocs.io")
        raise SwarmError(library) from None
    host = auth.doubled(module.params.get("registry_auth") or ())
    if host:
        raise PlanRefused(f"registry_auth: the registry {host} is given twice; one login serves all of its images.")
    entry = auth.misnamed(module.params.get("registry_auth") or ())
    if entry:
        raise PlanRefused(f'registry_auth: entry {entry} names no registry; write a host, as "registry.example.org".')
    return Engine(Connection.from_params({key: value for key, value in module.params.items() if key not in own}))


def refused_plan(module: t.Any, error: Exception) -> dict[str, t.Any]:
    """Return the plan that was refused for the user, and show its warnings; nothing for other errors."""
    plan = error.plan if isinstance(error, PlanRefused) else None
    if plan is None:
        return {}
    for warning in plan.warnings:
        module.warn(warning)
    return plan_result(plan)


def plan_result(plan: StackPlan) -> dict[str, t.Any]:
    """Return a plan for the user."""
    before, after = plan.before_after()
    return {
        "plan": plan.to_dict(),
        "summary": plan.text().splitlines(),
        "diff": {"before": before, "after": after, "before_header": "live", "after_header": plan.stack},
    }


def unknown_service(engine: Engine, name: str) -> PlanRefused:
    """Return the error about a service that does not exist, with the one that was meant."""
    names = (str(service["Spec"]["Name"]) for service in engine.services())
    return PlanRefused(f"There is no service {name}{nearest(name, names)}.")
