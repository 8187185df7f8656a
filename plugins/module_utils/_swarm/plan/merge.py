# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three-way merge: what our last release set, what the file says now, what the swarm has.

What we set and the file no longer has goes; what others added stays and is reported; what the file says wins. Works on
the canonical trees of C(plan.tree).
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._diff import Change, Path, Tree, leaves
from ..marks import NOWHERE
from .rewrite import may_end
from .tree import REPLICAS

#: The engine restarts every task when it changes, and no file sets it.
_KEPT = ("TaskTemplate", "ForceUpdate")


@dataclasses.dataclass(frozen=True)
class Merged:
    """What a service should become.

    :ivar tree: the merged tree; shared keys stand in the live order, so that nothing restarts for a mere order.
    :ivar kept: fields that nobody declared and that stay (before = after = live value).
    :ivar overruled: declared fields that somebody else had changed and that go back.
    """

    tree: Tree
    kept: list[Change]
    overruled: list[Change]


def merge(base: Tree | None, desired: Tree, live: Tree, purge: bool = False, declared: t.Iterable[Path] = ()) -> Merged:
    """Merge one service.

    :param base: what our last release sent; None when we never deployed this service, then I(desired) stands alone.
    :param desired: what the file says now.
    :param live: what the swarm has.
    :param purge: what nobody declared goes too.
    :param declared: fields that the file gives; those whose value is the engine's default stand in no canonical tree,
        and win over what is live all the same.
    """
    live = _woken(live)
    strict = purge or base is None
    said = _marked(declared)
    tree = _merge({} if base is None else base, desired, live, strict, said)
    force = _get(live, _KEPT)
    if force and _get(desired, _KEPT) is None:
        tree.setdefault(_KEPT[0], {})[_KEPT[1]] = force
    if base is not None and not purge and _scaled(base, desired, live):
        tree["Mode"]["Replicas"] = live["Mode"]["Replicas"]
    overruled = (
        [] if base is None else [*_overruled(base, desired, live, tree), *_back_to_default(base, tree, live, said)]
    )
    return Merged(tree, _kept(desired, tree), overruled)


def overlay(declared: Tree, live: Tree) -> Merged:
    """Merge without a history: everything that is not declared stays."""
    tree = _merge({}, declared, live, strict=False, said={})
    return Merged(tree, _kept(declared, tree), [])


def _merge(base: Tree, desired: Tree, live: Tree, strict: bool, said: Tree) -> Tree:
    result: Tree = {}
    for key, current in live.items():
        wanted, ours = desired.get(key), base.get(key)
        if _is_mode_change(wanted, current):
            result[key] = wanted
        elif isinstance(current, dict) and (isinstance(wanted, dict) or wanted is None):
            below = said.get(key)
            inner = _merge(
                ours if isinstance(ours, dict) else {}, wanted or {}, current, strict,
                below if isinstance(below, dict) else {},
            )  # fmt: skip
            kept = not current and not strict and ours is None  # an empty mapping that says something
            if inner or key in desired or kept:
                result[key] = inner
        elif wanted is not None:
            result[key] = wanted
        elif not strict and ours is None and said.get(key) is not True:
            result[key] = current
    for key, wanted in desired.items():
        if key not in live:
            result[key] = wanted
    return result


def _woken(live: Tree) -> Tree:
    """Return the tree of a service without what the way back of a deploy has put it to rest with."""
    template = live.get("TaskTemplate") or {}
    placement = template.get("Placement") or {}
    found = placement.get("Constraints") or {}
    may_rest = (live.get("Mode") or {}).get("Kind") == "global-job" or may_end({"TaskTemplate": template})
    if NOWHERE not in found or not may_rest:
        return live
    placement = {**placement, "Constraints": {key: value for key, value in found.items() if key != NOWHERE}}
    placement = {key: value for key, value in placement.items() if value}
    mode = {key: value for key, value in (live.get("Mode") or {}).items() if (key, value) != ("Replicas", 0)}
    return {**live, "Mode": mode, "TaskTemplate": {**template, "Placement": placement}}


def _marked(paths: t.Iterable[Path]) -> Tree:
    """Return a tree with True where a path ends."""
    tree: Tree = {}
    for path in paths:
        place = tree
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place.setdefault(path[-1], True)
    return tree


def _is_mode_change(wanted: t.Any, current: t.Any) -> bool:
    """The fields of one mode mean nothing in another."""
    return (
        isinstance(wanted, dict)
        and isinstance(current, dict)
        and "Kind" in wanted
        and wanted["Kind"] != current.get("Kind")
    )


def _scaled(base: Tree, desired: Tree, live: Tree) -> bool:
    """Say whether somebody (an autoscaler, an operator) scaled the service and the file did not change its mind."""
    before, wanted, current = (_get(tree, REPLICAS) for tree in (base, desired, live))
    return None not in (before, wanted, current) and wanted == before and current != before


def _kept(desired: Tree, merged: Tree) -> list[Change]:
    declared = {path for path, _value in leaves(desired)}
    return [
        Change(path, value, value, "not declared, kept")
        for path, value in leaves(merged)
        if path not in declared and path != _KEPT
    ]


def _overruled(base: Tree, desired: Tree, live: Tree, merged: Tree) -> list[Change]:
    return [
        Change(path, _get(live, path), value, "changed by somebody else, set back")
        for path, value in leaves(merged)
        if _get(base, path) == value == _get(desired, path) != _get(live, path)
    ]


def _back_to_default(base: Tree, merged: Tree, live: Tree, said: Tree) -> list[Change]:
    """Return what somebody else set where the file says the engine's default."""
    return [
        Change(path, _get(live, path), None, "changed by somebody else, set back")
        for path, _mark in leaves(said)
        if _get(base, path) is None and _get(merged, path) is None and _get(live, path) is not None
    ]


def _get(tree: t.Any, path: Path) -> t.Any:
    for key in path:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(key)
    return tree
