# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""What a node image must not carry, and what a fresh instance of it must have: each item a check with a reason.

Two phases. C(image) runs at the end of a bake, just before the snapshot. C(boot) runs on an instance that was booted
from the image. Both only look.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from . import boot
from .finding import Check, Finding

PHASES = ("image", "boot")

_SECRETS = re.compile(rb"SWMTKN-1-[a-z0-9]{50}-[a-z0-9]{25}|SWMKEY-1-\S{20}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
#: Where files of the image's own making may hold a secret.
_SEARCHED = ("etc", "root", "home", "var/lib/apiary-swarm", "var/lib/cloud", "var/log", "tmp", "var/tmp", "opt")
_LARGEST = 1 << 20
_CACHES = ("var/cache/apt/archives/*.deb", "var/lib/apt/lists/*_Packages*", "var/cache/dnf/*/packages/*.rpm")


def check(phase: str, root: Path) -> list[Finding]:
    """Run the checks of *phase* on the file system at *root* (tests use another one than C(/))."""
    found = []
    for one in _BOTH + (_IMAGE if phase == "image" else boot.CHECKS):
        try:
            found.append(one(root))
        except (OSError, ValueError, subprocess.SubprocessError) as exc:
            found.append(Finding(one.__name__.strip("_"), False, f"could not be checked: {exc}"))
    return found


def _absent(name: str, root: Path, *patterns: str) -> Finding:
    found = sorted(str(path.relative_to(root)) for pattern in patterns for path in root.glob(pattern))
    return Finding(
        name, not found, f"/{found[0]} and {len(found) - 1} more" if len(found) > 1 else "/".join(["", *found])
    )


# -- in both phases ------------------------------------------------------------------------------------------------
def _swarm_inactive(root: Path) -> Finding:
    """A node image with swarm state would make every instance the same node."""
    return _absent("swarm_inactive", root, "var/lib/docker/swarm/docker-state.json", "var/lib/docker/swarm/state.json")


def _no_live_restore(root: Path) -> Finding:
    """An engine with live-restore cannot be in a swarm."""
    daemon = root / "etc/docker/daemon.json"
    settings = json.loads(daemon.read_text()) if daemon.exists() else {}
    return Finding("no_live_restore", not settings.get("live-restore"), "")


def _no_registry_login(root: Path) -> Finding:
    """Registry logins do not belong in an image; credential helpers do."""
    wrong = []
    for path in [root / "root/.docker/config.json", *root.glob("home/*/.docker/config.json")]:
        if path.exists() and any(entry.get("auth") for entry in json.loads(path.read_text()).get("auths", {}).values()):
            wrong.append(str(path.relative_to(root)))
    return Finding("no_registry_login", not wrong, ", ".join(wrong))


def _no_secrets(root: Path) -> Finding:
    """No join token, unlock key or AWS key lies about; one that is baked on purpose is in its own file."""
    wrong = []
    for folder in _SEARCHED:
        for path in (root / folder).rglob("*"):
            if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
                continue
            where = str(path.relative_to(root))
            if where != "etc/apiary-swarm/image.json" and _SECRETS.search(path.read_bytes()):
                wrong.append(where)
    return Finding("no_secrets", not wrong, ", ".join(wrong[:3]))


# -- before the snapshot -------------------------------------------------------------------------------------------
def _no_engine_identity(root: Path) -> Finding:
    return _absent("no_engine_identity", root, "etc/docker/key.json", "var/lib/docker/engine-id")


def _no_swarm_folder(root: Path) -> Finding:
    return _absent("no_swarm_folder", root, "var/lib/docker/swarm")


def _machine_id_empty(root: Path) -> Finding:
    path = root / "etc/machine-id"
    text = path.read_text().strip() if path.exists() else None
    return Finding("machine_id_empty", text in ("", "uninitialized"), "missing" if text is None else text)


def _no_host_keys(root: Path) -> Finding:
    return _absent("no_ssh_host_keys", root, "etc/ssh/ssh_host_*")


def _no_authorized_keys(root: Path) -> Finding:
    return _absent("no_authorized_keys", root, "root/.ssh/authorized_keys", "home/*/.ssh/authorized_keys")


def _no_histories(root: Path) -> Finding:
    return _absent("no_histories", root, "root/.*_history", "home/*/.*_history")


def _cloud_init_clean(root: Path) -> Finding:
    return _absent(
        "cloud_init_clean", root, "var/lib/cloud/instance", "var/lib/cloud/instances/*", "var/log/cloud-init*.log"
    )


def _no_random_seed(root: Path) -> Finding:
    return _absent("no_random_seed", root, "var/lib/systemd/random-seed", "var/lib/systemd/credential.secret")


def _no_leases(root: Path) -> Finding:
    return _absent(
        "no_dhcp_leases", root, "var/lib/dhcp/*.leases", "var/lib/NetworkManager/*.lease", "var/lib/dhclient/*"
    )


def _no_caches(root: Path) -> Finding:
    return _absent("no_package_caches", root, *_CACHES)


def _no_logs(root: Path) -> Finding:
    return _absent(
        "no_logs", root, "var/log/journal/*/*", "var/log/*.gz", "var/log/*.1", "var/log/auth.log", "var/log/syslog"
    )


def _no_node_settings(root: Path) -> Finding:
    """Which cluster an instance belongs to comes from its user data."""
    return _absent("no_node_settings", root, "etc/apiary-swarm/node.json", "var/lib/apiary-swarm/edge/*")


def _no_ssm_registration(root: Path) -> Finding:
    return _absent("no_ssm_registration", root, "var/lib/amazon/ssm/*")


_BOTH: tuple[Check, ...] = (_swarm_inactive, _no_live_restore, _no_registry_login, _no_secrets)
_IMAGE: tuple[Check, ...] = (
    _no_engine_identity,
    _no_swarm_folder,
    _machine_id_empty,
    _no_host_keys,
    _no_authorized_keys,
    _no_histories,
    _cloud_init_clean,
    _no_random_seed,
    _no_leases,
    _no_caches,
    _no_logs,
    _no_node_settings,
    _no_ssm_registration,
)
