# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""A deploy from end to end: read, pin, plan, lock, write, wait, record; all of it or nothing of it."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import time
import typing as t

from ..._errors import DeployFailed, LockHeld, PlanRefused, SwarmError
from ..engine import Engine
from ..live import read_live, read_tasks
from ..model import LABEL_NAMESPACE, StackModel
from ..plan import Json, LiveState, PlanOptions, ServicePlan, StackPlan, order, plan_stack
from ..plan.back import spare_jobs
from ..plan.migrations import plan_migrations
from ..registry import digest
from ..registry.auth import header_for, renew_along
from ..watch import report
from ..watch.memory import Look, Watch
from ..watch.terms import Verdict
from ..watch.wait import Listener, Waiting, wait
from . import jobs, lock, releases
from .apply import Applier, remove_object
from .way_back import WayBack

_TAKEN_OVER = (
    "Stack {0.stack}: another deploy took over from release {0.number} while it ran, and decides what runs now; "
    "nothing was set back."
)
#: A rollback gets at least this many seconds, however late it begins.
ROLLBACK_TIME = 120.0


@dataclasses.dataclass(frozen=True)
class Options:
    """How to deploy.

    Attributes:
        wait_timeout: seconds.
        progress_timeout: seconds without progress, None for no limit.
        logins: C(registry), C(username) and C(password) of registries.
        force: deploy what is known to fail, past blockers, and take the lock from a living deploy.
        exact: the model's images stand as they are: it comes from a release.
        restores: number of that release.
    """

    wait: bool = True
    wait_timeout: float = 600
    progress_timeout: float | None = None
    resolve_image: bool = True
    prune: bool = True
    purge: bool = False
    allow_recreate: bool = False
    force: bool = False
    keep_releases: int = 10
    deployed_by: str = ""
    git_revision: str = ""
    logins: t.Sequence[t.Mapping[str, str]] = ()
    exact: bool = False
    restores: int = 0


@dataclasses.dataclass
class Result:
    """What a deploy did, or would do."""

    plan: StackPlan
    changed: bool
    verdicts: dict[str, Verdict] = dataclasses.field(default_factory=dict)
    release: releases.Release | None = None
    migrations: list[Json] = dataclasses.field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        """What the plan and the outcome have to say besides."""
        return [*self.plan.warnings, *(text for verdict in self.verdicts.values() for text in verdict.warnings)]

    def services(self) -> list[Json]:
        """Return the state of each service for the user."""
        return [
            {
                "name": item.name,
                "action": item.action,
                "image": item.image_after,
                **_numbers(self.verdicts.get(item.name)),
            }
            for item in self.plan.services
        ]


def _numbers(verdict: Verdict | None) -> Json:
    if verdict is None:
        return {"state": "unknown", "running": None, "completed": None, "wanted": None}
    return {
        "state": verdict.state,
        "running": verdict.running,
        "completed": verdict.completed,
        "wanted": verdict.wanted,
    }


