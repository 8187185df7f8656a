# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the path of the oldest or the newest Python on this machine that a supported ansible-core runs on.

usage: find_python.py oldest|newest
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

OLDEST = (3, 11)  # ansible-core 2.19
NEWEST = (3, 14)  # ansible-core 2.20 and 2.21
TOO_NEW_FOR_OLDEST_CORE = (3, 14)

Version = tuple[int, int]


def candidates() -> list[Path]:
    """Paths that may be interpreters: every ``python3.N`` on PATH, ``python3`` itself, and pyenv's."""
    names = ["python3", *(f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1))]
    on_path = [Path(folder, name) for folder in os.get_exec_path() for name in names]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return [path for path in [*on_path, *sorted(pyenv.glob("*/bin/python3"))] if os.access(path, os.X_OK)]


def version_of(path: Path) -> Version | None:
    """Ask the interpreter for its version.

    None if it does not start (a pyenv shim of an inactive version, say) or belongs to a virtual environment, which may
    be the very one that is about to be made.
    """
    code = "import sys; sys.prefix == sys.base_prefix and print(*sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-c", code], capture_output=True, text=True, timeout=20, check=True)
        major, minor = done.stdout.split()
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def choose(found: Iterable[tuple[Version, Path]], wish: str) -> Path | None:
    """Pick from *found* the path for *wish* ("oldest" or "newest"); None if nothing fits.

    The oldest ansible-core does not run on the newest Python, so a version that is too new for it is no choice for
    "oldest". Among equals the first one found wins.
    """
    limit = TOO_NEW_FOR_OLDEST_CORE if wish == "oldest" else (NEWEST[0], NEWEST[1] + 1)
    fitting = [(version, path) for version, path in found if OLDEST <= version < limit]
    if not fitting:
        return None
    best = (min if wish == "oldest" else max)(version for version, path in fitting)
    return next(path for version, path in fitting if version == best)


def main(argv: list[str]) -> int:
    """Entry point; 2 for wrong usage, 1 if no interpreter fits."""
    if len(argv) != 2 or argv[1] not in ("oldest", "newest"):
        print(__doc__, file=sys.stderr)
        return 2
    found = [(version, path) for path in candidates() if (version := version_of(path))]
    chosen = choose(found, argv[1])
    if chosen is None:
        print("No Python 3.11 to 3.14 was found on PATH or among pyenv's versions; install python3.", file=sys.stderr)
        return 1
    print(chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
