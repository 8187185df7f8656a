# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ServiceSpec that is sent for a merged tree: as much of it as possible exactly as the engine has it. Pure.

The canonical form leaves out ids and whatever means nothing, and must not be sent in place of what is live: the engine
compares specs field by field, an empty mapping and a missing one too, and restarts tasks for a difference without a
meaning; and a reference to a secret without its id is refused.
"""

from __future__ import annotations

import typing as t

from ..._diff import Tree
from .tree import ROOT, UPDATES, Place, from_tree, keyed, parallelism_of, to_tree
from .types import Json

_SECTIONS = ("TaskTemplate", "UpdateConfig", "RollbackConfig", "EndpointSpec", "Labels")


class _Side(t.NamedTuple):
    """A value as it is written, and its canonical form."""

    raw: t.Any
    tree: t.Any

    def at(self, key: str) -> _Side:
        raw = self.raw.get(key) if isinstance(self.raw, dict) else None
        return _Side(raw, self.tree.get(key) if isinstance(self.tree, dict) else None)


def compose_spec(
    tree: Tree, desired: Json, live: Json, current: Tree, networks: t.Mapping[str, str] | None = None
) -> Json:
    """Return the ServiceSpec for a merged tree.

    A part that means the same as the live one is sent exactly as the engine has it, ids included; one that means the
    same as the desired one is sent as it was written.

    :param current: canonical form of I(live).
    :param networks: id → name.
    """
    wanted = to_tree(desired, networks)
    template = dict(live.get("TaskTemplate") or {})
    if live.get("Networks") and not template.get("Networks"):  # old clients put them at the top
        template["Networks"] = live["Networks"]
    has, wants = {**live, "TaskTemplate": template}, _Side(desired, wanted)
    spec: Json = {"Name": desired["Name"]}
    for section in _SECTIONS:
        chosen = _choose(
            tree.get(section), _Side(has, current).at(section), wants.at(section), ROOT.at(section), networks or {}
        )
        if chosen is not None:
            spec[section] = chosen
        if (
            chosen is not None
            and section in UPDATES
            and (chosen.get("Parallelism") or 0) != parallelism_of(tree, section)
        ):
            spec[section] = {**chosen, "Parallelism": parallelism_of(tree, section)}
    spec["Mode"] = _mode(tree, desired, live, current, wanted)
    return spec


def _mode(tree: Tree, desired: Json, live: Json, current: Tree, wanted: Tree) -> Json:
    for side, form in ((live, current), (desired, wanted)):
        if tree.get("Mode") == form.get("Mode") and side.get("Mode") is not None:
            return t.cast(Json, side["Mode"])
    return t.cast(Json, from_tree({"Mode": tree.get("Mode") or {"Kind": "replicated"}})["Mode"])


def _choose(tree: t.Any, live: _Side, desired: _Side, place: Place, names: t.Mapping[str, str]) -> t.Any:
    """Return what to send for I(tree), None for nothing."""
    if live.raw is not None and tree == live.tree:
        return live.raw
    if tree == desired.tree:
        return desired.raw
    if not isinstance(tree, dict):
        return tree
    if place.codec is not None:
        sides = [_Side(_elements(side.raw, place, names), side.tree) for side in (live, desired)]
        return [
            place.codec.decode(key, value)
            if not isinstance(value, dict)
            else _choose(value, sides[0].at(key), sides[1].at(key), place.at("*"), names)
            for key, value in tree.items()
        ]
    parts = {}
    for key in dict.fromkeys([*(live.raw if isinstance(live.raw, dict) else ()), *tree]):
        chosen = _choose(tree.get(key), live.at(key), desired.at(key), place.at(key), names)
        if chosen is not None:
            parts[key] = chosen
    return parts


def _elements(items: t.Any, place: Place, names: t.Mapping[str, str]) -> Json:
    """Return the elements of a list by their keys in the canonical form."""
    if not isinstance(items, list) or place.codec is None:
        return {}
    named = [
        {**item, "Target": names.get(item["Target"], item["Target"])}
        if isinstance(item, dict) and "Target" in item
        else item
        for item in items
    ]
    return {key: item for (key, _value), item in zip(keyed(place.codec, named), items)}
