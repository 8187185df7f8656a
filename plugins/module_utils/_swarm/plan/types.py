# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy would change, as plain data."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._diff import Change, dotted, show
from ..._references import digest_of
from .changes import NEW_CONTENT, reference_kind
from .rewrite import is_job
from .tree import image_of

if t.TYPE_CHECKING:
    from .migrations import MigrationPlan

Json = dict[str, t.Any]
Action = t.Literal["none", "create", "update", "recreate", "remove"]


@dataclasses.dataclass
class LiveState:
    """One reading of the swarm, in the engine's own JSON.

    :ivar services: all services of the swarm, other people's too.
    :ivar tasks: all tasks that should run now.
    :ivar networks: networks that this manager knows.
    :ivar configs: configs of the stack, and external ones that it names.
    :ivar secrets: like I(configs).
    :ivar api_version: newest version of its API that the manager has, "" when it is not known.
    """

    services: list[Json]
    tasks: list[Json]
    nodes: list[Json]
    networks: list[Json] = dataclasses.field(default_factory=list)
    configs: list[Json] = dataclasses.field(default_factory=list)
    secrets: list[Json] = dataclasses.field(default_factory=list)
    api_version: str = ""

    def network_names(self) -> dict[str, str]:
        """Return id → name."""
        return {item["Id"]: item["Name"] for item in self.networks}


@dataclasses.dataclass
class ServicePlan:
    """What happens to one service.

    :ivar name: name in the swarm.
    :ivar spec: what to send: a ServiceSpec with names in place of ids; the live one when nothing changes.
    :ivar live: the service as read, None when it is to be created.
    :ivar changes: fields that change.
    :ivar kept: undeclared fields that stay; overruled: changes of others that are set back.
    :ivar replaced: ids of running tasks that will be replaced.
    :ivar because: why they are, as the names of the fields.
    :ivar keep_ports: number of running tasks that stay and keep the ports that they have, though ports change.
    :ivar wave: services of a lower wave come first.
    :ivar routed: the edge sends requests to it.
    :ivar rests: its program may end, and no task of it should run: what it did would be done again.
    """

    name: str
    action: Action
    spec: Json
    live: Json | None = None
    changes: list[Change] = dataclasses.field(default_factory=list)
    kept: list[Change] = dataclasses.field(default_factory=list)
    overruled: list[Change] = dataclasses.field(default_factory=list)
    replaced: frozenset[str] = frozenset()
    because: list[str] = dataclasses.field(default_factory=list)
    keep_ports: int = 0
    wave: int = 0
    routed: bool = False
    rests: bool = False

    @property
    def before(self) -> Json:
        """The service as read. Raises ValueError when it is to be created."""
        if self.live is None:
            raise ValueError(f"service {self.name} does not exist yet")
        return self.live

    @property
    def restarts(self) -> int:
        """Number of running tasks that will be replaced."""
        return len(self.replaced)

    @property
    def runs_again(self) -> bool:
        """Whether its program has an end, and its update runs it again, whatever is changed: M(.rewrite) says why."""
        return self.action == "update" and (is_job(self.spec) or self.rests)

    @property
    def image_before(self) -> str:
        """The live image, "" when there is no service yet."""
        return image_of(self.live["Spec"]) if self.live else ""

    @property
    def image_after(self) -> str:
        """The image that will run, "" when the service goes."""
        return "" if self.action == "remove" else image_of(self.spec)

    def to_dict(self) -> Json:
        """Return the plan of this service with nothing secret in it."""
        return {
            "name": self.name,
            "action": self.action,
            "changes": [change.shown() for change in self.changes],
            "restarts": self.restarts,
            "runs_again": self.runs_again,
            "because": list(self.because),
            "image": {"before": self.image_before, "after": self.image_after},
            "kept": [dotted(change.path) for change in self.kept],
            "overruled": [dotted(change.path) for change in self.overruled],
        }


@dataclasses.dataclass
class ObjectPlan:
    """What happens to a network, config or secret, or to the record of a release.

    :ivar body: what to send, content of configs and secrets included.
    :ivar live: the config or secret as read, when its labels are to change.
    :ivar changes: labels that change.
    """

    kind: t.Literal["network", "config", "secret", "release"]
    name: str
    action: Action
    body: Json = dataclasses.field(default_factory=dict)
    object_id: str = ""
    live: Json | None = None
    changes: list[Change] = dataclasses.field(default_factory=list)

    def to_dict(self) -> Json:
        """Return it without any content."""
        return {"kind": self.kind, "name": self.name, "action": self.action}


