# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three operations on a stack, each with what happens when it fails."""

from __future__ import annotations

from dataclasses import dataclass, field

from region.emulator.cloudformation import engine, evaluation, stacks
from region.emulator.cloudformation.engine import Failed
from region.emulator.cloudformation.intrinsics import Scope
from region.emulator.cloudformation.model import Deployment, Resource, Stack
from region.emulator.cloudformation.provider import Steps, run
from region.emulator.state import runtime


def create(stack: Stack) -> Steps[None]:
    """Make all resources; after a failure roll back, delete or leave everything, as the stack's OnFailure says."""
    stack.event(None, "CREATE_IN_PROGRESS", "User Initiated")
    try:
        scope = engine.scope_of(stack, stack.deployment)
        wanted = evaluation.included(scope, stack.deployment)

        def start(name: str) -> Steps[None]:
            body = wanted[name]
            resource = Resource(name, str(body["Type"]), body)
            return engine.create_resource(stack, resource, scope, stack.deployment)

        starts = {name: engine.bind(start, name) for name in wanted}
        yield from _in_time(stack, engine.side_by_side(starts, evaluation.needs(wanted)))
        stack.outputs = _outputs(stack, scope, stack.deployment)
        stack.event(None, "CREATE_COMPLETE")
    except Failed:
        yield from _creation_failed(stack)


def _in_time(stack: Stack, steps: Steps[None]) -> Steps[None]:
    deadline = runtime.now() + 60 * stack.timeout_minutes if stack.timeout_minutes else None
    for waiting in steps:
        if deadline is not None and runtime.now() > deadline:
            steps.close()
            stack.reason = "Stack creation time exceeded the specified timeout."
            raise Failed
        yield waiting


def _outputs(stack: Stack, scope: Scope, deployment: Deployment) -> list[dict[str, str]]:
    try:
        outputs = engine.outputs_of(scope, deployment)
        stacks.check_exports(stack, outputs)
    except engine.EXPECTED as exc:
        stack.reason = engine.reason_of(exc)
        raise Failed from exc
    return outputs


def _failures(stack: Stack, status: str) -> str:
    names = [one.logical_id for one in stack.resources.values() if one.status == status]
    if not names:
        return stack.reason
    verb = {"CREATE_FAILED": "create", "UPDATE_FAILED": "update", "DELETE_FAILED": "delete"}[status]
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "


def _creation_failed(stack: Stack) -> Steps[None]:
    failures = _failures(stack, "CREATE_FAILED")
    if stack.on_failure == "DO_NOTHING":
        stack.event(None, "CREATE_FAILED", failures)
        return
    rolling_back, done, broken = "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"
    if stack.on_failure == "DELETE":
        rolling_back, done, broken = "DELETE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_FAILED"
    what = "Delete" if stack.on_failure == "DELETE" else "Rollback"
    stack.event(None, rolling_back, f"{failures}{what} requested by user.")
    try:
        yield from engine.delete_resources(stack, list(stack.resources.values()))
    except Failed:
        stack.event(None, broken, _failures(stack, "DELETE_FAILED"))
        return
    if stack.on_failure == "DELETE":
        stack.deleted_at = runtime.now()
    stack.event(None, done)


def delete(stack: Stack, retained: list[str]) -> Steps[None]:
    """Remove all resources, except those that are to stay."""
    stack.event(None, "DELETE_IN_PROGRESS", "User Initiated")
    doomed = [
        one
        for one in stack.resources.values()
        if one.logical_id not in retained and one.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")
    ]
    try:
        yield from engine.delete_resources(stack, doomed)
    except Failed:
        stack.event(None, "DELETE_FAILED", _failures(stack, "DELETE_FAILED"))
        return
    stack.deleted_at = runtime.now()
    stack.outputs = []
    stack.event(None, "DELETE_COMPLETE")


@dataclass
class _Undo:
    """What an update has done so far, so that it can be taken back and its leftovers removed.

    :ivar updated: before, after.
    :ivar replaced: before, after.
    """

    created: list[Resource] = field(default_factory=list)
    updated: list[tuple[Resource, Resource]] = field(default_factory=list)
    replaced: list[tuple[Resource, Resource]] = field(default_factory=list)


