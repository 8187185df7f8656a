# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancers as ELBv2's API describes them, and what it is told about their targets."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A running target: where a target group sends requests.

    :ivar id: an instance's id, or an address.
    """

    id: str
    address: str
    port: int


@dataclass(frozen=True)
class HealthCheck:
    """How a target group checks its targets; times in seconds.

    :ivar protocol: HTTP, HTTPS or TCP.
    :ivar port: None: the port that gets the traffic.
    :ivar matcher: as HAProxy and AWS both write it: 200,301-399.
    """

    protocol: str
    port: int | None
    path: str
    matcher: str
    interval: int
    timeout: int
    healthy_threshold: int
    unhealthy_threshold: int


@dataclass(frozen=True)
class TargetGroup:
    """A target group that a load balancer uses; times in seconds.

    :ivar key: unique, fit for a name in a configuration file.
    :ivar protocol: HTTP, HTTPS or TCP.
    :ivar stickiness: life of the cookie.
    """

    arn: str
    key: str
    protocol: str
    algorithm: str
    stickiness: int | None
    slow_start: int
    deregistration_delay: int
    check: HealthCheck
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Condition:
    """One condition of a rule: any of C(values) is enough.

    :ivar name: of the header or the query's key.
    """

    field: str
    values: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class Forward:
    """Send to one of several target groups, by weight.

    :ivar groups: ARN and weight.
    """

    groups: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Redirect:
    """Send the client elsewhere; parts may hold C(#{host}) and the like."""

    protocol: str
    host: str
    port: str
    path: str
    query: str
    status: int


@dataclass(frozen=True)
class FixedResponse:
    """Answer at once."""

    status: int
    content_type: str
    body: str


@dataclass(frozen=True)
class Rule:
    """What a listener does with the requests that fulfil all conditions; the first rule that fits decides."""

    conditions: tuple[Condition, ...]
    action: Forward | Redirect | FixedResponse


@dataclass(frozen=True)
class Listener:
    """A port of a load balancer. C(rules) are in the order of their priorities, the default rule last.

    :ivar protocol: HTTP, HTTPS or TCP.
    """

    key: str
    port: int
    protocol: str
    certificate_names: tuple[str, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Balancer:
    """A load balancer.

    :ivar idle_timeout: seconds.
    """

    arn: str
    name: str
    dns_name: str
    idle_timeout: int
    listeners: tuple[Listener, ...]


@dataclass(frozen=True)
class Snapshot:
    """All load balancers of the region, and the target groups that they use, by ARN."""

    balancers: tuple[Balancer, ...]
    groups: Mapping[str, TargetGroup]


@dataclass(frozen=True)
class Health:
    """A target's health in the words of DescribeTargetHealth."""

    state: str
    reason: str | None = None
    description: str | None = None


INITIAL = Health("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = Health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
HEALTHY = Health("healthy")
DRAINING = Health("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
NOT_IN_USE = Health(
    "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
)


class HealthBoard:
    """The last known health of all targets, written by the load balancers and read by the API."""

    def __init__(self) -> None:
        """Start empty and not C(live)."""
        self._lock = threading.Lock()
        self._table: dict[tuple[str, str], tuple[int, Health]] = {}
        # Without load balancers that look after it, the board says nothing about any target.
        self.live = False

    def replace(self, table: Mapping[tuple[str, str], tuple[int, Health]]) -> None:
        """Set the port and health of all targets; the key is the group's ARN and the target's id."""
        with self._lock:
            self._table = dict(table)
            self.live = True

    def get(self, group: str, target: str) -> Health | None:
        """Return the health of one target, if it is known."""
        with self._lock:
            entry = self._table.get((group, target))
        return entry[1] if entry else None

    def draining(self, group: str) -> dict[str, int]:
        """Return the targets of *group* on their way out, with their ports."""
        with self._lock:
            return {
                target: port
                for (arn, target), (port, health) in self._table.items()
                if arn == group and health.state == "draining"
            }
