# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy is asked for, what it decides before it writes, and what it answers. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._errors import PlanRefused
from ..model import StackModel
from ..plan import Json, LiveState, PlanOptions, ServicePlan, StackPlan, plan_stack
from ..plan.back import spare_jobs
from ..plan.migrations import plan_migrations
from ..watch.terms import Verdict
from . import releases


@dataclasses.dataclass(frozen=True)
class Options:
    """How to deploy.

    :ivar wait_timeout: seconds.
    :ivar progress_timeout: seconds without progress, None for no limit.
    :ivar logins: C(registry), C(username) and C(password) of registries.
    :ivar force: deploy what is known to fail, past blockers, and take the lock from a living deploy.
    :ivar exact: the model's images stand as they are: it comes from a release.
    :ivar restores: number of that release.
    """

    wait: bool = True
    wait_timeout: float = 600
    progress_timeout: float | None = None
    resolve_image: bool = True
    prune: bool = True
    purge: bool = False
    allow_recreate: bool = False
    force: bool = False
    keep_releases: int = 10
    deployed_by: str = ""
    git_revision: str = ""
    logins: t.Sequence[t.Mapping[str, str]] = ()
    exact: bool = False
    restores: int = 0


@dataclasses.dataclass
class Result:
    """What a deploy did, or would do."""

    plan: StackPlan
    changed: bool
    verdicts: dict[str, Verdict] = dataclasses.field(default_factory=dict)
    release: releases.Release | None = None
    migrations: list[Json] = dataclasses.field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        """What the plan and the outcome have to say besides."""
        return [*self.plan.warnings, *(text for verdict in self.verdicts.values() for text in verdict.warnings)]

    def services(self) -> list[Json]:
        """Return the state of each service for the user."""
        return [
            {
                "name": item.name,
                "action": item.action,
                "image": item.image_after,
                **_numbers(self.verdicts.get(item.name)),
            }
            for item in self.plan.services
        ]


def _numbers(verdict: Verdict | None) -> Json:
    if verdict is None:
        return {"state": "unknown", "running": None, "completed": None, "wanted": None}
    return {
        "state": verdict.state,
        "running": verdict.running,
        "completed": verdict.completed,
        "wanted": verdict.wanted,
    }


def plan_deploy(
    model: StackModel,
    live: LiveState,
    history: t.Sequence[releases.Release],
    options: Options,
    rested: t.Callable[[t.Sequence[ServicePlan]], t.Collection[str]] = lambda _plans: (),
) -> StackPlan:
    """Plan a deploy: the way from I(live) to I(model), what runs on it, and what speaks against it.

    :param model: the stack, its images pinned.
    :param rested: says which services of a plan have a program that has ended well.
    :raises PlanRefused: it cannot work, or is known to fail.
    """
    how = PlanOptions(options.prune, options.purge, options.allow_recreate)
    plan = plan_stack(model, live, releases.base_trees(history), how, releases.base_networks(history))
    ended = rested(plan.services)
    for item in plan.services:  # a task may only not have begun yet
        item.rests = item.rests and item.name in ended
    if options.exact:  # going back runs no job, and no migration again
        spare_jobs(plan, ended)
    else:
        plan.migrations = plan_migrations(model, plan)
    if plan.changed:
        plan.blockers += releases.reservations(history, model)
    reasons = plan.errors + ([] if options.force else plan.blockers)
    if reasons:
        raise PlanRefused(f"Nothing was deployed: {'; '.join(reasons)}.", plan)
    return plan
