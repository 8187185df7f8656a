# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The measurements of deploys on one engine.

Rivals that leave each other's services as they are run in turns on the same services: ours, the minimal module and the
command line, by itself and through docker_stack. The loop of docker_swarm_service has services of its own.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine_figures import Converged, Count, Figures
from engine_rivals import Rivals
from engine_site import STACK, Site
from measure import CACHE, Result, Run, side_by_side

from engine_recorder import Recorder  # isort: skip  # found by engine_site

SHARING = ("ours", "module", "minimal", "cli", "stack")
GROWING = ("ours", "minimal", "cli")
MONITOR = 5.0
"""Seconds that the engine watches a new task for by default."""


@dataclass(frozen=True)
class Plan:
    """What to measure.

    :ivar sizes: numbers of services for all works; growth: for nothing to change.
    :ivar rounds: runs of each rival.
    :ivar create_rounds: of creation, by number of services; *rounds* where it is not given.
    :ivar stack_rounds: of docker_stack, likewise; loop_rounds: of the loop.
    """

    sizes: Sequence[int]
    growth: Sequence[int]
    rounds: int
    create_rounds: dict[int, int]
    stack_rounds: dict[int, int]
    loop_rounds: dict[int, int]

    def fewer(self, size: int) -> dict[str, int]:
        """Return the rounds of rivals that have fewer."""
        return {"stack": self.stack_rounds.get(size, self.rounds)}


