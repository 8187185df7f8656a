# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last step of a bake: takes away what belongs to the builder and not to the image.

One command does it all, because each further step over SSH would leave traces of its own, and because the builder
cannot be reached any more once its keys are gone.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
import typing as t
from pathlib import Path

from . import dirt

#: Stopped first: they would write again what is removed. The random seed, for one, is saved when its unit stops. Not so
#: the agent of Systems Manager: this command may have come through it.
_UNITS = (
    "docker.socket",
    "docker.service",
    "containerd.service",
    "systemd-random-seed.service",
    "syslog.socket",
    "rsyslog.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "chrony.service",
    "chronyd.service",
    "amazon-cloudwatch-agent.service",
)


def clean(root: Path, run: t.Callable[[t.Sequence[str]], object] | None = None) -> list[str]:
    """Clean the file system at *root*; return what was removed.

    :param run: runs a command (tests give another one); failure does not matter, for not every system has all units.
    """
    (run or _run)(["systemctl", "stop", *_UNITS])
    removed = []
    patterns = itertools.chain(dirt.ALSO_REMOVED, *dirt.DIRT.values())
    for path in [*dirt.found(root, *patterns), *_machine_id_copy(root)]:
        # What stands below another one is gone with it.
        if not path.is_symlink() and not path.exists():
            continue
        removed.append(str(path.relative_to(root)))
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for path in list(dirt.logs(root)):
        if str(path.relative_to(root)) not in dirt.EMPTIED:
            removed.append(str(path.relative_to(root)))
            path.unlink(missing_ok=True)
    for folder in sorted((root / dirt.LOGS / "journal").glob("*")):
        shutil.rmtree(folder, ignore_errors=True)  # named after the machine's id
    for name in dirt.EMPTIED:
        path = root / name
        if path.exists() and path.stat().st_size:
            path.write_bytes(b"")
            removed.append(name)
    return removed


def _machine_id_copy(root: Path) -> list[Path]:
    path = root / dirt.MACHINE_ID_COPY
    return [path] if path.exists() and not path.is_symlink() else []


def _run(command: t.Sequence[str]) -> object:
    # A program on a node, no module: there is no run_command.
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run(  # pylint: disable=ansible-bad-function
            command, capture_output=True, check=False, timeout=120
        )
    return None
