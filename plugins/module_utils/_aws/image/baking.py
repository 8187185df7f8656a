# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images: what identifies a bake, whether one is due and why, and which old images may go; pure."""

from __future__ import annotations

import hashlib
import json
import typing as t
from dataclasses import dataclass, field

PARTS = ("base", "roles", "variables", "version")
"""What a bake depends on, in the order in which changes are named."""

_WORDS = {
    "base": "the base image",
    "roles": "the roles' files",
    "variables": "the variables",
    "version": "the collection's version",
}


@dataclass(frozen=True)
class Image:
    """An AMI; times are ISO 8601, ``""`` when unknown; sizes in GiB, 0 when unknown."""

    image_id: str
    name: str = ""
    state: str = "available"
    state_reason: str = ""
    created: str = ""
    deprecated: str = ""
    imds_support: str = ""
    architecture: str = ""
    root_device_name: str = ""
    root_size: int = 0
    encrypted: bool = False
    snapshot_ids: tuple[str, ...] = ()
    tags: t.Mapping[str, str] = field(default_factory=dict)

    @property
    def user(self) -> str:
        """Who logs in to its machines; images that do not tell are Debian's."""
        return self.tags.get("swarm:user", "admin")

    @property
    def validated(self) -> bool:
        """Whether an instance of it was booted and passed all checks."""
        return self.state == "available" and self.tags.get("swarm:validated") == "true"


@dataclass(frozen=True)
class Verdict:
    """Whether to bake.

    :ivar image: the image to use instead, when there is nothing to bake.
    :ivar reason: one sentence.
    """

    bake: bool
    reason: str
    image: Image | None = None
    changed_parts: tuple[str, ...] = ()


def bake_hash(parts: t.Mapping[str, str]) -> str:
    """Return the hash that stands for one bake: same base, roles, variables and version, same hash.

    :raises KeyError: if one of :data:`PARTS` is missing.
    """
    text = json.dumps({name: parts[name] for name in PARTS}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def parts_to_tag(parts: t.Mapping[str, str]) -> str:
    """Return *parts* as the value of an AWS tag (256 characters at most)."""
    return " ".join(f"{name}={parts[name]}" for name in PARTS)


def parts_from_tag(value: str) -> dict[str, str]:
    """Read what :func:`parts_to_tag` wrote."""
    return dict(item.split("=", 1) for item in value.split(" ") if "=" in item)


def decide(parts: t.Mapping[str, str], images: t.Sequence[Image], force: bool = False) -> Verdict:
    """Decide whether to bake.

    :param images: the account's baked images, newest first.
    :param force: bake in any case.
    """
    wanted = bake_hash(parts)
    same = [image for image in images if image.tags.get("swarm:bake-hash") == wanted]
    usable = [image for image in same if image.validated]
    if force:
        return Verdict(True, "A bake was asked for in any case.")
    if usable:
        return Verdict(False, f"{usable[0].image_id} was baked from the same base, roles and variables.", usable[0])
    if same:
        return Verdict(True, f"{same[0].image_id} was baked from the same, but never passed its checks.")
    last = next((image for image in images if image.validated), None)
    if last is None:
        return Verdict(True, "There is no validated image yet.")
    before = parts_from_tag(last.tags.get("swarm:bake-parts", ""))
    changed = tuple(name for name in PARTS if before.get(name) != parts[name])
    words = " and ".join(_WORDS[name] for name in changed)
    return Verdict(True, f"Since {last.image_id} was baked, {words or 'something'} changed.", None, changed)


@dataclass(frozen=True)
class Retirement:
    """What becomes of one old image, and why."""

    image: Image
    retire: bool
    reason: str


def plan_retirement(
    images: t.Sequence[Image],
    users: t.Mapping[str, t.Sequence[str]],
    keep: int,
    cluster: str,
    unfinished: bool = False,
) -> list[Retirement]:
    """Decide which of *images* may go.

    :param images: the account's baked images, newest first.
    :param users: who uses an image, by image id.
    :param keep: how many of the newest validated images stay in any case.
    :param cluster: the cluster whose images these are; others' are left alone.
    :param unfinished: retire also images that are being made; only right while no bake can be making them.
    """
    found = []
    kept = 0
    for image in images:
        if image.tags.get("swarm:cluster") != cluster:
            continue
        used_by = list(users.get(image.image_id, ()))
        if image.validated and kept < keep:
            kept += 1
            found.append(Retirement(image, False, f"number {kept} of the {keep} newest"))
        elif used_by:
            found.append(Retirement(image, False, f"used by {', '.join(used_by)}"))
        elif image.state == "pending" and not unfinished:
            found.append(Retirement(image, False, "is being made"))
        else:
            reason = "older than the newest that are kept" if image.validated else "never passed its checks"
            found.append(Retirement(image, True, reason))
    return found
