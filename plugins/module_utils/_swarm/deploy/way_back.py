# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of a deploy that failed: the services as they were, and nothing left of what it had made."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import typing as t

from ..._diff import diff
from ..._errors import EngineUnreachable, NoLeader, NotFound, PlanRefused, SwarmError
from .. import writes
from ..engine import Engine
from ..live import read_live, read_tasks
from ..model import label_filter
from ..plan import Json, LiveState, ObjectPlan, PlanOptions, ServicePlan, plan_stack, running, to_tree
from ..plan.back import spare_jobs
from ..plan.restarts import replaced_by
from ..plan.rewrite import is_job
from ..plan.steps import steps
from ..plan.tree import image_of, replicas
from ..registry.auth import header_after
from ..retry import until
from ..tasks import stays
from ..watch.memory import Watch
from ..watch.terms import Expected, Verdict
from ..watch.verdict import DEFAULT_MONITOR, age, moment
from ..watch.wait import Waiting, wait
from . import jobs, releases
from .apply import Applier, remove_object, with_replicas
from .labels import relabel

#: Seconds that the last tasks of a service may take to let go of its networks, configs and secrets.
_PATIENCE = 45.0
_LONG_AGO = datetime.datetime.min.replace(tzinfo=datetime.timezone.utc)


@dataclasses.dataclass(frozen=True)
class Back:
    """How the way back ended.

    :ivar now: one sentence on the state that the stack is in.
    :ivar outcome: of the release that failed.
    :ivar to: number of the release that runs again, 0 for none.
    """

    now: str
    outcome: releases.Outcome
    to: int = 0


@dataclasses.dataclass(frozen=True)
class WayBack:
    """The way back of one deploy.

    :param applier: did the writing that is undone.
    :param history: releases before the one that failed, oldest first.
    :param release: the one that failed.
    :param waiting: for services to run again, None when nobody does.
    """

    applier: Applier
    history: t.Sequence[releases.Release]
    release: releases.Release
    waiting: Waiting | None

    def go(self) -> Back:
        """Undo what was written, and say what state the stack is in now."""
        good = releases.last_good(self.history)
        unfinished = releases.is_unfinished(self.history)
        head = f"Stack {self.release.stack}: release {self.release.number} failed"
        try:
            if good is not None and good.readable and unfinished:
                expected, removed = self._restore(good), dict[str, str]()
            else:
                expected, removed = undo(self.applier, self._never_ran() if good is None and unfinished else ())
            verdicts = self._wait(expected, self.waiting) if self.waiting and expected else {}
            drop_created(self.applier, set(removed.values()), label_filter(self.release.stack))
            left = self._left(set(removed.values())) if good is None and not expected else []
        except (EngineUnreachable, NoLeader) as exc:
            return Back(
                f"{head}, and the swarm could not be asked before it was set back ({exc.message}): each service "
                f"is that of release {self.release.number} or that from before. Run it again: the next manager "
                "finishes it.",
                "broken",
            )
        except SwarmError as exc:
            why = f"could not be rolled back ({exc.message}): the stack is partly changed."
            return Back(f"{head} and it {why}", "broken")
        return _summary(head, good, verdicts, expected, removed, left)

    def _never_ran(self) -> set[str]:
        """Return the ids of services that only failed deploys made and that do not run: nothing to go back to.

        Both stamps of objects are the leader's. What runs is left alone, whoever made it: its deploy may have been
        killed just before it was recorded.
        """
        live, now = self.applier.live, datetime.datetime.now(datetime.timezone.utc)
        first = min((moment(item.config.get("CreatedAt")) or _LONG_AGO for item in self.history), default=_LONG_AGO)
        ours = {entry.full_name for item in self.history for entry in item.model.services.values()}
        runs = {
            task.get("ServiceID")
            for task in live.tasks
            if task["Status"]["State"] == "running" and age(task, now) >= DEFAULT_MONITOR
        }
        return {
            service["ID"]
            for service in live.services
            if service["Spec"]["Name"] in ours
            and service["ID"] not in runs
            and (moment(service.get("CreatedAt")) or _LONG_AGO) >= first > _LONG_AGO
        }

    def _left(self, removed: t.AbstractSet[str]) -> list[str]:
        """Return what there still is of a stack that never ran, once what nothing uses is gone."""
        engine, label = self.applier.engine, label_filter(self.release.stack)
        ours = {
            entry.name
            for item in self.history
            for entries in (item.model.networks, item.model.configs, item.model.secrets)
            for entry in entries.values()
            if not entry.external
        }
        left = [f"service {item['Spec']['Name']}" for item in engine.services(label)]
        if ours and removed:
            _wait_ended(engine, self.applier.live, removed, label)
        for kind, found in (("network", engine.networks), ("config", engine.configs), ("secret", engine.secrets)):
            for item in found(label):
                name = str(item["Name"] if kind == "network" else item["Spec"]["Name"])
                if left or name not in ours or not _drop(engine, kind, item.get("Id") or item["ID"]):
                    left.append(f"{kind} {name}")
        return left

    def _restore(self, good: releases.Release) -> list[Expected]:
        """Deploy the last good release: what was there before was itself the rest of a deploy that died half-way."""
        engine, base = self.applier.engine, releases.base_trees([*self.history, self.release])
        live = read_live(engine, good.stack, good.model)
        plan = plan_stack(good.model, live, base, PlanOptions(allow_recreate=True))
        applier = Applier(engine, live, self.applier.auth_of)
        plan.objects = [item for item in plan.objects if item.kind == "network"]
        for job in spare_jobs(plan, jobs.rested(engine, plan.services)):
            if job.live is not None and not jobs.has_run(engine, job.live):
                jobs.stop(engine, job.live["ID"])
        for step in steps(plan, waits=False):
            applier.take(step)
        return [applier.expected(item) for item in plan.services if item.action != "remove"]

    def _wait(self, expected: t.Sequence[Expected], waiting: Waiting) -> dict[str, Verdict]:
        engine = self.applier.engine
        watch = Watch(engine, self.applier.live.networks, read_tasks(engine, (item.service_id for item in expected)))
        return wait(watch, expected, waiting)


