# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service on its own: start from what is live, set what is declared, wait until it runs."""

from __future__ import annotations

import copy
import dataclasses
import typing as t

from ... import _references as references
from ..._errors import DeployFailed, PlanRefused
from ..._words import seconds
from ..convert.from_options import apply_options
from ..engine import Engine
from ..live import read_swarm, read_tasks
from ..model import namespace_of
from ..plan import (
    PREDEFINED,
    Json,
    LiveState,
    ServicePlan,
    StackPlan,
    plan_create,
    plan_merged,
    plan_remove,
    to_tree,
)
from ..plan.merge import Merged
from ..plan.stack import PlanOptions, judge
from ..registry import digest
from ..registry.auth import Login, header_for, renew_along
from ..retry import until
from ..tasks import stays
from ..watch import report
from ..watch.memory import Watch
from ..watch.terms import Verdict
from ..watch.wait import Listener, Waiting, wait
from . import holders, jobs
from .apply import Applier


@dataclasses.dataclass(frozen=True)
class Options:
    """How to change the service.

    :ivar purge: what is not declared goes.
    :ivar force: past blockers.
    :ivar force_update: restart all tasks even if nothing changes.
    """

    wait: bool = True
    wait_timeout: float = 600
    progress_timeout: float | None = None
    resolve_image: bool = True
    purge: bool = False
    allow_recreate: bool = False
    force: bool = False
    force_update: bool = False
    logins: t.Sequence[Login] = ()


@dataclasses.dataclass
class Result:
    """What was, or would be, done."""

    plan: StackPlan
    verdict: Verdict | None = None
    desired: Json | None = None

    @property
    def service(self) -> ServicePlan | None:
        """The plan of the service, None when there is nothing to remove."""
        return self.plan.services[0] if self.plan.services else None


def change(
    engine: Engine,
    params: t.Mapping[str, t.Any],
    files: t.Sequence[t.Mapping[str, str]],
    options: Options,
    check_mode: bool = False,
    listener: Listener | None = None,
) -> Result:
    """Create or update a service as the module's options say.

    :param files: content of the environment files.
    :raises LockHeld: its stack is being deployed.
    :raises PlanRefused: it cannot work, or needs a permission that was not given.
    :raises ImageUnresolved: the image has no digest to pin.
    :raises DeployFailed: the service does not run what it should.
    """
    live = _read(engine, params)
    found = next((item for item in live.services if item["Spec"]["Name"] == params["name"]), None)
    if found is not None and not options.force:
        doing = f"Service {params['name']} was not changed"
        holders.refuse_deployed(engine, namespace_of(found["Spec"]), doing)
    desired = _desired(engine, found, live, params, files, options)
    if found is None:
        service = plan_create(desired)
    else:
        current = to_tree(found["Spec"], live.network_names())
        merged = Merged(to_tree(desired), [], [])
        service = plan_merged(desired, found, current, merged, live.tasks, live.nodes, live.network_names())
    plan = StackPlan(params["name"], [service], errors=_missing(desired, live))
    judge(plan, live, PlanOptions(allow_recreate=options.allow_recreate))
    plan.blockers += _failed_before(engine, found, desired)
    reasons = plan.errors + ([] if options.force else plan.blockers)
    if reasons:
        way_out = "" if plan.errors else " With force: true it is done all the same."
        raise PlanRefused(f"Nothing was changed: {'; '.join(reasons)}.{way_out}", plan)
    if check_mode:
        return Result(plan, desired=desired)
    try:
        return Result(plan, _carry_out(engine, service, live, options, listener), desired)
    except DeployFailed as exc:
        exc.warnings = plan.warnings
        raise


def remove(engine: Engine, name: str, timeout: float, check_mode: bool = False, force: bool = False) -> Result:
    """Remove a service and wait until its tasks are gone.

    :raises LockHeld: its stack is being deployed.
    :raises DeployFailed: they are still there after I(timeout) seconds.
    """
    found = engine.service(name)
    if found is None:
        return Result(StackPlan(name))
    if not force:
        holders.refuse_deployed(engine, namespace_of(found["Spec"]), f"Service {name} was not removed")
    tasks = engine.tasks({"service": [found["ID"]]})
    plan = StackPlan(name, [plan_remove(found, tasks)])
    if not check_mode:
        jobs.remove(engine, found)
        # Once the service is gone its tasks can only be asked for by their own ids.
        own = {"id": [task["ID"] for task in tasks]}
        if tasks and not until(lambda: all(stays(task) for task in engine.tasks(own)), timeout):
            raise DeployFailed(f"Service {name} was removed, but its tasks did not stop within {seconds(timeout)}.", [])
    return Result(plan)


def _read(engine: Engine, params: t.Mapping[str, t.Any]) -> LiveState:
    configs = [item["config_name"] for item in params["configs"] or ()]
    secrets = [item["secret_name"] for item in params["secrets"] or ()]
    return read_swarm(engine, {"name": configs} if configs else None, {"name": secrets} if secrets else None)


