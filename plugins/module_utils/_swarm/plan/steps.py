# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that carry out a plan, in this order. Pure: whoever takes them decides nothing any more.

What is made comes first; only then do configs and secrets have the ids that services refer to. Migrations run before
any service changes. A wave is converged before the next one begins, and removals that nothing waits for come last.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .migrations import MigrationPlan
from .order import order
from .types import ObjectPlan, ServicePlan, StackPlan


@dataclasses.dataclass(frozen=True)
class Make:
    """Make or relabel networks, configs and secrets; from then on services have ids where they had names."""

    objects: t.Sequence[ObjectPlan]
    services: t.Sequence[ServicePlan]

    def __str__(self) -> str:
        things = [f"{thing.kind} {thing.name} ({thing.action})" for thing in self.objects]
        return f"make {', '.join(things) or 'nothing'}"


@dataclasses.dataclass(frozen=True)
class Migrate:
    """Run a migration."""

    plan: MigrationPlan

    def __str__(self) -> str:
        return f"migrate {self.plan.service.name}: {self.plan.command}"


@dataclasses.dataclass(frozen=True)
class Write:
    """Create, update, recreate or remove services, one after the other."""

    services: t.Sequence[ServicePlan]

    def __str__(self) -> str:
        return f"write {', '.join(f'{item.name} ({item.action})' for item in self.services)}"


@dataclasses.dataclass(frozen=True)
class Converge:
    """Wait for all services that are written so far, and go on only if none has failed."""

    services: t.Sequence[ServicePlan]

    def __str__(self) -> str:
        return f"wait for {', '.join(item.name for item in self.services)}"


Step = t.Union[Make, Migrate, Write, Converge]


def steps(plan: StackPlan, waits: bool) -> list[Step]:
    """Return the steps of a plan.

    :param waits: whether anybody waits for services to converge.
    """
    found: list[Step] = [Make([thing for thing in plan.objects if thing.action != "none"], plan.touched())]
    found += [Migrate(item) for item in plan.migrations]
    writing, written = order(plan.services), list[ServicePlan]()
    for wave in writing.waves:
        changing = [item for item in wave if item.action != "none"]
        written += [item for item in wave if item.action != "remove"]
        found += [Write(changing)] if changing else []
        if waits and (changing or wave is writing.waves[-1]):
            found.append(Converge(tuple(written)))
    return found + ([Write(writing.last)] if writing.last else [])
