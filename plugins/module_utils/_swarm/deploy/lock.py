# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""One deploy at a time: an unfinished release is the lock of its stack, with owner, host and age."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import platform
import typing as t

from ..._errors import Conflict, LockHeld, OutOfSequence
from .. import nodes as node_facts
from ..engine import Engine
from ..model import StackModel
from .releases import LABEL_STACK, Release, now_text, read_releases

Json = dict[str, t.Any]

#: A deploy may still roll back after its time is up.
GRACE = 300.0


def read(engine: Engine, stack: str) -> list[Release]:
    """Return the releases of a stack, oldest first."""
    return read_releases(engine.configs({"label": [f"{LABEL_STACK}={stack}"]}))


def held_by(release: Release, nodes: t.Sequence[Json], now: str, host: str, alive: t.Callable[[int], bool]) -> str:
    """Say who holds an unfinished release, or "" when it was left behind and may be taken over (pure).

    Args:
        now: time, ISO 8601, UTC.
        host: name of the machine that asks.
        alive: says whether a process of that machine lives.
    """
    if now > release.expires:
        return ""
    if release.host == host:
        gone = not alive(release.pid)
    else:
        gone = any(node_facts.name_of(node) == release.host and not node_facts.is_up(node) for node in nodes)
    return "" if gone else f"{release.by or 'somebody'} on {release.host} since {release.at} (release {release.number})"


def holder(release: Release, nodes: t.Sequence[Json]) -> str:
    """Say who holds an unfinished release now, or "" when it may be taken over."""
    return held_by(release, nodes, now_text(), platform.node(), _is_alive)


def take(
    engine: Engine,
    releases: t.Sequence[Release],
    model: StackModel,
    nodes: t.Sequence[Json],
    timeout: float,
    by: str = "",
    git_revision: str = "",
    force: bool = False,
) -> Release:
    """Open the next release of a stack.

    Args:
        releases: of the stack, as just read.
        timeout: seconds that the deploy may take.
        force: take over from a deploy that seems to be alive.

    Raises:
        LockHeld: another deploy is under way, or was faster.
    """
    for release in releases:
        if release.is_open:
            who = "" if force else holder(release, nodes)
            if who:
                raise LockHeld(
                    f"Another deploy of stack {model.name} is under way: {who}. Wait for it, or take over with "
                    f"force: true; it may be taken over by itself from {release.expires} on."
                )
            finish(engine, dataclasses.replace(release, outcome="abandoned", reason="its deploy never finished"))
    fresh = Release(
        stack=model.name, number=max((release.number for release in releases), default=0) + 1, at=now_text(), by=by,
        host=platform.node(), pid=os.getpid(), expires=now_text(timeout + GRACE), git_revision=git_revision,
        model=model,
    )  # fmt: skip
    try:
        fresh.config_id = engine.create_config(fresh.spec())
    except Conflict as exc:
        raise LockHeld(
            f"Another deploy of stack {model.name} began at the same moment (release {fresh.number} is taken). "
            "Run this one again once it has ended."
        ) from exc
    return fresh


def is_held(engine: Engine, release: Release) -> bool:
    """Say whether an open release is still its deploy's own. Who has lost it may not write to the stack any more."""
    return any(item.number == release.number and item.is_open for item in read(engine, release.stack))


def finish(engine: Engine, release: Release) -> None:
    """Write into the labels of a release how it ended; this lets the next deploy in.

    Raises:
        LockHeld: somebody else has taken the release over meanwhile.
    """
    current = next((item for item in read(engine, release.stack) if item.number == release.number), None)
    if current is None or not current.is_open:
        raise LockHeld(f"Release {release.number} of stack {release.stack} was taken over by another deploy")
    spec = {**release.spec(), "Data": current.spec()["Data"]}
    try:
        engine.update_config(current.config_id, current.version, spec)
    except OutOfSequence as exc:
        raise LockHeld(f"Release {release.number} of stack {release.stack} was taken over meanwhile") from exc


def _is_alive(pid: int) -> bool:
    return pathlib.Path(f"/proc/{pid}").exists()
