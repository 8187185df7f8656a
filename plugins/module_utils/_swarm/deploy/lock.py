# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One deploy at a time: an unfinished release is the lock of its stack, with owner, host and age."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import platform
import secrets
import typing as t

from ..._errors import Conflict, EngineError, LockHeld
from .. import nodes as node_facts
from .. import writes
from ..engine import Engine
from ..model import StackModel
from ..retry import is_passing, until_answered
from ..watch.verdict import moment
from .releases import LABEL_STACK, Release, now_text, read_releases

Json = dict[str, t.Any]

#: A deploy may still roll back after its time is up.
GRACE = 300.0


@dataclasses.dataclass(frozen=True)
class Process:
    """A process that deploys.

    :ivar host: name of its machine, which other machines may have too.
    :ivar machine: the machine and its table of processes: no other has the same, not even it after a reboot.
    :ivar began: when the process began, in the kernel's ticks: numbers of processes are given again.
    """

    host: str
    machine: str
    pid: int
    began: str


def this_process() -> Process:
    """Return this very process."""
    boot = _text("/proc/sys/kernel/random/boot_id")
    try:
        processes = str(pathlib.Path("/proc/self/ns/pid").readlink())
    except OSError:
        processes = ""
    machine = f"{boot} {processes}" if boot and processes else ""
    return Process(platform.node(), machine, os.getpid(), began(os.getpid()))


def began(pid: int) -> str:
    """Return when a process of this machine began, "" when there is none."""
    return (_text(f"/proc/{pid}/stat").rpartition(")")[2].split() or [""] * 20)[19]


def read(engine: Engine, stack: str) -> list[Release]:
    """Return the releases of a stack, oldest first."""
    return read_releases(engine.configs({"label": [f"{LABEL_STACK}={stack}"]}))


def is_gone(release: Release, nodes: t.Sequence[Json], here: Process, began_of: t.Callable[[int], str]) -> bool:
    """Say whether the process that holds an unfinished release is known to be no more (pure).

    :param here: who asks.
    :param began_of: process of this machine → when it began, "" when there is none.
    """
    known = release.machine and here.machine
    if release.machine == here.machine if known else release.host == here.host:
        found = began_of(release.pid)
        return not found or (bool(release.began) and found != release.began)
    if release.node:
        node = next((item for item in nodes if item["ID"] == release.node), None)
        return bool(nodes) and (node is None or not node_facts.is_up(node))
    named = [node for node in nodes if node_facts.name_of(node) == release.host]
    return bool(named) and not any(node_facts.is_up(node) for node in named)


def is_expired(release: Release, now: str) -> bool:
    """Say whether an unfinished release has outlived what its deploy may take (pure).

    Its process noted by its own clock when it began and when it ends at the latest; only the time between the two
    counts. It is counted from the moment that the leader's clock shows for its config object.

    :param now: time, ISO 8601, UTC, by the same clock.
    """
    start, end, made, at = (
        moment(text) for text in (release.at, release.expires, release.config.get("CreatedAt"), now)
    )
    if start is None or end is None or at is None:
        return True
    return at > (made or start) + (end - start)


def who(release: Release) -> str:
    """Say who holds a release."""
    return f"{release.by or 'an unknown user'} on {release.host} since {release.at} (release {release.number})"


def holder(release: Release, nodes: t.Sequence[Json], engine: Engine | None = None) -> str:
    """Say who holds an unfinished release now, or "" when it was left behind and may be taken over.

    :param engine: asked for the leader's time, which takes a write; without it this machine's own clock must do.
    """
    if is_gone(release, nodes, this_process(), began):
        return ""
    now = (leader_time(engine) if engine is not None else "") or now_text()
    return "" if is_expired(release, now) else who(release)


def leader_time(engine: Engine) -> str:
    """Return the time by the clock that stamps config objects, "" when it cannot be had.

    No call of the Engine API tells it: it is the stamp of an object that is made, and removed at once.
    """
    name = f"apiary-clock.{secrets.token_hex(8)}"
    try:
        made = writes.create_object(engine, "config", {"Name": name, "Data": "Lg==", "Labels": {}})
        found = [item for item in engine.configs({"name": [name]}) if item["ID"] == made]
        engine.remove_config(made)
    except EngineError:
        return ""
    return str(found[0].get("CreatedAt", "")) if found else ""


def take(
    engine: Engine,
    releases: t.Sequence[Release],
    model: StackModel,
    nodes: t.Sequence[Json],
    timeout: float,
    by: str = "",
    git_revision: str = "",
    force: bool = False,
    node: str = "",
    restores: int = 0,
) -> Release:
    """Open the next release of a stack.

    :param releases: of the stack, as just read.
    :param timeout: seconds that the deploy may take, its migrations included.
    :param force: take over from a deploy that seems to be alive.
    :param node: id of the manager that the deploy asks.
    :param restores: number of the release that it goes back to, 0 for none.
    :raises LockHeld: another deploy is under way, or was faster.
    """
    if not force:
        refuse_held(releases, nodes, engine)
    for release in releases:
        if release.is_open:
            finish(engine, dataclasses.replace(release, outcome="abandoned", reason="its deploy never finished"))
    process = this_process()
    fresh = Release(
        stack=model.name, number=max((release.number for release in releases), default=0) + 1, at=now_text(), by=by,
        host=process.host, pid=process.pid, expires=now_text(timeout + GRACE), git_revision=git_revision,
        model=model, machine=process.machine, began=process.began, node=node, token=secrets.token_hex(8),
        restores=restores,
    )  # fmt: skip
    try:
        spec = fresh.spec()
        fresh.config = {"ID": writes.create_object(engine, "config", spec), "Spec": spec}
    except Conflict as exc:
        raise LockHeld(
            f"Another deploy of stack {model.name} began at the same moment (release {fresh.number} is taken). "
            "Run this one again once it has ended."
        ) from exc
    return fresh


def refuse_held(releases: t.Sequence[Release], nodes: t.Sequence[Json], engine: Engine | None = None) -> None:
    """Raise LockHeld when somebody holds one of the releases of a stack.

    :param engine: as for M(holder).
    """
    for release in releases:
        held_by = holder(release, nodes, engine) if release.is_open else ""
        if held_by:
            raise LockHeld(
                f"Another deploy of stack {release.stack} is under way: {held_by}. Wait for it, or take over with "
                f"force: true; it may be taken over by itself from {release.expires} on."
            )


def require(engine: Engine, release: Release) -> None:
    """Ask for the lock before the first write of each part: who has lost it may not write to the stack any more.

    :raises LockHeld: another deploy has taken over.
    """
    if not any(_is_same(item, release) and item.is_open for item in read(engine, release.stack)):
        raise LockHeld("another deploy took over before all services were changed")


def finish(engine: Engine, release: Release) -> None:
    """Write into the labels of a release how it ended; this lets the next deploy in.

    Whatever error of the engine comes between, it is tried again for some time.

    :raises LockHeld: somebody else has taken the release over meanwhile.
    """

    def write() -> None:
        current = next((item for item in read(engine, release.stack) if _is_same(item, release)), None)
        if current is not None and current.outcome == release.outcome:
            return  # an answer was lost
        if current is None or not current.is_open:
            raise LockHeld(f"Release {release.number} of stack {release.stack} was taken over by another deploy")
        version = current.config["Version"]["Index"]
        engine.update_config(
            current.config_id, version, dataclasses.replace(release, config=current.config).relabelled()
        )

    until_answered(write, again=is_passing)


def _is_same(found: Release, release: Release) -> bool:
    return found.number == release.number and found.token == release.token


def _text(path: str) -> str:
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
