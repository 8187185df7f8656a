# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack chosen collections out of the wheel of the PyPI package "ansible".

Galaxy may be out of reach where PyPI is not; the wheel holds the same released collections.

usage: unpack_collections.py WHEEL TARGET NAMESPACE.NAME...
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path


class UnpackError(Exception):
    """The wheel does not hold a wanted collection."""


def unpack(wheel: Path, target: Path, collections: Sequence[str]) -> int:
    """Replace each of *collections* under ``target/ansible_collections`` by the wheel's copy; return the file count.

    :raises UnpackError: a collection is not in the wheel; nothing has been touched then.
    """
    with zipfile.ZipFile(wheel) as archive:
        members = {
            name: [entry for entry in archive.namelist() if entry.startswith(f"ansible_collections/{folder}/")]
            for name in collections
            for folder in [name.replace(".", "/")]
        }
        missing = sorted(name for name, entries in members.items() if not entries)
        if missing:
            raise UnpackError(f"{wheel.name} does not hold {', '.join(missing)}")
        for name, entries in members.items():
            shutil.rmtree(target / "ansible_collections" / name.replace(".", "/"), ignore_errors=True)
            archive.extractall(target, entries)
    return sum(len(entries) for entries in members.values())


def main(argv: list[str]) -> int:
    """Entry point; 2 for wrong usage, 1 for a collection that is not there."""
    if len(argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        unpack(Path(argv[1]), Path(argv[2]), argv[3:])
    except UnpackError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
