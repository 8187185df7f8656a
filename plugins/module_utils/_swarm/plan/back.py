# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of the way back: what is not undone, because it cannot be. Pure."""

from __future__ import annotations

import typing as t

from .rewrite import is_job
from .types import ServicePlan, StackPlan


def spare_jobs(plan: StackPlan, rested: t.Collection[str] = ()) -> list[ServicePlan]:
    """Take out of a plan what would start a job, and return that; warnings of the plan say so.

    A job that has run cannot be taken back, and an older one is not asked for by going back: it could undo what the
    newer one did.

    :param rested: names of services whose program has ended well: what goes for jobs goes for them.
    """
    spared = [item for item in plan.services if item.action != "remove" and (is_job(item.spec) or item.name in rested)]
    plan.services = [item for item in plan.services if item not in spared]
    for item in spared:
        if item.name in rested:
            plan.warnings.append(f"service {item.name} stays as it is now: going back does not repeat what has ended")
        elif item.action == "create":
            plan.warnings.append(f"job {item.name} is not created: going back starts no job")
        elif item.action != "none":
            plan.warnings.append(f"job {item.name} stays as it is now: going back starts no job")
    return spared
