# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether nodes have room for the tasks of a plan: reserved CPUs, memory and generic resources, tasks per node. Pure.

The scheduler gives a task to a node that satisfies its placement, has as much left of everything as it reserves, and
runs fewer tasks of its service than C(MaxReplicas) (swarmkit, manager/scheduler/filter.go: ResourceFilter and
MaxReplicasFilter). What a node has is in C(Description.Resources). A task without such a node stays pending for ever.
"""

from __future__ import annotations

import typing as t

from .. import nodes as node_facts
from ..tasks import is_wanted
from .rewrite import is_job
from .service import running
from .tree import replicas
from .types import Json, LiveState, ServicePlan

GIB = 1024**3
_CPU = 10**9
_UNLIMITED = 10**9


def blockers(plan: ServicePlan, live: LiveState) -> list[str]:
    """Return why the tasks of a service would not all find a place, whatever else runs in the swarm."""
    template, suited = plan.spec["TaskTemplate"], node_facts.eligible(live.nodes, plan.spec["TaskTemplate"])
    need, wanted = reserved(template), replicas(plan.spec)
    if not suited or wanted == 0 or _has_no_run(plan.spec):
        return []
    lacking = [node for node in suited if not _times(has(node), need)]
    if len(lacking) == len(suited) or (_is_everywhere(plan.spec) and lacking):
        return [_lack(plan, need, suited, lacking)]
    if is_job(plan.spec):
        return []  # its tasks need not run at the same time
    if wanted is None:
        return _global_start_first(plan, need, suited)
    limit = int((template.get("Placement") or {}).get("MaxReplicas") or 0) or _UNLIMITED
    places = sum(min(limit, _times(has(node), need)) for node in suited)
    if places < wanted:
        return [
            f"service {plan.name}: {_nodes(suited)} that it may run on {_have(suited)} room for {places} of its "
            f"{wanted} tasks ({_why(limit, need)})"
        ]
    return _start_first(plan, need, limit, suited, live)


def warnings(plan: ServicePlan, live: LiveState) -> list[str]:
    """Return what hinders tasks of a service without blockers as long as other services have what they have."""
    need, wanted = reserved(plan.spec["TaskTemplate"]), replicas(plan.spec)
    suited = node_facts.eligible(live.nodes, plan.spec["TaskTemplate"])
    if not need or not suited or wanted == 0 or is_job(plan.spec):
        return []
    own = {task["ID"] for task in running(live.tasks, plan.live["ID"])} if plan.live else set()
    stays = own - plan.replaced if _order(plan) != "start-first" else own
    taken = [task for task in live.tasks if task["ID"] not in own or task["ID"] in stays]
    free = [_left(node, taken) for node in suited]
    places = sum(_times(left, need) for left in free) + len(stays)
    if not any(_times(left, need) for left in free) and not stays:
        return [
            f"service {plan.name}: a task reserves {_words(need)}, and no node has as much unreserved (at most "
            f"{_words({key: max(0, *(left.get(key, 0) for left in free)) for key in need})})"
        ]
    if wanted is not None and places < wanted:
        return [f"service {plan.name}: beside what others reserve there is room for {places} of its {wanted} tasks now"]
    full = [node for node, left in zip(suited, free) if not _times(left, need)]
    if wanted is None and full and not stays:
        return [f"service {plan.name}: a task reserves {_words(need)}, and {_names(full)} have less unreserved now"]
    return []


def specs_after(plans: t.Sequence[ServicePlan], live: LiveState) -> list[Json]:
    """Return the specs of all services of the swarm once the plans are carried out."""
    own = {plan.name for plan in plans}
    planned = [plan.spec for plan in plans if plan.action != "remove"]
    return [*planned, *(service["Spec"] for service in live.services if service["Spec"]["Name"] not in own)]


def tasks_of(spec: Json, live: LiveState) -> int:
    """Return how many tasks a service wants; a global one, on every node that it may run on."""
    wanted = replicas(spec)
    return len(node_facts.eligible(live.nodes, spec["TaskTemplate"])) if wanted is None else wanted


def overbooked(plans: t.Sequence[ServicePlan], live: LiveState) -> list[str]:
    """Return a warning when all services together reserve more than the nodes have."""
    if not any(plan.action not in ("none", "remove") and reserved(plan.spec["TaskTemplate"]) for plan in plans):
        return []
    nodes = [node for node in live.nodes if node_facts.takes_tasks(node)]
    total = {key: sum(has(node).get(key, 0) for node in nodes) for key in ("CPUs", "memory")}
    need: dict[str, int] = {"CPUs": 0, "memory": 0}
    for spec in specs_after(plans, live):
        if is_job(spec):
            continue
        count = tasks_of(spec, live)
        for key, value in reserved(spec["TaskTemplate"]).items():
            if key in need:
                need[key] += count * value
    return [
        f"all services together would reserve {_words({key: value})} and the nodes have {_words({key: total[key]})}"
        for key, value in need.items()
        if value > total[key]
    ]


def reserved(task_template: t.Mapping[str, t.Any]) -> dict[str, int]:
    """Return what a task reserves: C(CPUs) in billionths, C(memory) in bytes, kinds of generic resources in units."""
    found = (task_template.get("Resources") or {}).get("Reservations") or {}
    return {key: value for key, value in _amounts(found).items() if value}


def has(node: Json) -> dict[str, int]:
    """Return what a node has in all, in the same terms."""
    return _amounts((node.get("Description") or {}).get("Resources") or {})


def _amounts(resources: Json) -> dict[str, int]:
    amounts = {"CPUs": int(resources.get("NanoCPUs") or 0), "memory": int(resources.get("MemoryBytes") or 0)}
    for item in resources.get("GenericResources") or []:
        count, named = item.get("DiscreteResourceSpec"), item.get("NamedResourceSpec")
        kind = str((count or named or {}).get("Kind", ""))
        amounts[kind] = amounts.get(kind, 0) + (int(count.get("Value") or 0) if count else 1)
    return amounts


def _left(node: Json, tasks: t.Iterable[Json]) -> dict[str, int]:
    left = dict(has(node))
    for task in tasks:
        if task.get("NodeID") == node.get("ID") and is_wanted(task):
            for key, value in reserved(task.get("Spec") or {}).items():
                left[key] = left.get(key, 0) - value
    return left


def _times(amounts: t.Mapping[str, int], need: t.Mapping[str, int]) -> int:
    """Return how many tasks find room in what there is."""
    return min([max(0, amounts.get(key, 0)) // value for key, value in need.items()], default=_UNLIMITED)


def _lack(plan: ServicePlan, need: dict[str, int], suited: list[Json], lacking: list[Json]) -> str:
    if len(lacking) < len(suited):
        return (
            f"service {plan.name}: {'a global job' if is_job(plan.spec) else 'a global service'} runs on every node "
            f"that it may, and {_names(lacking)} cannot hold a task of it, which reserves {_words(need)}"
        )
    for key, value in need.items():
        best = max(has(node).get(key, 0) for node in suited)
        if best < value:
            return (
                f"service {plan.name}: a task reserves {_words({key: value})}, and no node that it may run on has more "
                f"than {_words({key: best})} in all"
            )
    return f"service {plan.name}: no node that it may run on has all that a task reserves together ({_words(need)})"


def _start_first(plan: ServicePlan, need: dict[str, int], limit: int, suited: list[Json], live: LiveState) -> list[str]:
    """A new task starts beside the old ones: somewhere there must be room for one more."""
    if plan.action != "update" or not plan.restarts or _order(plan) != "start-first" or plan.live is None:
        return []
    own = running(live.tasks, plan.live["ID"])
    for node in suited:
        there = [task for task in own if task.get("NodeID") == node["ID"]]
        if len(there) < limit and _times(_left(node, there), need):
            return []
    return [
        f"service {plan.name}: update order start-first needs room for one more task, and its tasks fill "
        f"{_nodes(suited)} that it may run on ({_why(limit, need)}); use order stop-first or add a node"
    ]


def _global_start_first(plan: ServicePlan, need: dict[str, int], suited: list[Json]) -> list[str]:
    if not need or plan.action != "update" or not plan.restarts or _order(plan) != "start-first":
        return []
    full = [node for node in suited if _times(has(node), need) < 2]
    if not full:
        return []
    return [
        f"service {plan.name}: update order start-first needs room for two tasks on each node, and {_names(full)} "
        f"cannot hold two that reserve {_words(need)}; use order stop-first"
    ]


def _order(plan: ServicePlan) -> str:
    return str((plan.spec.get("UpdateConfig") or {}).get("Order") or "stop-first")


def _is_everywhere(spec: Json) -> bool:
    """Say whether each node that it may run on gets a task."""
    return any((spec.get("Mode") or {}).get(kind) is not None for kind in ("Global", "GlobalJob"))


def _has_no_run(spec: Json) -> bool:
    job = (spec.get("Mode") or {}).get("ReplicatedJob") or {}
    return job.get("TotalCompletions") == 0


def _why(limit: int, need: dict[str, int]) -> str:
    reasons = [f"max_replicas_per_node {limit}"] if limit < _UNLIMITED else []
    return "; ".join([*reasons, *([f"a task reserves {_words(need)}"] if need else [])])


def _words(amounts: t.Mapping[str, int]) -> str:
    texts = []
    for key, value in amounts.items():
        if key == "CPUs":
            texts.append(f"{value / _CPU:g} CPUs")
        elif key == "memory":
            texts.append(f"{value / GIB:.2f} GiB of memory")
        else:
            texts.append(f"{value} {key}")
    return " and ".join(texts)


def _nodes(nodes: t.Sequence[Json]) -> str:
    return "the one node" if len(nodes) == 1 else f"the {len(nodes)} nodes"


def _have(nodes: t.Sequence[Json]) -> str:
    return "has" if len(nodes) == 1 else "have"


def _names(nodes: t.Sequence[Json]) -> str:
    names = sorted(node_facts.name_of(node) for node in nodes)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
