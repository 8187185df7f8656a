# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which migrations a deploy runs, and why. Pure."""

from __future__ import annotations

import dataclasses

from ..._diff import show
from ..model import Migration, StackModel
from .types import Json, ServicePlan, StackPlan


@dataclasses.dataclass(frozen=True)
class MigrationPlan:
    """A migration that runs before a service changes.

    :ivar service: the plan of that service.
    :ivar index: place of the migration among those of the stack.
    :ivar because: names of the fields for whose change it runs; empty for a new service.
    """

    service: ServicePlan
    migration: Migration
    index: int
    because: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command as it may be printed."""
        return " ".join(show(("Command",), list(self.migration.command)))

    @property
    def why(self) -> str:
        """Why it runs, in a few words."""
        if not self.because:
            return "the service is new"
        return f"{', '.join(self.because)} change{'s' * (len(self.because) == 1)}"

    def to_dict(self) -> Json:
        """Return it as data that may be printed."""
        return {
            "service": self.service.name,
            "command": self.command,
            "because": list(self.because),
            "timeout": self.migration.timeout,
        }

    def text(self) -> str:
        """Return it as a line of the plan."""
        return f"> migration of service {self.service.name}: {self.command}, because {self.why}"


def plan_migrations(model: StackModel, plan: StackPlan) -> list[MigrationPlan]:
    """Return the migrations of services whose tasks are about to change, in the order in which they run."""
    names = {key: entry.full_name for key, entry in model.services.items()}
    changing = {item.name: item for item in plan.touched() if item.action != "remove" and any(_fields(item))}
    return [
        MigrationPlan(item, migration, index, () if item.action == "create" else _fields(item))
        for index, migration in enumerate(model.migrate)
        for item in [changing.get(names[migration.service])]
        if item is not None
    ]


def _fields(plan: ServicePlan) -> tuple[str, ...]:
    """Return the names of a service's fields that make its tasks other ones, as people know them."""
    paths = [change.path[1:] for change in plan.changes if change.path[0] == "TaskTemplate"]
    return tuple(dict.fromkeys(path[1] if path[0] == "ContainerSpec" else path[0] for path in paths))
