# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order the services of a plan are written. Pure.

Waves first; what has left the file goes last, when all that stays has converged. But what frees a published port is
written before what takes it, in whatever wave it is: the engine would refuse the other order (see M(plan.ports)).
"""

from __future__ import annotations

import typing as t

from .ports import frees_for
from .types import ServicePlan


class Order(t.NamedTuple):
    """Services in the order in which they are written.

    :ivar waves: each is converged before the next one begins; removals that free a port are among them.
    :ivar last: removals that nothing waits for.
    """

    waves: list[list[ServicePlan]]
    last: list[ServicePlan]

    def early(self) -> list[ServicePlan]:
        """Return the removals that cannot wait until all else has converged."""
        return [plan for wave in self.waves for plan in wave if plan.action == "remove"]


def order(plans: t.Sequence[ServicePlan]) -> Order:
    """Return the order of writing."""
    stay = [plan for plan in plans if plan.action != "remove"]
    before = {plan.name: [other for other in plans if other is not plan and frees_for(other, plan)] for plan in stay}
    done: list[ServicePlan] = []
    waves: list[list[ServicePlan]] = []
    for number in sorted({plan.wave for plan in stay}):
        wave: list[ServicePlan] = []
        for plan in stay:
            if plan.wave == number:
                _add(plan, before, done, wave)
        waves.append(wave)
    return Order(waves, [plan for plan in plans if not any(plan is other for other in done)])


def _add(
    plan: ServicePlan,
    before: t.Mapping[str, list[ServicePlan]],
    done: list[ServicePlan],
    wave: list[ServicePlan],
) -> None:
    """Put a service into a wave, after what must be written before it; of a circle the first one comes first."""
    if any(plan is other for other in done):
        return
    done.append(plan)
    for other in before.get(plan.name, []):
        _add(other, before, done, wave)
    wave.append(plan)
