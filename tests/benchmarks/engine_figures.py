# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the benchmark of deploys has measured, and what can be said of it. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from measure import Result

WORKS = {
    "unchanged": "Run again, nothing to change",
    "changed": "One environment variable of one service changed",
    "create": "Create all, accepted by the engine",
}
Request = tuple[str, str]
"""Method and path."""


@dataclass(frozen=True)
class Count:
    """Requests of one run to the engine's API.

    :ivar lookups: Of digests in a registry.
    :ivar services: Services that were written.
    :ivar others: Other writes: networks, and the record of a release.
    """

    reads: int
    lookups: int
    services: int
    others: int

    @classmethod
    def of(cls, requests: Sequence[Request]) -> Count:
        """Sort requests into kinds."""
        reads = [path for method, path in requests if method in ("GET", "HEAD")]
        writes = [path for method, path in requests if method not in ("GET", "HEAD")]
        lookups = sum("/distribution/" in path for path in reads)
        services = sum("/services/" in path for path in writes)
        return cls(len(reads) - lookups, lookups, services, len(writes) - services)

    @property
    def requests(self) -> int:
        """All but the look-ups."""
        return self.reads + self.services + self.others


@dataclass(frozen=True)
class Converged:
    """When a deploy said that everything had converged.

    :ivar late: seconds after the last task of the engine had run for its monitor time.
    """

    count: int
    rival: str
    late: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.late)


@dataclass
class Figures:
    """Everything that a run of the benchmark finds.

    :ivar times: (work, number of services) → rival → runs.
    :ivar counts: the same → rival → requests.
    :ivar growth: number of services → rival → runs with nothing to change.
    :ivar memory: rival → peak of the process that runs the module, MiB.
    :ivar repeated: runs that failed and were repeated, one entry each.
    """

    times: dict[tuple[str, int], dict[str, Result]] = field(default_factory=dict)
    counts: dict[tuple[str, int], dict[str, Count]] = field(default_factory=dict)
    growth: dict[int, dict[str, Result]] = field(default_factory=dict)
    converged: list[Converged] = field(default_factory=list)
    memory: dict[tuple[str, int], float] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)


def ratio(one: Result, other: Result) -> float:
    """Return how many times longer *one* took: the median of paired ratios, or where one ran less often, of medians."""
    if len(one.runs) == len(other.runs):
        return one.ratio_to(other)
    return one.seconds / other.seconds


def crossing(ours: Mapping[int, float], theirs: Mapping[int, float]) -> float | None:
    """Return from how many services on ours is the faster one, between measured sizes by a straight line.

    None when it never is; the smallest size when it always is.
    """
    sizes = sorted(set(ours) & set(theirs))
    lead = [theirs[size] - ours[size] for size in sizes]
    if not sizes or lead[-1] <= 0:
        return None
    last_behind = max((index for index, value in enumerate(lead) if value <= 0), default=-1)
    if last_behind < 0:
        return float(sizes[0])
    low, high = sizes[last_behind], sizes[last_behind + 1]
    share = -lead[last_behind] / (lead[last_behind + 1] - lead[last_behind])
    return low + share * (high - low)


def slope(seconds: Mapping[int, float]) -> float:
    """Return the growth in milliseconds for each further service, by least squares."""
    found = statistics.linear_regression(list(seconds), list(seconds.values()))
    return found.slope * 1000
