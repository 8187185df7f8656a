# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""What the modules that talk to an engine share: the session, how a plan is told."""

from __future__ import annotations

import traceback
import typing as t

from .._errors import PlanRefused
from .._words import nearest
from .engine import Engine
from .plan import StackPlan
from .registry import auth

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def open_engine(module: AnsibleModule) -> Engine:
    """Return a session with the engine that the module's options name.

    Fails the module without the Docker SDK, and when two logins are for one registry.
    """
    try:
        import docker  # noqa: F401 - only to say in a friendly way that it is missing
    except ImportError:
        from ansible.module_utils.basic import missing_required_lib

        module.fail_json(
            msg=missing_required_lib("Docker SDK for Python: docker", url="https://docker-py.readthedocs.io"),
            exception=traceback.format_exc(),
        )
    host = auth.doubled(module.params.get("registry_auth") or ())
    if host:
        module.fail_json(msg=f"registry_auth: the registry {host} is given twice; one login serves all of its images.")
    return Engine(module.params["docker_host"])


def refused_plan(module: AnsibleModule, error: Exception) -> dict[str, t.Any]:
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
