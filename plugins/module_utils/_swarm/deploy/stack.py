# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deploy from end to end: read, pin, plan, lock, write, wait, record; all of it or nothing of it.

M(.terms) decides what is done, M(..plan.steps) in which order; here it is only carried out.
"""

from __future__ import annotations

import concurrent.futures
import functools
import time
import typing as t

from ..._errors import DeployFailed, LockHeld, SwarmError
from ..engine import Engine
from ..live import read_live, read_tasks
from ..model import StackModel
from ..plan import Json, LiveState, StackPlan
from ..plan.migrations import MigrationPlan
from ..plan.steps import Converge, Migrate, Write, steps
from ..plan.tree import image_of
from ..registry import digest
from ..registry.auth import header_for, renew_along
from ..watch import report
from ..watch.memory import Look, Watch
from ..watch.terms import Verdict
from ..watch.wait import Listener, Waiting, wait
from . import jobs, lock, releases
from .apply import Applier
from .removal import forget
from .terms import Options, Result, plan_deploy
from .way_back import WayBack

__all__ = ["Deploy", "Options", "Result"]

_TAKEN_OVER = (
    "Stack {0.stack}: another deploy took over from release {0.number} while it ran, and decides what runs now; "
    "nothing was set back."
)
#: A rollback gets at least this many seconds, however late it begins.
ROLLBACK_TIME = 120.0


class Deploy:
    """One deploy of one stack.

    :param listener: told about each change of a service's verdict while waiting.
    """

    def __init__(self, engine: Engine, model: StackModel, options: Options, listener: Listener | None = None) -> None:
        self._engine = engine
        self._model = model
        self._options = options
        self._listener = listener
        self._begin = time.monotonic()
        self._deadline = self._begin + options.wait_timeout
        self._auth_of = functools.partial(header_for, options.logins)
        self._migrated: list[Json] = []

    def run(self, check_mode: bool = False) -> Result:
        """Deploy, or only say what a deploy would do.

        :raises PlanRefused: the plan cannot work, or is known to fail.
        :raises ImageUnresolved: an image has no digest to pin.
        :raises LockHeld: another deploy is under way.
        :raises DeployFailed: services did not converge; the stack is back where it was unless the message says
            otherwise.
        """
        pins = self._options.resolve_image and not self._options.exact
        images = [image_of(entry.spec) for entry in self._model.services.values() if pins]
        with concurrent.futures.ThreadPoolExecutor(1) as registries:
            # Their answers take as long as all that the engine is asked for.
            found = registries.submit(digest.resolve, self._engine, images, self._auth_of)
            history = lock.read(self._engine, self._model.name)
            live = read_live(self._engine, self._model.name, self._model)
            self._model = digest.pin_stack(self._model, found.result(), live.services)
        plan = plan_deploy(self._model, live, history, self._options, lambda plans: jobs.rested(self._engine, plans))
        idle = not plan.changed and not releases.is_unfinished(history)
        try:
            if check_mode:
                if not idle and not self._options.force:
                    lock.refuse_held(history, live.nodes)
                return Result(plan, plan.changed)
            return self._stand_still(plan, live, history) if idle else self._carry_out(plan, live, history)
        except LockHeld as exc:
            exc.plan = plan
            raise
        except DeployFailed as exc:
            exc.warnings = plan.warnings
            raise

    def _stand_still(self, plan: StackPlan, live: LiveState, history: t.Sequence[releases.Release]) -> Result:
        """Nothing is to be written: say whether what is there really runs."""
        self._renew_logins(plan)
        if not self._options.wait:
            return Result(plan, False, release=releases.last_good(history))
        applier = Applier(self._engine, live, self._auth_of)
        own = {item.live["ID"] for item in plan.services if item.live}
        tasks = [task for task in live.tasks if task.get("ServiceID") in own]
        first = Look(live.services, tasks, live.nodes, complete=False)
        expected = [applier.expected(item) for item in plan.services]
        verdicts = wait(Watch(self._engine, live.networks), expected, self._waiting(), first)
        failures = self._failures(verdicts, live)
        if failures:
            now = f"Stack {plan.stack}: nothing was to be changed, but what is deployed does not run."
            raise DeployFailed(report.text(failures, now), failures)
        return Result(plan, False, verdicts, releases.last_good(history))

    def _carry_out(self, plan: StackPlan, live: LiveState, history: t.Sequence[releases.Release]) -> Result:
        """Take the lock, and either all steps or the way back."""
        options = self._options
        limit = options.wait_timeout + sum(migration.timeout for migration in self._model.migrate)
        node = str((self._engine.info().get("Swarm") or {}).get("NodeID", ""))
        release = lock.take(
            self._engine, history, self._model, live.nodes, limit, options.deployed_by, options.git_revision,
            options.force, node, options.restores,
        )  # fmt: skip
        applier = Applier(self._engine, live, self._auth_of)
        verdicts: dict[str, Verdict] = {}
        failures: list[Json] = []
        problem = ""
        try:
            verdicts = self._take_steps(plan, applier, release)
            failures = self._failures(verdicts, live)
        except DeployFailed as exc:
            problem, failures = exc.message, exc.failures
        except SwarmError as exc:
            problem = exc.message
        except BaseException:
            self._close(release, "broken", "it was interrupted")
            raise
        if not failures and not problem:
            self._record(plan, history, release)
            self._renew_logins(plan)
            return Result(plan, True, verdicts, release, self._migrated)
        release.bad = releases.to_blame(self._model, verdicts)
        release.reason = problem or "; ".join(f"{item['service']}: {item['reason']}" for item in failures)
        now = self._go_back(applier, history, release)
        raise DeployFailed(f"{now}\n{problem}" if problem else report.text(failures, now), failures, changed=True)

    def _take_steps(self, plan: StackPlan, applier: Applier, release: releases.Release) -> dict[str, Verdict]:
        """Take the steps of a plan until a service fails, and return the verdicts; an empty dict when nobody waits.

        :raises DeployFailed: a migration failed; no service was touched.
        :raises LockHeld: another deploy took over meanwhile.
        """
        there = [item.live["ID"] for item in plan.services if item.live] if self._options.wait else []
        watch = Watch(self._engine, applier.live.networks, read_tasks(self._engine, there))
        verdicts: dict[str, Verdict] = {}
        for step in steps(plan, self._options.wait):
            if isinstance(step, Converge):
                verdicts = wait(watch, [applier.expected(item) for item in step.services], self._waiting())
                if any(verdict.state == "failed" for verdict in verdicts.values()):
                    break
                continue
            lock.require(self._engine, release)
            if isinstance(step, Migrate):
                self._migrate(step.plan, applier.live)
            else:
                applier.take(step)
            if not isinstance(step, Write):  # what is made and what migrates takes nothing of the services' time
                self._deadline = time.monotonic() + self._options.wait_timeout
        return verdicts

    def _migrate(self, item: MigrationPlan, live: LiveState) -> None:
        """Run a migration.

        :raises DeployFailed: it failed; no service was touched.
        """
        name = jobs.name_for(item.service.name, f"-migrate-{item.index}")
        spec = jobs.job_spec(item.service.spec, name, item.migration.command)
        live.networks = self._engine.networks()  # the stack's own may be new
        auth = self._auth_of(item.service.image_after)
        begin = time.monotonic()
        done = jobs.run(self._engine, spec, live, item.migration.timeout, auth, listener=self._listener)
        if not done.succeeded:
            failures = [done.failure] if done.failure else []
            text = f"the migration of service {item.service.name} failed: {done.reason}; no service was changed"
            raise DeployFailed(report.text(failures, text), failures)
        self._migrated.append(report.of_migration(item, done.logs, done.node, time.monotonic() - begin))

    def _waiting(self) -> Waiting:
        """Return how long may still be waited."""
        left = max(1.0, self._deadline - time.monotonic())
        return Waiting(left, self._options.progress_timeout, self._listener)

    def _failures(self, verdicts: t.Mapping[str, Verdict], live: LiveState) -> list[Json]:
        """Return what a report says of the services that failed."""

        def why_not(image: str) -> str:
            return digest.why_not(self._engine, image, self._auth_of(image))

        return report.collect(self._engine, verdicts, live.nodes, why_not)

    def _renew_logins(self, plan: StackPlan) -> None:
        stay = [item.name for item in plan.services if item.action == "none"]
        plan.warnings += renew_along(self._engine, self._options.logins, stay)

    # -- the end -------------------------------------------------------------------------------------------------
    def _go_back(self, applier: Applier, history: t.Sequence[releases.Release], release: releases.Release) -> str:
        """Undo what was written, record it, and return one sentence on the state that the stack is in now."""
        try:
            lock.require(self._engine, release)
        except LockHeld:
            return _TAKEN_OVER.format(release)
        except SwarmError:
            pass  # an engine that is gone says nothing of the sort
        waiting = Waiting(max(ROLLBACK_TIME, self._waiting().timeout), listener=self._listener)
        back = WayBack(applier, history, release, waiting if self._options.wait else None).go()
        release.rolled_back_to = back.to
        try:
            self._close(release, back.outcome, release.reason)
        except SwarmError:  # an engine that is gone cannot note it either
            return f"{back.now} Release {release.number} stays open: the next deploy sees that, and starts from there."
        return back.now

    def _close(self, release: releases.Release, outcome: releases.Outcome, reason: str = "") -> None:
        release.outcome, release.reason = outcome, reason
        release.duration = time.monotonic() - self._begin
        lock.finish(self._engine, release)

    def _record(self, plan: StackPlan, history: t.Sequence[releases.Release], release: releases.Release) -> None:
        """Note that the stack runs, and forget what is not needed any more. What runs is true without it too.

        :raises DeployFailed: another deploy took over in the last moment.
        """
        try:
            self._close(release, "converged" if self._options.wait else "accepted")
        except LockHeld:
            raise DeployFailed(_TAKEN_OVER.format(release), [], changed=True) from None
        except SwarmError as exc:
            plan.warnings.append(
                f"release {release.number} could not be recorded as {release.outcome} ({exc.message}): the next deploy "
                "takes it for an interrupted one and finishes it"
            )
            return
        try:
            forget(self._engine, [*history, release], self._options.keep_releases)
        except SwarmError as exc:
            plan.warnings.append(f"old releases could not be removed ({exc.message}): the next deploy tries again")
