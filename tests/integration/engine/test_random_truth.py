# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contracts of deploys on a real engine, on lives of services made at random.

As in the unit test of this name, and what only an engine can show: the check says what the run does, the engine's own
reading of a spec changes nothing the second time, and a rollback by number brings everything declared back.
"""

from __future__ import annotations

import itertools
import os
import typing as t

from hypothesis import HealthCheck, Phase, given, settings
from random_stacks import SETTINGS, Deploy, Edit, Json, Scale, Step, Values, declared, lives, may_be
from stacks import stack
from workbench import Outcome, Swarm

#: So many lives, of up to six steps each.
CASES = int(os.environ.get("TRUTH_CASES", "3"))
_NUMBERS = itertools.count(1)


class Life:
    """One service of a stack of its own, on a real swarm."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self._name = f"life{next(_NUMBERS)}"
        self._released: list[tuple[int, Deploy]] = []

    def run(self, steps: t.Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Edit):
                self._edit(step)
            elif isinstance(step, Scale):
                self._swarm.update(self._service, lambda spec, step=step: self._scale(spec, step.replicas))  # type: ignore[misc]
            elif isinstance(step, Deploy):
                self._check(step, lambda step=step, **args: self._deploy(step, **args))
            else:
                number, was = self._released[-min(step.steps, len(self._released))]
                back = {"state": "rolled_back", "release": number}
                self._check(was, lambda back=back, **args: self._module(**back, **args))

    def close(self) -> None:
        self._module(state="absent")

    @property
    def _service(self) -> str:
        return f"{self._name}_web"

    def _module(self, check: bool = False, **args: t.Any) -> Outcome:
        return self._swarm.module("stack", check=check, diff=True, name=self._name, wait=False, **args)

    def _deploy(self, wanted: Deploy, check: bool = False) -> Outcome:
        model = stack(self._name, self._entry(wanted))
        return self._swarm.stack(model, check=check, diff=True, wait=False)

    def _entry(self, wanted: Deploy) -> t.Any:
        return declared(self._name, "web", self._swarm.images["v1"], wanted.replicas, wanted.values)

    def _edit(self, step: Edit) -> None:
        setting = SETTINGS[step.key]

        def change(spec: Json) -> None:
            setting.drop(spec) if step.value is None else setting.put(spec, step.value)

        self._swarm.update(self._service, change)

    @staticmethod
    def _scale(spec: Json, replicas: int) -> None:
        spec["Mode"]["Replicated"]["Replicas"] = replicas

    def _read(self) -> tuple[Values, int]:
        spec = self._swarm.spec(self._service)
        return {key: setting.read(spec) for key, setting in SETTINGS.items()}, spec["Mode"]["Replicated"]["Replicas"]

    @staticmethod
    def _said(out: Outcome) -> tuple[t.Any, ...]:
        """Return what a module said that it does; nobody waits here, so tasks come and go between two looks.

        How many it replaces and because of what (fields of theirs too) is therefore left out.
        """
        services = [{**item, "restarts": None, "because": None} for item in out.data["plan"]["services"]]
        return out.changed, services, out.data["plan"]["objects"], out.data["diff"]

    def _check(self, wanted: Deploy, deploy: t.Callable[..., Outcome]) -> None:
        last = self._released[-1][1] if self._released else None
        before, scaled = self._read() if last else ({}, 0)
        said, done = deploy(check=True), deploy()
        assert not done.failed, done.msg
        assert self._said(said) == self._said(done)
        after, replicas = self._read()
        for key in SETTINGS:
            allowed = may_be(key, before.get(key), wanted.values, last.values if last else None)
            assert after[key] in allowed, f"{key} is {after[key]!r}, not {allowed}"
        assert replicas == (scaled if last is not None and wanted.replicas == last.replicas else wanted.replicas)
        again = self._deploy(wanted)
        assert not again.failed and not again.changed, again.data.get("summary", again.msg)
        release = done.data["release"]["number"] if done.changed else self._released[-1][0]
        self._released.append((release, wanted))


def test_the_contracts_hold_in_any_life(swarm: Swarm) -> None:
    @settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(lives(2, 6))
    def any_life(steps: list[Step]) -> None:
        life = Life(swarm)
        try:
            life.run(steps)
        finally:
            life.close()

    any_life()
