# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""The last step of a bake: takes away what belongs to the builder and not to the image.

One command does it all, because each further step over SSH would leave traces of its own, and because the builder
cannot be reached any more once its keys are gone.
"""

from __future__ import annotations

import shutil
import subprocess
import typing as t
from pathlib import Path

#: Stopped first: they would write again what is removed. The random seed, for one, is saved when its unit stops.
_UNITS = ("docker.socket", "docker.service", "containerd.service", "systemd-random-seed.service", "rsyslog.service")

REMOVED = (
    "etc/apiary-swarm/node.json",
    "etc/docker/key.json",
    "etc/ssh/ssh_host_*",
    "home/*/.*_history",
    "home/*/.ansible",
    "home/*/.cache",
    "home/*/.ssh/authorized_keys",
    "root/.*_history",
    "root/.ansible",
    "root/.cache",
    "root/.ssh/authorized_keys",
    "tmp/*",
    "tmp/.[!.]*",
    "var/cache/apt/*.bin",
    "var/cache/apt/archives/*.deb",
    "var/cache/dnf/*",
    "var/lib/amazon/ssm/*",
    "var/lib/apiary-swarm/*",
    "var/lib/apt/lists/*",
    "var/lib/chrony/*",
    "var/lib/cloud/*",
    "var/lib/dhclient/*",
    "var/lib/dhcp/*",
    "var/lib/docker/engine-id",
    "var/lib/docker/swarm",
    "var/lib/NetworkManager/*.lease",
    "var/lib/systemd/credential.secret",
    "var/lib/systemd/random-seed",
    "var/log/*.gz",
    "var/log/*.[0-9]",
    "var/log/*.log",
    "var/log/apt/*",
    "var/log/journal/*",
    "var/log/syslog",
    "var/tmp/*",
)
"""Patterns below the root."""

EMPTIED = ("etc/machine-id", "var/log/btmp", "var/log/lastlog", "var/log/wtmp")
"""Files that must stay, empty: without /etc/machine-id systemd takes the first boot for a rescue."""


def clean(root: Path, run: t.Callable[[t.Sequence[str]], object] | None = None) -> list[str]:
    """Clean the file system at *root*; return what was removed.

    :param run: runs a command (tests give another one); failure does not matter, for not every system has all units.
    """
    (run or _run)(["systemctl", "stop", *_UNITS])
    removed = []
    for pattern in REMOVED:
        for path in sorted(root.glob(pattern)):
            removed.append(str(path.relative_to(root)))
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    for name in EMPTIED:
        path = root / name
        if path.exists() and path.stat().st_size:
            path.write_bytes(b"")
            removed.append(name)
    return removed


def _run(command: t.Sequence[str]) -> object:
    # A program on a node, no module: there is no run_command.
    return subprocess.run(  # pylint: disable=ansible-bad-function
        command, capture_output=True, check=False, timeout=120
    )