def _desired(
    engine: Engine,
    found: Json | None,
    live: LiveState,
    params: t.Mapping[str, t.Any],
    files: t.Sequence[t.Mapping[str, str]],
    options: Options,
) -> Json:
    before = _named(found["Spec"], live.network_names()) if found else {}
    force = (before.get("TaskTemplate") or {}).get("ForceUpdate", 0)
    desired = apply_options({} if options.purge else before, params, files)
    if options.purge and found is not None and params["replicas"] == -1 and not params["mode"]:
        desired["Mode"] = before["Mode"]
    if options.force_update and found is not None:
        force += 1
    if force:
        desired["TaskTemplate"]["ForceUpdate"] = force
    container = desired["TaskTemplate"]["ContainerSpec"]
    live_image = ((before.get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("Image", "")
    image = params["image"] or live_image
    if not image:
        raise PlanRefused(f"There is no service {params['name']} yet, so image must be given.")
    if params["image"] and options.resolve_image:
        found_image = digest.resolve(engine, [image], lambda name: header_for(options.logins, name))
        return digest.pin(desired, found_image[image], found["Spec"] if found else None)
    # Without a look at the registry a pinned image stays pinned as long as its name and tag are the same.
    wanted = references.completed(image)
    container["Image"] = live_image if references.tagged(live_image) == wanted else wanted
    return desired


def _failed_before(engine: Engine, found: Json | None, desired: Json) -> list[str]:
    """Return a reason not to send what the engine has just taken back: its tasks failed, and would once more.

    The engine forgets the spec that it rolled back from (swarmkit manager/orchestrator/update/updater.go,
    C(rollbackUpdate): C(PreviousSpec) becomes the present one, and is then emptied). What remembers it are the failed
    tasks, each with its own spec, as long as the history of their slot keeps them (C(task-history-limit), 5). Tasks of
    what stands now may have failed, too, and say nothing about a change.
    """
    if found is None or not (found.get("UpdateStatus") or {}).get("State", "").startswith("rollback"):
        return []
    wanted = _program_tree(desired["TaskTemplate"])
    if wanted == _program_tree(found["Spec"]["TaskTemplate"]):
        return []
    for task in engine.tasks({"service": [found["ID"]]}):
        ended = task.get("Status", {}).get("State") in ("failed", "rejected")
        if ended and _program_tree(task["Spec"]) == wanted:
            image = references.without_digest(desired["TaskTemplate"]["ContainerSpec"]["Image"])
            return [f"service {desired['Name']}: the same change to {image} failed, and the engine took it back"]
    return []


def _program_tree(task: Json) -> t.Any:
    """Return the canonical form of what runs in a container, and of what it may use."""
    kept = {key: task.get(key) or {} for key in ("ContainerSpec", "Resources")}
    template = to_tree({"Name": "", "Mode": {}, "TaskTemplate": kept}, {})["TaskTemplate"]
    return {key: template.get(key) for key in kept}


def _named(spec: Json, names: t.Mapping[str, str]) -> Json:
    """Return a copy of a live ServiceSpec with names of networks in place of ids."""
    spec = copy.deepcopy(spec)
    for holder in (spec, spec["TaskTemplate"]):
        for item in holder.get("Networks") or []:
            item["Target"] = names.get(item["Target"], item["Target"])
    return spec


def _missing(desired: Json, live: LiveState) -> list[str]:
    """Return what the service refers to and the swarm does not have."""
    task = desired["TaskTemplate"]
    networks = set(live.network_names().values()) | set(live.network_names()) | PREDEFINED
    wanted = [("network", item["Target"]) for item in task.get("Networks") or [] if item["Target"] not in networks]
    for kind, existing in (("Config", live.configs), ("Secret", live.secrets)):
        known = {item["Spec"]["Name"] for item in existing}
        for item in task["ContainerSpec"].get(f"{kind}s") or []:
            if not item.get(f"{kind}ID") and item.get(f"{kind}Name") not in known:
                wanted.append((kind.lower(), item[f"{kind}Name"]))
    return [f"service {desired['Name']}: {kind} {name} does not exist in the swarm" for kind, name in wanted]


def _carry_out(
    engine: Engine, service: ServicePlan, live: LiveState, options: Options, listener: Listener | None
) -> Verdict | None:
    applier = Applier(engine, live, lambda image: header_for(options.logins, image))
    watching = options.wait and service.action not in ("create", "none")
    before = read_tasks(engine, [service.before["ID"]]) if watching else None
    applier.create_objects((), [service])
    applier.apply(service)
    if service.action == "none":
        renew_along(engine, options.logins, [service.name])
    if not options.wait:
        return None
    expected = applier.expected(service)
    watch = Watch(engine, live.networks, before)
    verdicts = wait(watch, [expected], Waiting(options.wait_timeout, options.progress_timeout, listener))
    failures = report.collect(
        engine, verdicts, live.nodes, lambda image: digest.why_not(engine, image, header_for(options.logins, image))
    )
    if failures:
        now = _state(engine, service, expected.service_id)
        raise DeployFailed(report.text(failures, now), failures, changed=service.action != "none")
    return verdicts[service.name]


def _state(engine: Engine, service: ServicePlan, service_id: str) -> str:
    """Return in one sentence what state a failed service is in now."""
    fresh = engine.service(service_id)
    if fresh is None:
        return f"Service {service.name} is gone."
    image = fresh["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    update = (fresh.get("UpdateStatus") or {}).get("State", "")
    if service.action == "none":
        return f"Service {service.name}: nothing was to be changed, but it does not run ({image})."
    if update.startswith("rollback"):
        return f"Service {service.name} failed; the engine went back to {image}."
    return f"Service {service.name} failed; its spec says {image}{f', the update is {update}' if update else ''}."
