# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node image must not carry, and what a fresh instance of it must have: each item a check with a reason.

Two phases. C(image) runs at the end of a bake, just before the snapshot. C(boot) runs on an instance that was booted
from the image. Both only look.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

from . import boot, dirt
from .finding import Check, Finding

PHASES = ("image", "boot")

_SECRETS = re.compile(rb"SWMTKN-1-[a-z0-9]{50}-[a-z0-9]{25}|SWMKEY-1-\S{20}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
#: Where files of the image's own making may hold a secret.
_SEARCHED = ("etc", "root", "home", "var/lib/apiary-swarm", "var/lib/cloud", "var/log", "tmp", "var/tmp", "opt")
_LARGEST = 1 << 20
_KEYS = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")
#: Where nobody's package puts a private key.
_OWN = ("root", "home", "opt", "tmp", "var/tmp")
#: Programs that write on while an image is checked: what is that new says nothing of the builder but the time.
_WRITERS, _NEW = "var/log/amazon/", 60.0
_LOGINS = (
    "root/.docker/config.json",
    "home/*/.docker/config.json",
    "etc/docker/config.json",
    "var/lib/docker/config.json",
    ".docker/config.json",
)
_PASSWORDS = ("auth", "identitytoken", "registrytoken", "password")


def check(phase: str, root: Path) -> list[Finding]:
    """Run the checks of *phase* on the file system at *root* (tests use another one than C(/))."""
    found = []
    for one in _BOTH + (_IMAGE if phase == "image" else boot.CHECKS):
        try:
            found.append(one(root))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, subprocess.SubprocessError) as exc:
            found.append(Finding(one.__name__.strip("_"), False, f"could not be checked: {exc}"))
    return found


def _absent(name: str, root: Path, *more: Path) -> Finding:
    found = [str(path.relative_to(root)) for path in (*dirt.found(root, *dirt.DIRT.get(name, ())), *more)]
    return Finding(
        name, not found, f"/{found[0]} and {len(found) - 1} more" if len(found) > 1 else "/".join(["", *found])
    )


# -- in both phases ------------------------------------------------------------------------------------------------
def _swarm_inactive(root: Path) -> Finding:
    """A node image with swarm state would make every instance the same node."""
    state = dirt.found(root, "var/lib/docker/swarm/docker-state.json", "var/lib/docker/swarm/state.json")
    return _absent("swarm_inactive", root, *state)


def _no_live_restore(root: Path) -> Finding:
    """An engine with live-restore cannot be in a swarm."""
    daemon = root / "etc/docker/daemon.json"
    settings = json.loads(daemon.read_text()) if daemon.exists() else {}
    return Finding("no_live_restore", not settings.get("live-restore"), "")


def _no_registry_login(root: Path) -> Finding:
    """Registry logins do not belong in an image; credential helpers do."""
    wrong = []
    for path in dirt.found(root, *_LOGINS):
        entries = json.loads(path.read_text()).get("auths", {}).values()
        if any(entry.get(key) for entry in entries for key in _PASSWORDS):
            wrong.append(str(path.relative_to(root)))
    return Finding("no_registry_login", not wrong, ", ".join(wrong))


def _no_secrets(root: Path) -> Finding:
    """No join token, unlock key, AWS key or private key lies about; one that is baked on purpose is in its own file."""
    wrong = []
    for folder in _SEARCHED:
        pattern = _KEYS if folder in _OWN else None
        for path in (root / folder).rglob("*"):
            if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
                continue
            where, content = str(path.relative_to(root)), path.read_bytes()
            if (where != "etc/apiary-swarm/image.json" and _SECRETS.search(content)) or (
                pattern and pattern.search(content)
            ):
                wrong.append(where)
    return Finding("no_secrets", not wrong, ", ".join(wrong[:3]))


# -- before the snapshot -------------------------------------------------------------------------------------------
def _machine_id_empty(root: Path) -> Finding:
    path = root / "etc/machine-id"
    text = path.read_text().strip() if path.exists() else None
    copy = root / dirt.MACHINE_ID_COPY
    if copy.exists() and not copy.is_symlink():
        return Finding("machine_id_empty", False, f"/{dirt.MACHINE_ID_COPY} is no link to it")
    return Finding("machine_id_empty", text in ("", "uninitialized"), "missing" if text is None else text)


def _no_logs(root: Path) -> Finding:
    """Nothing that the builder wrote down; what a program that still runs has begun since is nothing of that."""
    since = time.time() - _NEW

    def is_excused(path: Path) -> bool:
        return str(path.relative_to(root)).startswith(_WRITERS) and path.stat().st_mtime > since

    return _absent("no_logs", root, *(path for path in dirt.logs(root) if not is_excused(path)))


def _no(name: str) -> Check:
    """Return the check that nothing of that kind is there."""

    def absent(root: Path) -> Finding:
        return _absent(name, root)

    absent.__name__ = name
    return absent


_BOTH: tuple[Check, ...] = (_swarm_inactive, _no_live_restore, _no_registry_login, _no_secrets)
_IMAGE: tuple[Check, ...] = (
    _machine_id_empty,
    _no_logs,
    # Caches of credentials come back on a node that works, hence here only.
    *(_no(name) for name in dirt.DIRT if name != "no_logs"),
)
