# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a builder leaves on its disk that no image may carry: patterns below the root, by the check that looks for them.

The cleaning removes all of it, the checks look for all of it: a pattern stands here and nowhere else. Files are named
by kind (every file under /var/log), not by the programs that happened to write one on the day of the last look.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

_HOMES = ("root", "home/*")


def _in_homes(*names: str) -> tuple[str, ...]:
    return tuple(f"{home}/{name}" for home in _HOMES for name in names)


DIRT: dict[str, tuple[str, ...]] = {
    "no_engine_identity": ("etc/docker/key.json", "var/lib/docker/engine-id"),
    "no_swarm_folder": ("var/lib/docker/swarm",),
    "no_ssh_host_keys": ("etc/ssh/ssh_host_*",),
    # Keys of any name, who may log in, and whom somebody has talked to.
    "no_authorized_keys": _in_homes(".ssh/*", ".ssh/.[!.]*", ".gnupg/private-keys-v1.d/*"),
    "no_histories": _in_homes(
        ".*_history",
        ".*history",
        ".lesshst",
        ".viminfo",
        ".wget-hsts",
        ".local/share/nano/*",
        ".Xauthority",
        ".ansible",
        ".ansible_async",
        ".cache",
    ),
    # User data and what the metadata service said, credentials of the builder's role among it.
    "cloud_init_clean": ("var/lib/cloud/*", "etc/udev/rules.d/70-persistent-net.rules"),
    "no_random_seed": (
        "var/lib/systemd/random-seed",
        "var/lib/systemd/credential.secret",
        "var/lib/urandom/random-seed",
        "boot/loader/random-seed",
        "boot/efi/loader/random-seed",
        "efi/loader/random-seed",
    ),
    "no_dhcp_leases": (
        "var/lib/dhcp/*",
        "var/lib/dhclient/*",
        "var/lib/dhcpcd/*",
        "var/lib/NetworkManager/*",
    ),
    "no_package_caches": (
        "var/cache/apt/*.bin",
        "var/cache/apt/archives/*.deb",
        "var/cache/apt/archives/partial/*",
        "var/lib/apt/lists/*",
        "var/cache/dnf/*",
        "var/cache/yum/*",
        "var/cache/libdnf5/*",
    ),
    # Memory of programs may hold anything.
    "no_logs": (
        "var/crash/*",
        "var/lib/systemd/coredump/*",
        "var/lib/apport/coredump/*",
        "var/mail/*",
        "var/spool/mail/*",
    ),
    "no_node_settings": ("etc/apiary-swarm/node.json", "var/lib/apiary-swarm/*"),
    "no_ssm_registration": ("var/lib/amazon/ssm/*",),
    # The credential helper of ECR keeps tokens, the AWS CLI keeps sessions of roles.
    "no_secrets": _in_homes(
        ".aws/credentials",
        ".aws/cli/cache/*",
        ".aws/sso/cache/*",
        ".aws/boto/cache/*",
        ".ecr/*",
        ".dockercfg",
        ".config/containers/auth.json",
        ".netrc",
        ".git-credentials",
        ".config/gh/hosts.yml",
        ".vault-token",
        ".pgpass",
        ".my.cnf",
        ".pypirc",
        ".kube/cache/*",
    ),
}

ALSO_REMOVED = ("tmp/*", "tmp/.[!.]*", "var/tmp/*", "var/tmp/.[!.]*", "var/lib/chrony/*")
"""Of no harm, and of no use to an image."""

LOGS = "var/log"
"""Every file below goes, whatever its name (rotated and compressed ones too); folders stay as they are."""

EMPTIED = ("etc/machine-id", "var/log/btmp", "var/log/lastlog", "var/log/wtmp")
"""Files that must stay, empty: without /etc/machine-id systemd takes the first boot for a rescue."""

MACHINE_ID_COPY = "var/lib/dbus/machine-id"
"""Where it is no link to /etc/machine-id, it is the builder's for ever."""


def found(root: Path, *patterns: str) -> list[Path]:
    """Return what there is below *root* of these patterns, sorted."""
    return sorted({path for pattern in patterns for path in root.glob(pattern)})


def logs(root: Path) -> t.Iterator[Path]:
    """Yield the files of logs that hold something, but for those that are emptied only (when they are empty)."""
    for path in sorted((root / LOGS).rglob("*")):
        if path.is_symlink() or path.is_dir():
            continue
        if str(path.relative_to(root)) not in EMPTIED or (path.is_file() and path.stat().st_size):
            yield path
