# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names the engine takes; C(tests/integration/engine/test_source_facts.py) asks one."""

from __future__ import annotations

import hashlib
import re

# Services and networks: each name is a DNS label (swarmkit manager/controlapi/common.go: validateAnnotations).
_SERVICE = re.compile(r"[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*")
# Configs and secrets (the same: validateConfigOrSecretAnnotations).
_OBJECT = re.compile(r"[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?")
# Volumes, which the nodes make (moby daemon/names/names.go: RestrictedNamePattern).
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
MAX_SERVICE = 63
MAX_OBJECT = 64
_MARK = 8


def service_name_problem(name: str) -> str:
    """Return what is wrong with the name of a service or of a network of the swarm, or V("")."""
    allowed = 'letters, digits, "-" and "_", and begin and end with the first two'
    return _problem(name, MAX_SERVICE, _SERVICE, allowed)


def object_name_problem(name: str) -> str:
    """Return what is wrong with the name of a config or secret, or V("")."""
    return _problem(name, MAX_OBJECT, _OBJECT, 'letters, digits, "-", "_" and ".", the first two at both ends')


def _problem(name: str, most: int, pattern: re.Pattern[str], allowed: str) -> str:
    if len(name) > most:
        return f'the name "{name}" has {len(name)} characters; the engine takes {most}'
    return "" if pattern.fullmatch(name) else f'the name "{name}" may have only {allowed}'


def with_digest(name: str, digest: str) -> str:
    """Return the name of a config or secret with the digest of its content behind it.

    A long one is cut so that the engine takes it; a digest of the name keeps it apart from others that begin so.
    """
    room = MAX_OBJECT - len(digest) - 1
    if len(name) > room:
        mark = hashlib.sha256(name.encode()).hexdigest()[:_MARK]
        name = f"{name[: room - _MARK - 1]}_{mark}"
    return f"{name}_{digest}"


def volume_name_problem(name: str) -> str:
    """Return what is wrong with the name of a volume, or V("")."""
    if len(name) < 2:
        return f'the name "{name}" is too short; engines take volumes of two characters or more'
    if not _VOLUME.fullmatch(name):
        return f'the name "{name}" may have only letters, digits, "-", "_" and ".", and begin with the first two'
    return ""
