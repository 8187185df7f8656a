# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contracts of the merge, on lives of services made at random.

What the file says wins. What nobody declared stays. What our last release declared and the file no longer does goes.
Deployed twice, nothing changes. A rollback that is rolled back is stable. An autoscaler's number survives.
"""

from __future__ import annotations

import copy
import dataclasses
import os
import typing as t

from hypothesis import event, example, given, settings
from random_stacks import SETTINGS, Back, Deploy, Edit, Json, Scale, Step, Values, declared, lives, may_be
from stacks import stack
from swarm_facts import node

from ansible_collections.apiary.swarm.plugins.module_utils._diff import Tree
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan import (
    LiveState,
    PlanOptions,
    ServicePlan,
    plan_stack,
    to_tree,
)

IMAGE = "app:1@sha256:" + "1" * 64
#: So many in "make test"; TRUTH_CASES asks for more.
CASES = int(os.environ.get("TRUTH_CASES", "1000"))


@dataclasses.dataclass
class World:
    """A swarm of one service, as far as a plan can tell."""

    spec: Json | None = None
    released: list[Deploy] = dataclasses.field(default_factory=list)
    base: Tree | None = None

    def plan(self, wanted: Deploy) -> ServicePlan:
        entry = declared("shop", "web", IMAGE, wanted.replicas, wanted.values)
        found = [] if self.spec is None else [{"ID": "s1", "Version": {"Index": 1}, "Spec": copy.deepcopy(self.spec)}]
        live = LiveState(t.cast("list[Json]", found), [], [node("a", "manager")])
        base = {} if self.base is None else {"shop_web": self.base}
        return plan_stack(stack("shop", entry), live, base, PlanOptions()).services[0]

    def deploy(self, wanted: Deploy) -> ServicePlan:
        """Deploy and record; the engine keeps what it is sent."""
        plan = self.plan(wanted)
        self.spec = copy.deepcopy(plan.spec)
        self.base = to_tree(declared("shop", "web", IMAGE, wanted.replicas, wanted.values).spec)
        return plan

    def before(self) -> Values:
        return {key: setting.read(self.spec or {}) for key, setting in SETTINGS.items()}

    def replicas(self) -> int:
        return int((self.spec or {})["Mode"]["Replicated"]["Replicas"])


def live(steps: t.Sequence[Step]) -> World:
    """Live through the steps and check the contracts at each deploy."""
    world = World()
    last: Deploy | None = None
    for step in steps:
        if isinstance(step, Edit):
            assert world.spec is not None
            setting = SETTINGS[step.key]
            setting.drop(world.spec) if step.value is None else setting.put(world.spec, copy.deepcopy(step.value))
        elif isinstance(step, Scale):
            assert world.spec is not None
            world.spec["Mode"]["Replicated"]["Replicas"] = step.replicas
        else:
            wanted = step if isinstance(step, Deploy) else world.released[-min(step.steps, len(world.released))]
            _check_deploy(world, wanted, last)
            world.released.append(wanted)
            last = wanted
    return world


def _check_deploy(world: World, wanted: Deploy, last: Deploy | None) -> None:
    before = world.before()
    scaled = None if last is None else world.replicas()
    plan = world.deploy(wanted)
    after = world.before()
    for key in SETTINGS:
        allowed = may_be(key, before.get(key), wanted.values, last.values if last else None)
        assert after[key] in allowed, f"{key} is {after[key]!r}, not {allowed}"
    if last is not None and wanted.replicas == last.replicas:
        assert world.replicas() == scaled, "the number of an autoscaler did not survive"
    else:
        assert world.replicas() == wanted.replicas
    again = world.plan(wanted)
    assert again.action == "none", f"a second time changes {[change.path for change in again.changes]}"
    assert (plan.action == "none") == (not plan.changes)
    event(plan.action)


@settings(max_examples=CASES)
@given(lives())
@example([Deploy({}, 1), Edit("update order", "start-first"), Deploy({"update order": "stop-first"}, 1)])
@example([Deploy({"read only": True}, 1), Deploy({"read only": False}, 1), Back(1)])
def test_the_contracts_hold_in_any_life(steps: list[Step]) -> None:
    live(steps)


@settings(max_examples=max(100, CASES // 10))
@given(lives(1, 4))
def test_a_rollback_of_a_rollback_is_stable(steps: list[Step]) -> None:
    """There and back again ends where it began, as often as one likes, but for what others edited meanwhile."""
    world = live([step for step in steps if not isinstance(step, Edit | Scale)])
    here, there = world.released[-1], world.released[0]
    ends = []
    for _turn in range(2):
        world.deploy(there)
        world.deploy(here)
        ends.append(to_tree(copy.deepcopy(world.spec or {})))
    assert ends[0] == ends[1]
