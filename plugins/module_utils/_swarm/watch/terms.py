# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at services shows, and what is made of it: the words of this package. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._diff import Tree
from ..tasks import COMPLETE, ENDED

Json = dict[str, t.Any]
State = t.Literal["progressing", "converged", "failed"]

#: Ends of one slot that make a crash loop.
MAX_FAILURES = 5


@dataclasses.dataclass(frozen=True)
class Expected:
    """What a service should become.

    :ivar tree: canonical form of the spec that must be live.
    :ivar replaced: ids of tasks that must go although their spec looks like ours (published ports are not part of it).
    """

    name: str
    service_id: str
    tree: Tree
    replaced: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Seen:
    """One look at a service.

    :ivar service: as the engine shows it, None when it is gone.
    :ivar tree: canonical form of its spec.
    :ivar tasks: its tasks with their history.
    :ivar specs: task id → fingerprint of the spec that the task runs.
    :ivar running_since: task id → clock reading when it was first known to run.
    :ivar old_ends: ids of tasks that had ended before we looked; they make no crash loop.
    :ivar forgotten: tasks that ended while we looked and that the engine shows no more.
    :ivar words: id of a task → the last lines that it wrote, for tasks that the engine may forget.
    """

    service: Json | None
    tree: Tree
    tasks: t.Sequence[Json]
    nodes: t.Sequence[Json]
    specs: t.Mapping[str, str]
    running_since: t.Mapping[str, float]
    old_ends: t.AbstractSet[str] = frozenset()
    forgotten: t.Sequence[Json] = ()
    words: t.Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    @property
    def template(self) -> Json:
        """C(TaskTemplate) of the live service."""
        return dict(((self.service or {}).get("Spec") or {}).get("TaskTemplate") or {})


@dataclasses.dataclass(frozen=True)
class Problem:
    """A task that does not do what it should.

    :ivar state: the engine's word: C(failed), C(rejected), C(pending), ...
    :ivar error: the engine's reason, "" when it gives none.
    :ivar exit_code: of the program, None when it never ran.
    :ivar node: host name, "" when it has not been given to a node.
    :ivar words: its last lines, where they were read while the engine still knew it.
    """

    task_id: str
    slot: str
    node_id: str
    state: str
    error: str
    exit_code: int | None = None
    container_id: str = ""
    node: str = ""
    words: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of the task; otherwise it is stuck."""
        return self.state in ENDED

    @property
    def ended_itself(self) -> bool:
        """Whether its program ended by itself, so that the version is to blame, and not the swarm."""
        return self.state in ("failed", COMPLETE)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Where a service stands.

    :ivar reason: why it failed, or what it still waits for.
    :ivar cause: for a failure: C(task) when our version's own tasks failed, C(engine) when the engine paused or rolled
        back, C(foreign) when somebody else interfered, C(deadline) when time ran out.
    :ivar running: wanted tasks that run now.
    :ivar completed: tasks of a job, or of a service that may end, that have ended well.
    :ivar warnings: what holds although it has converged, each a whole sentence without its full stop.
    :ivar look_again: seconds after which time alone may change the verdict, None when it cannot.
    """

    state: State
    reason: str
    running: int = 0
    wanted: int = 0
    problems: tuple[Problem, ...] = ()
    cause: str = ""
    look_again: float | None = None
    completed: int = 0
    warnings: tuple[str, ...] = ()
