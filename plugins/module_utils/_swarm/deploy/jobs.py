# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-off tasks: run a command once in the setting of a service, and tell how it ended."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import typing as t

from ..._errors import Conflict, EngineError, NotFound, PlanRefused, SwarmError
from .. import writes
from ..engine import Engine
from ..live import read_tasks
from ..marks import NOWHERE
from ..nodes import name_of
from ..plan import Json, LiveState, ServicePlan, to_tree
from ..plan.rewrite import has_rested, is_job
from ..retry import until
from ..tasks import created, has_completed, has_ended, of_iteration
from ..watch import report
from ..watch.memory import Watch
from ..watch.terms import Expected, Verdict
from ..watch.wait import Listener, Waiting, wait

LABEL_JOB = "apiary.job"
_LOG_LINES = 1000
#: Seconds that a job which is stopped gets to end.
_STOP_TIME = 30.0
#: Bytes of a service's name, which a host name must hold (swarmkit manager/controlapi/common.go: validateAnnotations).
_NAME_LIMIT = 63
#: What makes a service answer to a name or to requests, and what keeps it running, is not for a job.
_NOT_FOR_JOBS = ("Healthcheck", "StopGracePeriod")


@dataclasses.dataclass(frozen=True)
class Finished:
    """How a job ended.

    :ivar exit_code: of the program, None when it never ran or never ended.
    :ivar failure: the entry of a report when it did not end well, else None.
    """

    name: str
    succeeded: bool
    reason: str
    exit_code: int | None
    node: str
    logs: list[str]
    failure: Json | None = None


def job_spec(
    template: Json,
    name: str,
    command: t.Sequence[str] = (),
    arguments: t.Sequence[str] = (),
    env: t.Mapping[str, str] | None = None,
    image: str = "",
) -> Json:
    """Return the ServiceSpec of a job in the setting of a service (pure).

    :param template: ServiceSpec whose image, environment, secrets, configs, mounts, networks and placement it gets.
    :param command: in place of the image's entry point; I(arguments): in place of its command. Empty keeps the
        service's.
    :param env: variables on top of the service's.
    :param image: in place of the service's.
    """
    task = dict(template["TaskTemplate"])
    container = {key: value for key, value in task["ContainerSpec"].items() if key not in _NOT_FOR_JOBS}
    container["Healthcheck"] = {"Test": ["NONE"]}
    if command:
        container["Command"], container["Args"] = list(command), list(arguments)
    elif arguments:
        container["Args"] = list(arguments)
    if image:
        container["Image"] = image
    if env:
        kept = [item for item in container.get("Env") or [] if item.partition("=")[0] not in env]
        container["Env"] = kept + [f"{key}={value}" for key, value in sorted(env.items())]
    placement = {
        key: value for key, value in (task.get("Placement") or {}).items() if key in ("Constraints", "Platforms")
    }
    # Without aliases, or requests to the service's name would reach the job.
    networks = [{key: value for key, value in item.items() if key != "Aliases"} for item in task.get("Networks") or []]
    job: Json = {"ContainerSpec": container, "Placement": placement, "RestartPolicy": {"Condition": "none"}}
    job.update({key: task[key] for key in ("Resources", "LogDriver") if task.get(key)})
    if networks:
        job["Networks"] = networks
    return {
        "Name": name,
        "Labels": {LABEL_JOB: template["Name"]},
        "TaskTemplate": job,
        "Mode": {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}},
        "EndpointSpec": {"Mode": "dnsrr"},
    }


def run(
    engine: Engine,
    spec: Json,
    live: LiveState,
    timeout: float,
    auth: str = "",
    keep: bool = False,
    listener: Listener | None = None,
) -> Finished:
    """Run a job to its end and remove it.

    :param live: a reading of the swarm, for the names of nodes and networks.
    :param timeout: seconds until it is stopped as failed.
    :param keep: leave the service in the swarm afterwards.
    :raises PlanRefused: a job of this name runs already.
    """
    name = spec["Name"]
    service_id = _create(engine, spec, auth)
    try:
        tree = to_tree(spec, live.network_names())
        created = engine.service(service_id)
        if created is not None:  # as the engine understood it: the spec may name networks where the engine has ids
            tree = to_tree(created["Spec"], live.network_names())
        watch = Watch(engine, live.networks, [])
        verdict = wait(watch, [Expected(name, service_id, tree)], Waiting(timeout, listener=listener))[name]
        return _finished(engine, name, verdict, live.nodes, service_id)
    finally:
        with contextlib.suppress(SwarmError):  # how it ended is known; what is left makes room for the next one
            if not all(has_ended(task) for task in engine.tasks({"service": [service_id]})):
                stop(engine, service_id)
            if not keep:
                engine.remove_service(service_id)