def _summary(
    head: str,
    good: releases.Release | None,
    verdicts: t.Mapping[str, Verdict],
    expected: t.Sequence[Expected],
    removed: t.Mapping[str, str],
    left: t.Sequence[str],
) -> Back:
    """Say how a way back ended that the engine has allowed (pure)."""
    to = good.number if good else 0
    was = f"release {to}" if good else "what was there before"
    stuck = [f"{name} ({verdict.reason})" for name, verdict in verdicts.items() if verdict.state != "converged"]
    if stuck:
        running = ", ".join(stuck)
        return Back(f"{head}; its services were set back to {was}, but these do not run: {running}.", "broken")
    if expected:
        return Back(f"{head} and was rolled back: {was} runs.", "failed", to)
    gone = f" and its services were removed ({', '.join(sorted(removed))})" if removed else ""
    if left:
        return Back(f"{head}{gone}. No release of it has ever run; what is there: {', '.join(left)}.", "failed")
    return Back(f"{head}{gone}: {was if good else 'nothing of it'} remains.", "failed", to)


def undo(applier: Applier, never_ran: t.Collection[str] = ()) -> tuple[list[Expected], dict[str, str]]:
    """Bring every service back to what it was; return what to wait for, and name → id of services removed.

    What is live decides, not what was answered: a write whose answer was lost may have been carried out. What hinders
    one service keeps none of the others from going back.

    :param never_ran: ids of services that have never run and are removed too.
    :raises EngineUnreachable: nobody answers any more; NoLeader: likewise.
    :raises PlanRefused: some of it could not be set back; the stack is then partly changed.
    """
    expected, removed, trouble = list[Expected](), dict[str, str](), list[str]()
    everything: list[ServicePlan | ObjectPlan] = [*reversed(applier.applied), *applier.relabelled]
    for undone in everything:
        try:
            if isinstance(undone, ObjectPlan):
                labels = ((undone.live or {}).get("Spec") or {}).get("Labels") or {}
                with contextlib.suppress(NotFound):
                    relabel(applier.engine, undone.kind, undone.object_id, labels)
            else:
                _undo(applier, undone, never_ran, expected, removed)
        except (EngineUnreachable, NoLeader):
            raise
        except SwarmError as exc:
            trouble.append(exc.message)
    if trouble:
        raise PlanRefused("; ".join(trouble))
    return expected, removed


