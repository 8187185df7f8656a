# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DescribeInstances and DescribeInstanceStatus: pages counted in instances, filters checked first."""

from __future__ import annotations

import copy
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.instances import InstanceResponse

from region.emulator.ec2 import filters, instances
from region.emulator.errors import AwsError
from region.emulator.patching import Patches
from region.emulator.state import runtime

DEFAULT_PAGE = 1000


patches = Patches()


@patches.wrap(InstanceResponse, "describe_instances")
def describe_instances(original: Any, self: Any) -> ActionResult:
    """AWS's MaxResults counts instances and splits a reservation over pages; moto counts reservations."""
    if runtime.complete_transitions:
        instances.settle()
    self.error_on_dryrun()
    asked = self._filters_from_querystring()
    filters.check(asked)
    ids = self._get_param("InstanceIds", [])
    if ids and self._get_param("MaxResults"):
        raise AwsError(
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        )
    if ids:
        self.ec2_backend.get_multi_instances_by_id(ids)  # refuses the first id that does not exist
    found = [
        (reservation, one)
        for reservation in self.ec2_backend.reservations.values()
        for one in reservation.instances
        if (not ids or one.id in ids) and filters.matches(one, asked)
    ]
    start = int(self._get_param("NextToken") or 0)
    following = start + int(self._get_param("MaxResults") or DEFAULT_PAGE)
    return ActionResult(
        {
            "Reservations": _reservations(found[start:following]),
            "NextToken": str(following) if following < len(found) else None,
        }
    )


@patches.wrap(InstanceResponse, "describe_instance_status")
def describe_instance_status(original: Any, self: Any) -> Any:
    """Transitions that a test wants completed are so before an answer."""
    if runtime.complete_transitions:
        instances.settle()
    return original(self)


def install() -> None:
    """Patch moto's descriptions of instances."""
    patches.install()


def _reservations(found: list[tuple[Any, Any]]) -> list[Any]:
    grouped: dict[str, Any] = {}
    for reservation, instance in found:
        if reservation.id not in grouped:
            grouped[reservation.id] = copy.copy(reservation)
            grouped[reservation.id].instances = []
        grouped[reservation.id].instances.append(instance)
    return list(grouped.values())
