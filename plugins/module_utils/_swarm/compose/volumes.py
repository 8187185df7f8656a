# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short syntax of volumes, and paths of bind mounts."""

from __future__ import annotations

import posixpath
import re
import typing as t

from ..problems import BadValue, kind, marked

Volume = dict[str, t.Any]

PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
# A drive with a slash instead of a backslash would be a volume with a name of one letter.
_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:\\")


def short_volume(entry: str) -> tuple[Volume, str]:
    """Return the long form of C([source:]target[:options]), and a warning or V("").

    Raises BadValue.
    """
    parts = _split(entry)
    problem = f'must be like "data:/var/lib/data" or "/srv/data:/data:ro", not {kind(entry)}'
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise BadValue(problem)
    if len(parts) == 1:
        return {"type": "volume", "target": parts[0]}, ""
    volume: Volume = {"type": "bind" if is_path(parts[0]) else "volume", "source": parts[0], "target": parts[1]}
    unknown = []
    for option in parts[2].split(",") if len(parts) == 3 else ():
        if option in {"ro", "rw"}:
            volume["read_only"] = option == "ro"
        elif option == "nocopy":
            volume["volume"] = {"nocopy": True}
        elif option in PROPAGATIONS:
            volume["bind"] = {"propagation": option}
        else:
            unknown.append(option)
    return (
        volume,
        f"{marked(', '.join(unknown))} in {kind(entry)} has no meaning in a swarm and is ignored" if unknown else "",
    )


def is_path(source: str) -> bool:
    """Say whether the source of a mount is a path rather than the name of a volume."""
    return source[0] in "./~" or source.startswith("\\\\") or bool(_WINDOWS_DRIVE.match(source))


def _split(entry: str) -> list[str]:
    """Split at colons, but not at that of a Windows drive."""
    parts: list[str] = []
    rest = entry
    while True:
        start = 2 if _WINDOWS_DRIVE.match(rest) else 0
        colon = rest.find(":", start)
        if colon < 0:
            return [*parts, rest]
        parts.append(rest[:colon])
        rest = rest[colon + 1 :]


def absolute(source: str, project_dir: str, home: str | None) -> str:
    """Return the path of a bind mount's source: relative ones start at the folder of the first file."""
    if source.startswith("~") and home is not None:
        source = home + source[1:]
    if source.startswith(("/", "\\\\")) or _WINDOWS_DRIVE.match(source):
        return source
    return posixpath.normpath(posixpath.join(project_dir, source))
