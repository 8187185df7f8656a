# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes as people think of them: a secret or config in a service is one thing, not six fields. Pure."""

from __future__ import annotations

import re
import typing as t

from ..._diff import Change, Path

NEW_CONTENT = "new content"

_PLACES: dict[Path, str] = {("TaskTemplate", "ContainerSpec", f"{kind}s"): kind for kind in ("Secret", "Config")}
_DIGEST = re.compile(r"_[0-9a-f]{12}$")


def gathered(changes: t.Sequence[Change]) -> list[Change]:
    """Return changes with those of whole references to secrets and configs put together, one for each.

    Its path ends with where the service has it, and its values are the names of the objects.
    """
    whole = {key: found for key, found in _references(changes).items() if len({item.kind for item in found}) == 1}
    result: list[Change] = []
    places: dict[Path, int] = {}
    for change in changes:
        found = whole.get(change.path[:4])
        name = None if found is None else _name(found, change.path)
        if found is None or name is None:
            result.append(change)
            continue
        path = (*change.path[:3], _target(found, name))
        if path not in places:
            places[path] = len(result)
            result.append(Change(path, None, None))
        before = result[places[path]]
        sides: tuple[str | None, str | None]
        sides = (name, before.after) if change.kind == "remove" else (before.before, name)
        result[places[path]] = Change(path, sides[0], sides[1], _note(*sides))
    return result


def reference_kind(change: Change) -> str:
    """Return C(secret) or C(config) for a change that M(gathered) made, "" for others."""
    kind = _PLACES.get(change.path[:3]) if len(change.path) == 4 else None
    return (kind or "").lower()


def _references(changes: t.Sequence[Change]) -> dict[Path, list[Change]]:
    """Return the changes below each reference."""
    found: dict[Path, list[Change]] = {}
    for change in changes:
        if change.path[:3] in _PLACES:
            found.setdefault(change.path[:4], []).append(change)
    return found


def _name(found: t.Sequence[Change], path: Path) -> str | None:
    """Return the name of the object, None when the reference itself stays and only a field of it changes."""
    field = (*path[:4], f"{_PLACES[path[:3]]}Name")
    change = next((item for item in found if item.path == field), None)
    return None if change is None or change.kind == "change" else str(change.after or change.before)


def _target(found: t.Sequence[Change], name: str) -> str:
    file = next((item for item in found if item.path[4:] == ("File", "Name")), None)
    return name if file is None else str(file.after or file.before)


def _note(before: str | None, after: str | None) -> str:
    same = before and after and _DIGEST.sub("", before) == _DIGEST.sub("", after)
    return NEW_CONTENT if same else ""