@dataclasses.dataclass
class StackPlan:
    """What a deploy would do.

    :ivar warnings: what a careful reader would say.
    :ivar blockers: why it would not work in the swarm as it is now.
    :ivar errors: why it cannot be done at all.
    :ivar migrations: what runs before services change, in this order.
    """

    stack: str
    services: list[ServicePlan] = dataclasses.field(default_factory=list)
    objects: list[ObjectPlan] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    blockers: list[str] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    migrations: list[MigrationPlan] = dataclasses.field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything would be written."""
        actions = [service.action for service in self.services] + [thing.action for thing in self.objects]
        return any(action != "none" for action in actions)

    def touched(self) -> list[ServicePlan]:
        """Return the services that change."""
        return [item for item in self.services if item.action != "none"]

    def to_dict(self) -> Json:
        """Return the plan as data that may be printed."""
        return {
            "stack": self.stack,
            "changed": self.changed,
            "services": [item.to_dict() for item in self.services],
            "objects": [item.to_dict() for item in self.objects if item.action != "none"],
            "migrations": [item.to_dict() for item in self.migrations],
            "warnings": list(self.warnings),
            "blockers": [*self.errors, *self.blockers],
        }

    def before_after(self) -> tuple[str, str]:
        """Return what changes as two texts, one line for each field, for Ansible's diff."""
        before: list[str] = []
        after: list[str] = []
        for thing in self.objects:
            if thing.action in ("create", "remove"):
                (after if thing.action == "create" else before).append(f"{thing.kind} {thing.name}")
            _sides(f"{thing.kind} {thing.name}", thing.changes, before, after)
        for service in self.services:
            if service.action == "remove":
                before.append(f"service {service.name}")
            elif service.action == "create":
                after.append(f"service {service.name}")
            _sides(service.name, service.changes, before, after)
        return "".join(f"{line}\n" for line in before), "".join(f"{line}\n" for line in after)

    def text(self) -> str:
        """Return the plan for people: the same in check mode and in a real run."""
        lines = []
        for thing in self.objects:
            if thing.action != "none":
                lines.append(f"{_SIGNS[thing.action]} {thing.kind} {thing.name}")
                lines += [_change_line(change) for change in thing.changes]
        lines += [item.text() for item in self.migrations]
        for service in self.services:
            lines += _service_lines(service)
        if not self.changed:
            lines.append("nothing changes")
        lines += [f"warning: {text}" for text in self.warnings]
        lines += [f"refused: {text}" for text in [*self.errors, *self.blockers]]
        return "\n".join(lines)


_SIGNS: dict[str, str] = {"none": "=", "create": "+", "update": "~", "recreate": "!", "remove": "-"}


def _service_lines(plan: ServicePlan) -> list[str]:
    if plan.action == "none":
        return [f"    service {plan.name}: drift, {change.note}: {dotted(change.path)}" for change in plan.kept]
    lines = [f"{_SIGNS[plan.action]} service {plan.name}{_effect(plan)}"]
    if plan.action in ("update", "recreate"):
        lines += [_change_line(change) for change in plan.changes]
    elif plan.action == "create":
        lines.append(f"    + image {_brief(plan.image_after)}")
    lines += [
        f"      {dotted(change.path)}: {_brief(show(change.path, change.after))} ({change.note})"
        for change in plan.kept
    ]
    return lines


def _change_line(change: Change) -> str:
    data = change.shown()
    before, after = (_brief(data["before"]), _brief(data["after"]))
    thing = reference_kind(change)
    if thing and change.note == NEW_CONTENT:
        return f"    ~ {thing} {change.path[-1]}: {NEW_CONTENT}"
    if thing and change.kind != "change":
        return f"    {'+' if change.kind == 'add' else '-'} {thing} {change.path[-1]}"
    note = f"  ({change.note})" if change.note else ""
    sign = {"add": "+", "remove": "-", "change": "~"}[change.kind]
    value = {"add": after, "remove": before, "change": f"{before} -> {after}"}[change.kind]
    return f"    {sign} {dotted(change.path)}: {value}{note}"


def _sides(name: str, changes: t.Sequence[Change], before: list[str], after: list[str]) -> None:
    """Add a line for each changed field to the two texts of a diff."""
    for change in changes:
        data, field = change.shown(), f"{name}: {dotted(change.path)}"
        before += [f"{field}: {_brief(data['before'])}"] if change.before is not None else []
        after += [f"{field}: {_brief(data['after'])}"] if change.after is not None else []


def _effect(plan: ServicePlan) -> str:
    if plan.action == "recreate":
        return f": removed and created again, {plan.restarts} tasks stop first"
    if plan.runs_again:
        return ": runs again"
    if plan.action == "update" and plan.restarts:
        return f": restarts {plan.restarts} task{'s' * (plan.restarts != 1)} because {', '.join(plan.because)} change"
    if plan.action == "update":
        return ": restarts nothing"
    return ""


def _brief(value: t.Any) -> str:
    text = str(value)
    digest = digest_of(text)
    if digest.startswith("sha256:") and len(digest) == 71:
        return f"{text.partition('@')[0]}@{digest[:19]}"
    return text