def _undo(
    applier: Applier,
    plan: ServicePlan,
    never_ran: t.Collection[str],
    expected: list[Expected],
    removed: dict[str, str],
) -> None:
    """Bring one service back to what it was; add to I(expected) or I(removed)."""
    current = applier.engine.service(plan.name)
    same = current is not None and plan.live is not None and current["ID"] == plan.live["ID"]
    if current is not None and not same and not applier.has_made(plan, current):
        if plan.action == "create":
            return  # somebody else was faster, and nothing is ours
        raise PlanRefused(f"somebody else removed service {plan.name} meanwhile and made it anew, which was left alone")
    if plan.action == "create" or plan.before["ID"] in never_ran:
        if current is not None:
            jobs.remove(applier.engine, current)
            removed[plan.name] = str(current["ID"])
    elif is_job(plan.before["Spec"]) or plan.name in applier.rested:
        _rest(applier, plan, current)
    else:
        expected.append(_back(applier, plan, current))


def _back(applier: Applier, plan: ServicePlan, current: Json | None) -> Expected:
    """Restore one service to what it was before I(plan), and return what to wait for."""
    engine, before = applier.engine, plan.before
    auth = applier.auth_of(before["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])
    if current is not None and current["ID"] != before["ID"]:
        jobs.remove(engine, current)
        current = None
    names = applier.network_names()
    if current is None:
        made = writes.create_service(engine, before["Spec"], auth)
        return Expected(plan.name, made, to_tree(before["Spec"], names))
    tasks = running(read_tasks(engine, [current["ID"]]), current["ID"])
    specs, target = applier.specs, before["Spec"]

    def wanted(live: Json) -> Json | None:
        nonlocal target
        number = replicas(live["Spec"])
        # Another number than the deploy's own is somebody else's, and stays.
        target = before["Spec"] if number == replicas(plan.spec) else with_replicas(before["Spec"], number)
        return None if specs.equal(live["Spec"], target) else target

    # The login that the service had is in the engine's keeping as long as nobody else has written it.
    previous = not auth and specs.equal(current.get("PreviousSpec") or {}, before["Spec"], replicas=False)
    if not previous:
        auth = header_after(auth, image_of(before["Spec"]), image_of(current["Spec"]))
    writes.write_service(engine, current, wanted, auth, previous)
    was, tree = to_tree(current["Spec"], names), to_tree(target, names)
    replaced = replaced_by(diff(was, tree), tree, tasks, applier.live.nodes, names).tasks
    return Expected(plan.name, str(current["ID"]), tree, frozenset(task["ID"] for task in replaced))


def _rest(applier: Applier, plan: ServicePlan, current: Json | None) -> None:
    """Bring back a job, or what had ended, without running it: what it did stays done, and the older one might undo it.

    One whose new runs have all ended well stays as it is. Any other has the old spec again with no run wanted, so that
    the next deploy runs it.
    """
    engine, spec = applier.engine, jobs.idle(plan.before["Spec"])
    if current is not None and current["ID"] != plan.before["ID"]:
        jobs.remove(engine, current)
        current = None
    if current is None:
        writes.create_service(engine, spec, applier.auth_of(spec["TaskTemplate"]["ContainerSpec"]["Image"]))
    elif not jobs.has_run(engine, current):
        jobs.stop(engine, current["ID"], spec)


def drop_created(applier: Applier, removed: t.AbstractSet[str], tasks: t.Mapping[str, list[str]]) -> None:
    """Remove the objects that an applier made, as far as nothing uses them.

    :param removed: ids of the services that M(undo) removed.
    :param tasks: filter that finds the tasks of those services.
    """
    if applier.created and removed:
        _wait_ended(applier.engine, applier.live, removed, tasks)
    for plan in reversed(applier.created):
        found = plan.object_id or writes.find_object(applier.engine, plan.kind, plan.body)
        if found:
            _drop(applier.engine, plan.kind, found)


def _drop(engine: Engine, kind: str, object_id: str) -> bool:
    """Remove an object and wait until it is gone; False when something still uses it."""
    gone = remove_object(engine, kind, object_id, _PATIENCE)
    if gone and kind == "network":  # its last tasks hold it, and the next deploy would stumble over it
        until(lambda: engine.network(object_id) is None, _PATIENCE)
    return gone


def _wait_ended(engine: Engine, live: LiveState, removed: t.AbstractSet[str], tasks: t.Mapping[str, list[str]]) -> None:
    """Wait for the last tasks of the services that were removed.

    A task that its node prepares goes on when its service is removed, and makes its networks there anew.
    """
    down = {node["ID"] for node in live.nodes if node["Status"]["State"] == "down"}

    def have_ended() -> bool:
        own = (task for task in engine.tasks(tasks) if task.get("ServiceID") in removed)
        return all(stays(task) or task.get("NodeID") in down for task in own)

    until(have_ended, _PATIENCE)