def idle(spec: Json) -> Json:
    """Return the spec of a job, or of a service whose program may end, with no run wanted (pure).

    Written, the engine stops the runs that it has and starts none. All but replicated jobs get a constraint that no
    node satisfies, which the next plan takes away again; a replicated service has no tasks until then either.
    """
    mode = spec.get("Mode") or {}
    if mode.get("ReplicatedJob") is not None:
        return {**spec, "Mode": {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 0}}}
    if mode.get("Global") is None and mode.get("GlobalJob") is None:
        spec = {**spec, "Mode": {"Replicated": {"Replicas": 0}}}
    task = spec.get("TaskTemplate") or {}
    placement = task.get("Placement") or {}
    others = [item for item in placement.get("Constraints") or [] if item != NOWHERE]
    nowhere = {**placement, "Constraints": [*others, NOWHERE]}
    return {**spec, "TaskTemplate": {**task, "Placement": nowhere}}


def stop(engine: Engine, service_id: str, spec: Json | None = None) -> None:
    """Stop the runs of a job and let none begin; wait until they have ended, for half a minute at most.

    :param spec: what it becomes, idle; the spec that it has when None.
    """
    service = engine.service(service_id)
    if service is None:
        return
    with contextlib.suppress(NotFound):
        writes.write_service(engine, service, lambda live: idle(spec or live["Spec"]))
    until(lambda: all(has_ended(task) for task in engine.tasks({"service": [service_id]})), _STOP_TIME)


def remove(engine: Engine, service: Json) -> None:
    """Remove a service. A job is stopped first: some engines let its containers run on (see M(..plan.rewrite))."""
    if is_job(service.get("Spec") or {}) and not has_run(engine, service):
        stop(engine, service["ID"])
    engine.remove_service(service["ID"])


def has_run(engine: Engine, service: Json) -> bool:
    """Say whether all runs of a job's present iteration have ended well, or those of a service that may end."""
    tasks = engine.tasks({"service": [service["ID"]]})
    if not is_job(service["Spec"]):
        return has_rested(service, tasks)
    now = of_iteration(tasks, service)
    return bool(now) and all(has_completed(task) for task in now)


def rested(engine: Engine, plans: t.Iterable[ServicePlan]) -> set[str]:
    """Return the names of services whose program has ended well: any write runs it again."""
    return {item.name for item in plans if item.rests and item.live is not None and has_run(engine, item.live)}


def name_for(service: str, suffix: str) -> str:
    """Return the name of a job of a service, within the engine's limit (pure).

    :param suffix: how it ends, such as C(-job); one that no other job of the service has.
    """
    name = f"{service}{suffix}"
    if len(name) <= _NAME_LIMIT:
        return name
    short = hashlib.sha256(service.encode()).hexdigest()[:8]
    return f"{service[: _NAME_LIMIT - len(suffix) - 9]}-{short}{suffix}"


def _create(engine: Engine, spec: Json, auth: str) -> str:
    try:
        return writes.create_service(engine, spec, auth)
    except Conflict:
        pass
    # A job that was left behind (its deploy died, or it was kept) makes room once it has ended.
    old = engine.service(spec["Name"])
    if old is not None:
        if LABEL_JOB not in (old["Spec"].get("Labels") or {}):
            raise PlanRefused(f"A service {spec['Name']} exists that is not a job; choose another name for the job.")
        if not all(has_ended(task) for task in engine.tasks({"service": [old["ID"]]})):
            raise PlanRefused(f"Job {spec['Name']} is running already; wait for it, or remove that service.")
        remove(engine, old)
    return writes.create_service(engine, spec, auth)


def _finished(engine: Engine, name: str, verdict: Verdict, nodes: t.Sequence[Json], service_id: str) -> Finished:
    tasks = sorted(read_tasks(engine, [service_id]), key=created)
    names = {node["ID"]: name_of(node) for node in nodes}
    last = tasks[-1] if tasks else {}
    status = last.get("Status") or {}
    ended = status.get("State") in ("complete", "failed") and (status.get("ContainerStatus") or {}).get("ContainerID")
    logs: list[str] = []
    try:
        logs = engine.task_logs(last["ID"], _LOG_LINES) if ended else []
    except EngineError:
        logs = []  # a log driver that cannot be read; how the job ended is known all the same
    succeeded = verdict.state == "converged"
    failures = report.collect(engine, {name: verdict}, nodes)
    return Finished(
        name,
        succeeded,
        verdict.reason,
        int(status["ContainerStatus"].get("ExitCode", 0)) if ended else None,
        names.get(last.get("NodeID", ""), ""),
        logs,
        None if succeeded or not failures else failures[0],
    )
