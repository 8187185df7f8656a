# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether overlay networks have an address for each task. The engine does not say: tasks stay pending."""

from __future__ import annotations

import collections
import re
import typing as t

from .. import nodes as node_facts
from .capacity import specs_after, tasks_of
from .types import Json, LiveState, ServicePlan

NETWORK_ITSELF = 3
"""Addresses of a subnet that no task gets: the first, the last and the gateway."""

_IPV4 = re.compile(r"[\d.]+/\d{1,2}")  # of a network that has both kinds, it is this one that gets full


def warnings(services: t.Sequence[ServicePlan], live: LiveState, declared: t.Iterable[Json] = ()) -> list[str]:
    """Return a warning for each network that a plan would fill beyond its size.

    :param declared: networks to be created, as they would be sent; one without a subnet gets one whose size is not
        known.
    """
    names = live.network_names()
    touched = {name for plan in services if plan.action != "none" for name in _attached(plan.spec, names)}
    if not touched:
        return []
    sizes = {item["Name"]: _size(item) for item in [*declared, *live.networks]}
    needs = _needs(services, live, names)
    found = []
    for name in sorted(touched):
        size, need = sizes.get(name), needs[name]
        if size is not None and need > size:
            found.append(
                f"network {name} has {size} addresses to give and its services need {need}, for tasks, virtual IPs and "
                "nodes: some tasks would stay pending; give it a larger subnet (ipam) or use several networks"
            )
    return found


def _size(network: Json) -> int | None:
    """Return how many addresses a network gives away, None when nobody has said yet."""
    subnets = [item.get("Subnet") or "" for item in (network.get("IPAM") or {}).get("Config") or []]
    sizes = [2 ** (32 - int(text.partition("/")[2])) - NETWORK_ITSELF for text in subnets if _IPV4.fullmatch(text)]
    return sum(sizes) if sizes else None


def _needs(services: t.Sequence[ServicePlan], live: LiveState, names: t.Mapping[str, str]) -> t.Counter[str]:
    needs: t.Counter[str] = collections.Counter()
    for spec in specs_after(services, live):
        for name in _attached(spec, names):
            needs[name] += tasks_of(spec, live) + _is_virtual(spec)
    takers = sum(node_facts.takes_tasks(node) for node in live.nodes)
    # A node where a network has a task takes an address in it for balancing.
    return collections.Counter({name: need + min(takers, need) for name, need in needs.items()})


def _attached(spec: Json, names: t.Mapping[str, str]) -> set[str]:
    targets = (item.get("Target", "") for item in spec.get("TaskTemplate", {}).get("Networks") or [])
    return {names.get(target, target) for target in targets}


def _is_virtual(spec: Json) -> bool:
    return bool((spec.get("EndpointSpec") or {}).get("Mode", "vip") != "dnsrr")
