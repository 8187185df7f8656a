# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that talk to an engine share: their edge, the session, how a plan is shown."""

from __future__ import annotations

import typing as t

from .._errors import DeployFailed, PlanRefused, SwarmError
from .._module import Arguments, Params, Result, Work
from .._words import nearest
from .arguments.types import type_problems
from .connection import Connection
from .engine import Engine
from .plan import StackPlan
from .registry import auth


class EngineWork(Work):
    """What a module does with an engine; C(run) gets the :class:`Engine`.

    :param own: options that the module has under the name of one of the engine's, with a meaning of its own.
    """

    library = ("docker", "Docker SDK for Python: docker", "https://docker-py.readthedocs.io")

    def __init__(
        self,
        arguments: Arguments,
        run: t.Callable[[Engine, Params, bool], Result],
        *,
        own: t.Container[str] = (),
        **more: t.Any,
    ) -> None:
        super().__init__(arguments, run, **more)
        self._own = own

    def problems(self, written: Params) -> list[str]:
        """Return what Ansible would read as something else."""
        return list(type_problems(written, self.arguments))

    def open(self, params: Params) -> Engine:
        """Return a session with the engine that the options name.

        :raises PlanRefused: two logins are for one registry, one is for none, or options contradict each other.
        """
        logins = params.get("registry_auth") or ()
        host, entry = auth.doubled(logins), auth.misnamed(logins)
        if host:
            raise PlanRefused(f"registry_auth: the registry {host} is given twice; one login serves all of its images.")
        if entry:
            raise PlanRefused(
                f'registry_auth: entry {entry} names no registry; write a host, as "registry.example.org".'
            )
        return Engine(Connection.from_params({key: value for key, value in params.items() if key not in self._own}))

    def failure(self, error: SwarmError) -> Result:
        """Return what a failure returns: with the plan that was refused, or what did not converge."""
        if isinstance(error, DeployFailed):
            found = {"failures": error.failures, "changed": error.changed, "warnings": error.warnings}
            return {"msg": error.message, **found}
        plan = error.plan if isinstance(error, PlanRefused) else None
        shown = {"warnings": plan.warnings, **plan_result(plan)} if plan is not None else {}
        return {**super().failure(error), **shown}


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