class Bench:
    """Measures on a site and keeps what it finds in *figures*."""

    def __init__(self, site: Site, plan: Plan) -> None:
        self.site = site
        self.plan = plan
        self.figures = Figures()
        self.rivals = Rivals(site)
        self._values = (f"value-{number}" for number in itertools.count())
        self._value = next(self._values)

    def run(self, save: Callable[[Figures], object]) -> None:
        """Measure everything; *save* is called with the figures so far after each part."""
        for dummy in self.grow():
            save(self.figures)
        self.site.clear()
        self.converge(min(self.plan.sizes))
        for size in self.plan.sizes:
            self.create(size)
            save(self.figures)
            self.loop(size)
            save(self.figures)

    # -- on services that all share ------------------------------------------------------------------------------
    def grow(self) -> Iterator[int]:
        """Measure runs without and with a change on more and more services; yields their number after each."""
        self.site.clear()
        sizes = sorted({*self.plan.sizes, *self.plan.growth})
        self._share(sizes[0])
        for size in sizes:
            say(f"{size} services: nothing to change")
            self.rivals.deploy("ours", size, self._value, wait=False)()
            self.site.settle(size)
            if size in self.plan.sizes:
                self._measure_size(size)
            else:
                self.figures.growth[size] = self._unchanged(size, GROWING)
            yield size

    def _share(self, size: int) -> None:
        """Check that whatever a rival deploys, ours finds nothing to change in it: they can share services."""
        self.rivals.deploy("ours", size, self._value, wait=False)()
        self.site.settle(size)
        for rival in SHARING[1:]:
            self.rivals.deploy(rival, size, self._value)()
            self.site.settle(size)
            again = self.rivals.deploy("ours", size, self._value)()
            if "changed=0" not in again.output:
                raise RuntimeError(f"{rival} left something to change:\n{again.output}")

    def _measure_size(self, size: int) -> None:
        self.figures.growth[size] = self.figures.times["unchanged", size] = self._unchanged(size, SHARING)
        self.figures.counts["unchanged", size] = {name: self._count(name, size) for name in SHARING}
        for name in ("module", "minimal", "stack"):
            self.figures.memory[name, size] = self._memory(name, size)
        say(f"{size} services: one value changed")
        self.figures.times["changed", size] = self._changed(size, SHARING, self.plan.rounds)
        self.figures.counts["changed", size] = {name: self._count(name, size, fresh=True) for name in SHARING}

    def _unchanged(self, size: int, names: Sequence[str]) -> dict[str, Result]:
        go = {name: self.rivals.deploy(name, size, self._value) for name in names}
        return side_by_side(go, self.plan.rounds, fewer=self.plan.fewer(size))

    def _changed(self, size: int, names: Sequence[str], rounds: int) -> dict[str, Result]:
        runs: dict[str, list[Run]] = {name: [] for name in names}
        for number in range(rounds):
            for name in names:
                if number >= self.plan.fewer(size).get(name, rounds):
                    continue
                self._value = next(self._values)
                go = self.rivals.deploy(name, size, self._value, **_at_once(name))
                self.site.settle(size)
                runs[name].append(self._until_done(go, f"{name}, {size} services"))
        self.site.settle(size)
        return {name: Result(name, tuple(found)) for name, found in runs.items()}

    def _until_done(self, go: Callable[[], Run], what: str) -> Run:
        """Run a rival; one that fails, as some do when the engine was at work on a service, runs twice more at most."""
        for dummy in range(2):
            try:
                return go()
            except RuntimeError:
                say(f"failed, so once more: {what}")
                self.figures.repeated.append(what)
        return go()

    def _count(self, name: str, size: int, fresh: bool = False) -> Count:
        """Run once through a proxy."""
        self._value = next(self._values) if fresh else self._value
        socket = CACHE / "p.sock"
        socket.unlink(missing_ok=True)
        recorder = Recorder(self.site.node.socket, socket)
        options = _at_once(name) if fresh else {}
        go = Rivals(self.site, recorder.host).deploy(name, size, self._value, **options)

        def counted() -> Run:
            recorder.requests.clear()
            return go()

        try:
            self._until_done(counted, f"{name}, {size} services, counted")
        finally:
            recorder.close()
            socket.unlink()
        self.site.settle(size)
        return Count.of(recorder.requests)

    def _memory(self, name: str, size: int) -> float:
        """Run once with an interpreter that notes the peak memory of the module's process; MiB."""
        note, python = CACHE / "peak.txt", CACHE / "measured-python"
        peak = Path(__file__).with_name("peak.py")
        note.unlink(missing_ok=True)
        python.write_text(f'#!/bin/sh\nexec {sys.executable} {peak} --to {note} {sys.executable} "$@"\n')
        python.chmod(0o755)
        self.rivals.deploy(name, size, self._value, interpreter=str(python))()
        return max(float(line) for line in note.read_text().split())

    # -- on services of their own --------------------------------------------------------------------------------
    def loop(self, size: int) -> None:
        """Measure the loop of docker_swarm_service; ours are paired with the runs before."""
        rounds = self.plan.loop_rounds.get(size, self.plan.rounds)
        say(f"{size} services: loop, {rounds} rounds")
        created = []
        for dummy in range(rounds):
            self.site.clear()
            self.site.client.create_network(f"{STACK}_net", driver="overlay")  # a task less for the loop
            created.append(self.rivals.deploy("loop", size, self._value)())
        self.figures.times.setdefault(("create", size), {})["loop"] = Result("loop", tuple(created))
        self.site.settle(size)
        unchanged = side_by_side({"loop": self.rivals.deploy("loop", size, self._value)}, rounds)
        self.figures.times["unchanged", size].update(unchanged)
        self.figures.times["changed", size].update(self._changed(size, ("loop",), rounds))
        if size == min(self.plan.sizes):
            self.figures.counts["unchanged", size]["loop"] = self._count("loop", size)
            self.figures.counts["changed", size]["loop"] = self._count("loop", size, fresh=True)
        self.site.clear()

    def create(self, size: int) -> None:
        """Measure creation until the engine has accepted everything."""
        say(f"{size} services: create")
        go = {name: self.rivals.deploy(name, size, self._value, **_at_once(name)) for name in SHARING}
        rounds = self.plan.create_rounds.get(size, self.plan.rounds)
        found = side_by_side(go, rounds, self.site.clear, self.plan.fewer(size))
        self.figures.times.setdefault(("create", size), {}).update(found)
        self.site.clear()

    def converge(self, size: int) -> None:
        """Measure how long after the last task's monitor time a deploy says that all has converged."""
        say(f"{size} services: create, converged")
        names = ("ours", "cli") if self.rivals.can_wait() else ("ours",)
        late: dict[str, list[float]] = {name: [] for name in names}
        for dummy in range(self.plan.rounds):
            for name in names:
                self.site.clear()
                command, env = self.rivals.command(name, size, self._value, wait=True)
                done = _said_changed(command, env)
                late[name].append(done - self.site.last_start() - MONITOR)
        self.figures.converged += [Converged(size, name, tuple(values)) for name, values in late.items()]
        self.site.clear()


def _at_once(name: str) -> dict[str, bool]:
    """Return the options with which a rival does not wait for what it has sent."""
    return {"wait": False} if name in ("ours", "module") else {}


def _said_changed(command: Sequence[str], env: dict[str, str]) -> float:
    """Return when a playbook's task was done, or a program ended, in seconds since 1970."""
    moment = 0.0
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("changed: "):
                moment = time.time()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed")
    return moment or time.time()


def say(text: str) -> None:
    """Tell what is being measured."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
