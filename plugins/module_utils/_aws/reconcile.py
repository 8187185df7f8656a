# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From things as they are at AWS to things as they are wanted: plans of single writes, and how they are carried out."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .errors import AwsError
from .threads import in_threads

Json = dict[str, t.Any]
Tags = t.Mapping[str, str]
_Write = t.Callable[..., t.Any]

CREATED, DELETED = "created", "deleted"
"""The changes that are no setting's."""


class Thing(t.Protocol):
    """What modules report."""

    def settings(self) -> Json:
        """Return what a user can set, for the diff."""

    def report(self) -> Json:
        """Return the thing for the user."""


_T = t.TypeVar("_T")
_Thing = t.TypeVar("_Thing", bound=Thing)


@dataclass(frozen=True)
class Step(t.Generic[_T]):
    """One write.

    :ivar setting: the option that it serves, or what it does to the thing itself.
    :ivar do: makes it; takes the client and the *arguments*.
    :ivar after: the thing once this is done, ``None`` when it is gone.
    """

    setting: str
    do: _Write
    arguments: tuple[t.Any, ...]
    after: _T | None


@dataclass(frozen=True)
class Plan(t.Generic[_T]):
    """The steps for one thing, in order; ``before`` is ``None`` when it is not there."""

    name: str
    before: _T | None
    steps: tuple[Step[_T], ...] = ()

    @property
    def after(self) -> _T | None:
        """The thing once all is done, ``None`` when it is gone."""
        return self.steps[-1].after if self.steps else self.before


class Draft(t.Generic[_T]):
    """A plan in the making, about a dataclass.

    :param live: the thing as it is, or what :meth:`make` is given.
    :ivar now: the thing as the steps so far leave it.
    """

    def __init__(self, name: str, live: _T | None) -> None:
        self._name = name
        self._live = live
        self._steps: list[Step[_T]] = []
        self.now: _T = t.cast(_T, live)

    def make(self, thing: _T, function: _Write, *arguments: t.Any) -> None:
        """Add the write that makes *thing*."""
        self.now = thing
        self.do(CREATED, function, *arguments)

    def do(self, setting: str, function: _Write, *arguments: t.Any, **fields: t.Any) -> None:
        """Add a write that leaves the thing with other *fields*."""
        self.now = t.cast(_T, replace(t.cast(t.Any, self.now), **fields))
        self._steps.append(Step(setting, function, arguments, self.now))

    def tag(self, wanted: Tags | None, purge: bool, present: Tags | None, tag: _Write, untag: _Write, arn: str) -> None:
        """Add the writes of tags, by two functions that take the *arn*; none when none are *wanted*."""
        new, gone = tag_changes(wanted, purge, present)
        left = {key: value for key, value in (present or {}).items() if key not in gone}
        if gone:
            self.do("tags", untag, arn, gone, tags=left)
        if new:
            self.do("tags", tag, arn, new, tags={**left, **new})

    def plan(self) -> Plan[_T]:
        """Return the plan."""
        return Plan(self._name, self._live, tuple(self._steps))


def plan_deletion(name: str, live: _T | None, function: _Write, *arguments: t.Any) -> Plan[_T]:
    """Return the plan that removes *live*."""
    return Plan(name, live, (Step(DELETED, function, (name, *arguments), None),) if live else ())


def tag_changes(wanted: Tags | None, purge: bool, present: Tags | None) -> tuple[dict[str, str], list[str]]:
    """Return the tags to set and, with *purge*, the keys to remove; AWS's own (``aws:...``) are out of reach."""
    if wanted is None:
        return {}, []
    present = present or {}
    gone = sorted(key for key in present if key not in wanted and not key.startswith("aws:")) if purge else []
    return {key: value for key, value in wanted.items() if present.get(key) != value}, gone


@dataclass(frozen=True)
class Outcome(t.Generic[_T]):
    """What became of a plan.

    :ivar thing: as it is now, also when a step failed.
    :ivar made: what AWS answered when it made the thing, ``None`` when it did not.
    :ivar error: what stopped the plan, ``None`` when nothing did.
    """

    plan: Plan[_T]
    thing: _T | None
    done: tuple[Step[_T], ...]
    made: t.Any = None
    error: AwsError | None = None

    @property
    def changes(self) -> list[str]:
        """What was changed, each once, in order."""
        return list(dict.fromkeys(step.setting for step in self.done))


def carry_out(client: t.Any, plans: t.Sequence[Plan[_T]], check_mode: bool) -> list[Outcome[_T]]:
    """Carry *plans* out, several at a time; the error of one stops that one only. Check mode writes nothing."""
    if check_mode:
        return [Outcome(plan, plan.after, plan.steps) for plan in plans]
    return in_threads(lambda plan: _carry_out(client, plan), plans)


def _carry_out(client: t.Any, plan: Plan[_T]) -> Outcome[_T]:
    thing, made = plan.before, None
    for number, step in enumerate(plan.steps):
        try:
            answer = step.do(client, *step.arguments)
        except AwsError as exc:
            return Outcome(plan, thing, plan.steps[:number], made, exc)
        thing = step.after
        made = answer if step.setting == CREATED else made
    return Outcome(plan, thing, plan.steps, made)


def reports(outcomes: t.Iterable[Outcome[_Thing]]) -> list[Json]:
    """Return the things that are there, each with what was changed of it, for the user."""
    return [{**one.thing.report(), "changes": one.changes} for one in outcomes if one.thing is not None]


def result(outcomes: t.Iterable[Outcome[_Thing]], failed: str) -> Json:
    """Return what a module returns in any case; what failed is under the name *failed*, where something did."""
    outcomes = list(outcomes)
    changed = [one for one in outcomes if one.done]
    found: Json = {
        "changed": bool(changed),
        "diff": {
            "before": {one.plan.name: one.plan.before.settings() if one.plan.before else {} for one in changed},
            "after": {one.plan.name: one.thing.settings() if one.thing else {} for one in changed},
        },
    }
    errors = {one.plan.name: one.error.message for one in outcomes if one.error is not None}
    return {**found, failed: errors} if errors else found