class Deploy:
    """One deploy of one stack.

    Args:
        listener: told about each change of a service's verdict while waiting.
    """

    def __init__(self, engine: Engine, model: StackModel, options: Options, listener: Listener | None = None) -> None:
        self._engine = engine
        self._model = model
        self._options = options
        self._listener = listener
        self._deadline = time.monotonic() + options.wait_timeout
        self._begin = time.monotonic()
        self._migrated: list[Json] = []

    def run(self, check_mode: bool = False) -> Result:
        """Deploy, or only say what a deploy would do.

        Raises:
            PlanRefused: the plan cannot work, or is known to fail.
            ImageUnresolved: an image has no digest to pin.
            LockHeld: another deploy is under way.
            DeployFailed: services did not converge; the stack is back where it was unless the message says otherwise.
        """
        with concurrent.futures.ThreadPoolExecutor(1) as registries:
            pinned = registries.submit(self._resolved)  # their answers take as long as all that the engine is asked for
            history = lock.read(self._engine, self._model.name)
            live = read_live(self._engine, self._model.name, self._model)
            self._model = self._pinned(pinned.result(), live)
        plan = self._plan(live, history)
        self._refuse(plan)
        idle = not plan.changed and not releases.is_unfinished(history)
        if check_mode:
            self._refuse_held(plan, [] if idle else history, live)
            return Result(plan, plan.changed)
        try:
            if idle:
                return self._stand_still(plan, live, history)
            return self._carry_out(plan, live, history, self._open(plan, live, history))
        except DeployFailed as failure:
            failure.warnings = plan.warnings
            raise

    # -- before anything is written ------------------------------------------------------------------------------
    def _resolved(self) -> dict[str, digest.Resolved]:
        """Return image → digest for every image that is to be pinned."""
        if self._options.exact or not self._options.resolve_image:
            return {}
        images = (_image(entry.spec) for entry in self._model.services.values())
        return digest.resolve(self._engine, images, self._auth_of)

    def _pinned(self, found: t.Mapping[str, digest.Resolved], live: LiveState) -> StackModel:
        """Return the model with every image pinned to its digest."""
        specs = {service["Spec"]["Name"]: service["Spec"] for service in live.services}
        pinned = {
            key: dataclasses.replace(
                entry, spec=digest.pin(entry.spec, found[_image(entry.spec)], specs.get(entry.full_name))
            )
            for key, entry in self._model.services.items()
            if found
        }
        return dataclasses.replace(self._model, services=pinned) if pinned else self._model

    def _auth_of(self, image: str) -> str:
        return header_for(self._options.logins, image)

    def _why_not(self, image: str) -> str:
        return digest.why_not(self._engine, image, self._auth_of(image))

    def _plan(self, live: LiveState, history: t.Sequence[releases.Release]) -> StackPlan:
        options = PlanOptions(self._options.prune, self._options.purge, self._options.allow_recreate)
        networks = releases.base_networks(history)
        plan = plan_stack(self._model, live, releases.base_trees(history), options, networks)
        if self._options.exact:  # going back runs no job, and no migration again
            spare_jobs(plan)
        else:
            plan.migrations = plan_migrations(self._model, plan)
        if plan.changed:
            plan.blockers += [
                f"service {name} failed with the very same image and settings in release {release.number} "
                f"({release.reason or 'no reason recorded'}); change something, or use force: true"
                for name, release in releases.known_bad(history, self._model)
            ]
            plan.blockers += [
                f"release {release.number} was recorded by a newer version of this collection, and this one cannot "
                "read what it declared; deploy with that version, or use force: true, which removes what the file "
                "does not declare"
                for release in releases.unreadable(history)
            ]
        return plan

    def _refuse(self, plan: StackPlan) -> None:
        reasons = plan.errors + ([] if self._options.force else plan.blockers)
        if reasons:
            raise PlanRefused(f"Nothing was deployed: {'; '.join(reasons)}.", plan)

    def _refuse_held(self, plan: StackPlan, history: t.Sequence[releases.Release], live: LiveState) -> None:
        """Refuse what another deploy would make fail, without a write."""
        for release in history:
            if release.is_open and not self._options.force:
                try:
                    lock.refuse_held(release, lock.holder(release, live.nodes))
                except LockHeld as held:
                    held.plan = plan
                    raise

    def _stand_still(self, plan: StackPlan, live: LiveState, history: t.Sequence[releases.Release]) -> Result:
        """Nothing is to be written: say whether what is there really runs."""
        self._renew_logins(plan)
        if not self._options.wait:
            return Result(plan, False, release=releases.last_good(history))
        applier = Applier(self._engine, live, self._auth_of)
        watch = Watch(self._engine, live.networks)
        own = {item.live["ID"] for item in plan.services if item.live}
        tasks = [task for task in live.tasks if task.get("ServiceID") in own]
        first = Look(live.services, tasks, live.nodes, complete=False)
        expected = [applier.expected(item) for item in plan.services]
        verdicts = wait(watch, expected, self._waiting(), first)
        failures = report.collect(self._engine, verdicts, live.nodes, self._why_not)
        if failures:
            now = f"Stack {plan.stack}: nothing was to be changed, but what is deployed does not run."
            raise DeployFailed(report.text(failures, now), failures)
        return Result(plan, False, verdicts, releases.last_good(history))

    def _open(self, plan: StackPlan, live: LiveState, history: t.Sequence[releases.Release]) -> releases.Release:
        """Take the lock for as long as this deploy may last."""
        options = self._options
        limit = options.wait_timeout + sum(migration.timeout for migration in self._model.migrate)
        node = str((self._engine.info().get("Swarm") or {}).get("NodeID", ""))
        try:
            return lock.take(
                self._engine, history, self._model, live.nodes, limit, options.deployed_by, options.git_revision,
                options.force, node, options.restores,
            )  # fmt: skip
        except LockHeld as held:
            held.plan = plan
            raise

    # -- writing -------------------------------------------------------------------------------------------------
    def _carry_out(
        self, plan: StackPlan, live: LiveState, history: t.Sequence[releases.Release], release: releases.Release
    ) -> Result:
        applier = Applier(self._engine, live, self._auth_of)
        failures: list[Json] = []
        problem = ""
        verdicts: dict[str, Verdict] = {}
        try:
            verdicts = self._write(plan, live, applier, release)
            failures = report.collect(self._engine, verdicts, live.nodes, self._why_not)
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
        if self._is_taken_over(release):
            now = _TAKEN_OVER.format(release)
            raise DeployFailed(f"{now}\n{problem}" if problem else report.text(failures, now), failures, changed=True)
        release.bad = self._to_blame(verdicts)
        release.reason = problem or "; ".join(f"{item['service']}: {item['reason']}" for item in failures)
        now = self._go_back(applier, history, release)
        message = f"{now}\n{problem}" if problem else report.text(failures, now)
        raise DeployFailed(message, failures, changed=True)

    def _is_taken_over(self, release: releases.Release) -> bool:
        try:
            return not lock.is_held(self._engine, release)
        except SwarmError:
            return False  # an engine that is gone says nothing of the sort

    def _require_lock(self, release: releases.Release) -> None:
        """Ask for the lock before the first write of each part: who has lost it may not write any more.

        Raises:
            LockHeld: another deploy has taken over.
        """
        if not lock.is_held(self._engine, release):
            raise LockHeld("another deploy took over before all services were changed")

    def _write(
        self, plan: StackPlan, live: LiveState, applier: Applier, release: releases.Release
    ) -> dict[str, Verdict]:
        """Write the plan wave by wave and return the verdicts; an empty dict when nobody waits.

        Raises:
            LockHeld: another deploy took over meanwhile.
        """
        there = [item.live["ID"] for item in plan.services if item.live] if self._options.wait else []
        before = read_tasks(self._engine, there)
        watch = Watch(self._engine, live.networks, before)
        self._require_lock(release)
        applier.create_objects(plan.objects)
        self._migrate(plan, live, applier, release)
        self._deadline = time.monotonic() + self._options.wait_timeout  # migrations have times of their own
        writing, written = order(plan.services), list[ServicePlan]()
        verdicts: dict[str, Verdict] = {}
        for index, current in enumerate(writing.waves):
            self._require_lock(release)
            for item in current:
                applier.apply(item)
            written += [item for item in current if item.action != "remove"]
            last = index == len(writing.waves) - 1
            if self._options.wait and (last or any(item.action != "none" for item in current)):
                verdicts = self._wait(applier, written, watch)
                if any(verdict.state == "failed" for verdict in verdicts.values()):
                    return verdicts
        self._require_lock(release)
        for item in writing.last:
            applier.apply(item)
        return verdicts

    def _migrate(self, plan: StackPlan, live: LiveState, applier: Applier, release: releases.Release) -> None:
        """Run the migrations of services whose tasks are about to change, before any of them does.

        Raises:
            DeployFailed: a migration failed; no service was touched.
            LockHeld: another deploy took over meanwhile.
        """
        for item in plan.migrations:
            self._require_lock(release)
            name = jobs.name_for(item.service.name, f"-migrate-{item.index}")
            spec = jobs.job_spec(applier.with_ids(item.service.spec), name, item.migration.command)
            live.networks = self._engine.networks()  # the stack's own may be new
            auth = self._auth_of(item.service.image_after)
            begin = time.monotonic()
            done = jobs.run(self._engine, spec, live, item.migration.timeout, auth, listener=self._listener)
            if not done.succeeded:
                failures = [done.failure] if done.failure else []
                text = f"the migration of service {item.service.name} failed: {done.reason}; no service was changed"
                raise DeployFailed(report.text(failures, text), failures)
            self._migrated.append(report.of_migration(item, done.logs, done.node, time.monotonic() - begin))

    def _wait(self, applier: Applier, group: t.Sequence[ServicePlan], watch: Watch) -> dict[str, Verdict]:
        expected = [applier.expected(item) for item in group]
        return wait(watch, expected, self._waiting())

    def _renew_logins(self, plan: StackPlan) -> None:
        stay = [item.name for item in plan.services if item.action == "none"]
        plan.warnings += renew_along(self._engine, self._options.logins, stay)

    def _waiting(self) -> Waiting:
        """Return how long may still be waited."""
        left = max(1.0, self._deadline - time.monotonic())
        return Waiting(left, self._options.progress_timeout, self._listener)

    def _to_blame(self, verdicts: t.Mapping[str, Verdict]) -> dict[str, str]:
        """Return the services whose own tasks failed; a full swarm or a dead registry is not a version's fault."""
        identities = {entry.full_name: releases.task_identity(entry.spec) for entry in self._model.services.values()}
        return {
            name: identities[name]
            for name, verdict in verdicts.items()
            if verdict.state == "failed"
            and name in identities
            and any(problem.ended_itself for problem in verdict.problems)
        }

    # -- the way back --------------------------------------------------------------------------------------------
    def _go_back(self, applier: Applier, history: t.Sequence[releases.Release], release: releases.Release) -> str:
        """Undo what was written, record it, and return one sentence on the state that the stack is in now."""
        waiting = Waiting(max(ROLLBACK_TIME, self._waiting().timeout), listener=self._listener)
        back = WayBack(applier, history, release, waiting if self._options.wait else None).go()
        release.rolled_back_to = back.to
        try:
            self._close(release, back.outcome, release.reason)
        except SwarmError:  # an engine that is gone cannot note it either
            return f"{back.now} Release {release.number} stays open: the next deploy sees that, and starts from there."
        return back.now

    # -- afterwards ----------------------------------------------------------------------------------------------
    def _close(self, release: releases.Release, outcome: releases.Outcome, reason: str = "") -> None:
        release.outcome, release.reason = outcome, reason
        release.duration = time.monotonic() - self._begin
        lock.finish(self._engine, release)

    def _record(self, plan: StackPlan, history: t.Sequence[releases.Release], release: releases.Release) -> None:
        """Note that the stack runs, and forget what is not needed any more. What runs is true without it too.

        Raises:
            DeployFailed: another deploy took over in the last moment.
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
            self._clean(plan, history, release)
        except SwarmError as exc:
            plan.warnings.append(f"old releases could not be removed ({exc.message}): the next deploy tries again")

    def _clean(self, plan: StackPlan, history: t.Sequence[releases.Release], release: releases.Release) -> None:
        """Forget old releases, then the configs and secrets of the stack that nothing refers to any more."""
        drop = releases.to_drop([*history, release], self._options.keep_releases)
        dropped = {item.number for item in drop}
        for item in drop:
            self._engine.remove_config(item.config_id)
        kept = [item for item in [*history, release] if item.number not in dropped]
        if not all(item.readable for item in kept):
            return  # what those refer to is not known
        configs, secrets = releases.referenced(kept)
        label = {"label": [f"{LABEL_NAMESPACE}={plan.stack}"]}
        for kind, items, wanted in (
            ("config", self._engine.configs(label), configs),
            ("secret", self._engine.secrets(label), secrets),
        ):
            for thing in items:
                if thing["Spec"]["Name"] not in wanted:
                    remove_object(self._engine, kind, thing["ID"])


def _image(spec: Json) -> str:
    return str(spec["TaskTemplate"]["ContainerSpec"]["Image"])