def update(stack: Stack, deployment: Deployment) -> Steps[None]:
    """Bring the stack to *deployment*; after a failure bring it back."""
    undo, before = _Undo(), dict(stack.resources)
    stack.updated_at = runtime.now()
    stack.event(None, "UPDATE_IN_PROGRESS", "User Initiated")
    try:
        scope = engine.scope_of(stack, deployment)
        wanted = evaluation.included(scope, deployment)

        def start(name: str) -> Steps[None]:
            return _bring(stack, name, wanted[name], scope, deployment, undo)

        starts = {name: engine.bind(start, name) for name in wanted}
        yield from engine.side_by_side(starts, evaluation.needs(wanted))
        outputs = _outputs(stack, scope, deployment)
    except (Failed, *engine.EXPECTED) as exc:
        if not isinstance(exc, Failed):
            stack.reason = engine.reason_of(exc)
        yield from _take_back(stack, undo, before)
        return
    stack.event(None, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    removed = [one for name, one in before.items() if name not in wanted]
    yield from _clean(stack, [old for old, dummy in undo.replaced], removed)
    for one in removed:
        stack.resources.pop(one.logical_id, None)
    stack.deployment, stack.outputs = deployment, outputs
    stack.event(None, "UPDATE_COMPLETE")


def _bring(
    stack: Stack, name: str, body: dict[str, object], scope: Scope, deployment: Deployment, undo: _Undo
) -> Steps[None]:
    """Make, change or replace one resource, or leave it."""
    old = stack.resources.get(name)
    new = Resource(name, str(body["Type"]), body)
    if old is None or old.status == "DELETE_COMPLETE":
        undo.created.append(new)
        yield from engine.create_resource(stack, new, scope, deployment)
        return
    try:
        provider = evaluation.find_provider(body)
        new.properties = evaluation.effective(scope, deployment, body)
        provider.check(new.properties)
    except engine.EXPECTED as exc:
        stack.event(old, "UPDATE_FAILED", engine.reason_of(exc))
        raise Failed from exc
    changed = evaluation.changed_properties(old.properties, new.properties)
    if not changed:
        old.body = body
        return
    if changed & provider.immutable:
        undo.replaced.append((old, new))
        why = "Requested update requires the creation of a new physical resource; hence creating one."
        stack.event(old, "UPDATE_IN_PROGRESS", why)
        yield from engine.create_resource(stack, new, scope, deployment)
        stack.event(new, "UPDATE_COMPLETE")
        return
    new.physical_id = old.physical_id
    undo.updated.append((old, new))
    stack.resources[name] = new
    yield from _change(stack, old, new, changed)


def _change(stack: Stack, old: Resource, new: Resource, changed: set[str]) -> Steps[None]:
    stack.event(new, "UPDATE_IN_PROGRESS")
    provider = evaluation.find_provider(new.body)
    context = evaluation.context(stack, new)
    try:
        result = yield from run(provider.update(context, new.physical_id, new.properties, changed, old.properties))
    except GeneratorExit:
        stack.event(new, "UPDATE_FAILED", "Resource update cancelled")
        raise
    except engine.EXPECTED as exc:
        stack.event(new, "UPDATE_FAILED", engine.reason_of(exc))
        raise Failed from exc
    new.physical_id = str(result or new.physical_id)
    stack.event(new, "UPDATE_COMPLETE")


def _take_back(stack: Stack, undo: _Undo, before: dict[str, Resource]) -> Steps[None]:
    names = [one.logical_id for one in stack.resources.values() if one.status in ("UPDATE_FAILED", "CREATE_FAILED")]
    failures = f"The following resource(s) failed to update: [{', '.join(names)}]. " if names else stack.reason
    stack.event(None, "UPDATE_ROLLBACK_IN_PROGRESS", failures)
    made = [*undo.created, *(new for dummy, new in undo.replaced)]
    try:
        for old, new in reversed(undo.updated):
            restored = Resource(old.logical_id, old.type, old.body, old.properties, new.physical_id)
            stack.resources[old.logical_id] = restored
            differing = evaluation.changed_properties(new.properties, old.properties)
            yield from _change(stack, new, restored, differing)
    except Failed:
        stack.event(None, "UPDATE_ROLLBACK_FAILED", _failures(stack, "UPDATE_FAILED"))
        return
    stack.event(None, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    yield from _clean(stack, [], made)
    for one in undo.created:
        stack.resources.pop(one.logical_id, None)
    for old, dummy in undo.replaced:
        stack.resources[old.logical_id] = old
        stack.event(old, "UPDATE_COMPLETE")
    stack.resources = {name: stack.resources[name] for name in before if name in stack.resources}
    stack.event(None, "UPDATE_ROLLBACK_COMPLETE")


def _clean(stack: Stack, replaced: list[Resource], removed: list[Resource]) -> Steps[None]:
    """Remove what an update left behind. What cannot be removed is told in the events and stays, as in AWS."""
    for group, policy in ((replaced, "UpdateReplacePolicy"), (removed, "DeletionPolicy")):
        try:
            yield from engine.delete_resources(stack, group, policy)
        except Failed:
            continue


def cancelled(steps: Steps[None]) -> Steps[None]:
    """Let an update that is under way fail where it stands, so that it is taken back."""
    try:
        yield steps.throw(Failed())
    except StopIteration:
        return
    yield from steps
