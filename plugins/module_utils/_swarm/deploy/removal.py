# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a stack: everything that carries its label goes, and the next deploy finds nothing half-removed."""

from __future__ import annotations

import time
import typing as t

from ..._errors import DeployFailed, LockHeld
from ..._words import seconds
from ..engine import Engine
from ..live import read_live, read_tasks
from ..model import label_filter
from ..plan import ObjectPlan, StackPlan, plan_absent
from ..retry import until
from ..tasks import stays
from . import jobs, lock
from .apply import remove_object
from .releases import Release, referenced, to_drop


def remove_stack(engine: Engine, stack: str, check_mode: bool, timeout: float, force: bool = False) -> StackPlan:
    """Remove all that belongs to a stack, its releases too, and wait until its tasks and networks are gone.

    :raises LockHeld: a deploy of the stack is under way.
    :raises DeployFailed: something of it is still there after I(timeout) seconds.
    """
    history = lock.read(engine, stack)
    live = read_live(engine, stack)
    plan = plan_absent(stack, live)
    records = [ObjectPlan("release", str(item.number), "remove", object_id=item.config_id) for item in history]
    for release in history:
        holder = ""
        if release.is_open and not force:
            holder = lock.holder(release, live.nodes, None if check_mode else engine)
        if holder:
            raise LockHeld(f"Stack {stack} is being deployed: {holder}. Wait for it, or use force: true.", plan)
    if not check_mode:
        _remove(engine, plan, timeout)
        for record in records:
            engine.remove_config(record.object_id)
    plan.objects += records
    return plan


def forget(engine: Engine, kept: t.Sequence[Release], keep: int) -> None:
    """Remove old releases of a stack, then its configs and secrets that none of the others refers to.

    :param kept: all releases of the stack, the newest last.
    :param keep: number of releases to keep.
    """
    old = to_drop(kept, keep)
    for item in old:
        engine.remove_config(item.config_id)
    kept = [item for item in kept if item not in old]
    if not all(item.readable for item in kept):
        return  # what those refer to is not known
    configs, secrets = referenced(kept)
    label = label_filter(kept[-1].stack)
    for kind, items, wanted in (
        ("config", engine.configs(label), configs),
        ("secret", engine.secrets(label), secrets),
    ):
        for thing in items:
            if thing["Spec"]["Name"] not in wanted:
                remove_object(engine, kind, thing["ID"])


def _remove(engine: Engine, plan: StackPlan, timeout: float) -> None:
    """Remove services and objects, and wait until nothing of them is left.

    :raises DeployFailed: something is still there after I(timeout) seconds.
    """
    deadline = time.monotonic() + timeout
    # Once a service is gone, its tasks can only be asked for by their own ids, or by the labels that they came with.
    tasks = [task["ID"] for task in read_tasks(engine, (service.before["ID"] for service in plan.services))]
    for service in plan.services:
        jobs.remove(engine, service.before)
    left = [
        f"{thing.kind} {thing.name}"
        for thing in plan.objects
        if not remove_object(engine, thing.kind, thing.object_id, max(0.0, deadline - time.monotonic()))
    ]
    # A network is gone for good only when its last task is: the next deploy would stumble over a half-removed one.
    own = label_filter(plan.stack)

    def is_all_gone() -> bool:
        return not _any_runs(engine, tasks, own) and not engine.networks(own)

    if not left and not until(is_all_gone, deadline - time.monotonic()):
        left = ["tasks that do not stop"]
    if left:
        raise DeployFailed(f"Stack {plan.stack}: still there after {seconds(timeout)}: {', '.join(left)}.", [])


def _any_runs(engine: Engine, tasks: t.Sequence[str], own: t.Mapping[str, list[str]]) -> bool:
    """Say whether a task is still to go; the engine may keep ended tasks of jobs for good."""
    found = (engine.tasks({"id": list(tasks)}) if tasks else []) + engine.tasks(own)
    return not all(stays(task) for task in found)
