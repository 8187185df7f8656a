# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Container images in ECR: references, existence, digests, and what a CI pushed for a git revision."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from ... import _references as references
from ..._errors import InvalidInput
from ..errors import NotFound
from ..threads import in_threads
from . import api as ecr
from .auth import Registry, parse_registry

SHORTEST_REVISION = 7
"""Characters of a git revision that a tag must show at least."""

ClientFor = t.Callable[[Registry], t.Any]


@dataclass(frozen=True)
class Reference:
    """An image's name, taken apart; *tag* and *digest* are ``""`` when not given."""

    text: str
    registry: Registry
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def base(self) -> str:
        """The name without tag and digest."""
        return f"{self.registry.host}/{self.repository}"


@dataclass(frozen=True)
class Found:
    """What ECR says of a reference; *digest* is ``""`` when there is no such image, and *reason* says why."""

    reference: Reference
    digest: str = ""
    reason: str = ""

    def report(self) -> dict[str, t.Any]:
        """Return it as a module does."""
        pinned = f"{self.reference.base}@{self.digest}" if self.digest else None
        return {
            "image": self.reference.text,
            "exists": bool(self.digest),
            "tag": self.reference.tag or None,
            "digest": self.digest or None,
            "pinned": pinned,
            "reason": self.reason,
        }


def parse_reference(text: str) -> Reference:
    """Take ``<registry>/<repository>[:tag][@digest]`` apart.

    :raises InvalidInput: if it is no image in ECR.
    """
    found = references.parse(text)
    if found is None:
        raise InvalidInput(f"{references.problem(text)}.")
    return Reference(text, parse_registry(found.domain), found.path, found.tag, found.digest)


def find_images(references: t.Sequence[Reference], client_for: ClientFor, revision: str = "") -> list[Found]:
    """Return what ECR says of each of *references*, with one call for all images of a repository.

    :param client_for: gives the client of ``ecr`` for a registry.
    :param revision: a git revision; a reference without tag and digest means the newest image tagged with it.
    """
    together: dict[tuple[Registry, str], list[Reference]] = {}
    for reference in references:
        together.setdefault((reference.registry, reference.repository), []).append(reference)
    answers = in_threads(lambda item: _find(client_for(item[0][0]), item[1], revision), list(together.items()))
    by_text = {found.reference.text: found for answer in answers for found in answer}
    return [by_text[reference.text] for reference in references]


def _find(client: t.Any, references: list[Reference], revision: str) -> list[Found]:
    """Find images of one repository."""
    first = references[0]
    try:
        by_revision = ""
        if revision and any(not (item.tag or item.digest) for item in references):
            images = ecr.describe_images(client, first.repository, first.registry.account)
            by_revision = tag_of_revision(images, revision)
        named = [_named(item, revision, by_revision) for item in references]
        asked = [_image_id(item) for item in named if item.tag or item.digest]
        unique = [dict(pairs) for pairs in dict.fromkeys(tuple(item.items()) for item in asked)]
        answer = ecr.get_images(client, first.repository, unique, first.registry.account) if unique else []
    except NotFound as exc:
        return [Found(item, reason=exc.message) for item in references]
    ids = [item["imageId"] for item in answer]
    return [_judge(item, ids, revision) for item in named]


def _named(reference: Reference, revision: str, by_revision: str) -> Reference:
    """Return *reference* with the tag it stands for: the revision's, or ``latest`` as Docker has it."""
    if reference.tag or reference.digest:
        return reference
    return replace(reference, tag=by_revision if revision else "latest")


def _image_id(reference: Reference) -> dict[str, str]:
    return {"imageDigest": reference.digest} if reference.digest else {"imageTag": reference.tag}


def _judge(reference: Reference, ids: list[dict[str, str]], revision: str) -> Found:
    if not (reference.tag or reference.digest):
        return Found(reference, reason=f"No image of {reference.base} is tagged with the revision {revision}.")
    for found in ids:
        if reference.digest:
            if found.get("imageDigest") == reference.digest:
                return Found(reference, reference.digest)
        elif found.get("imageTag") == reference.tag:
            return Found(reference, found["imageDigest"])
    what = f"the digest {reference.digest}" if reference.digest else f"the tag {reference.tag}"
    return Found(reference, reason=f"The repository {reference.base} has no image with {what}.")


def tag_of_revision(images: t.Iterable[t.Mapping[str, t.Any]], revision: str) -> str:
    """Return the tag of the newest of *images* that a CI tagged with the git *revision*, ``""`` if none is.

    A tag matches when it is the revision, or holds its first seven characters or more as a word of its own:
    ``3f2a9c1``, ``git-3f2a9c1d``, ``main-3f2a9c1``.

    :raises InvalidInput: if *revision* is shorter than seven characters.
    """
    if len(revision) < SHORTEST_REVISION:
        raise InvalidInput(f"The revision {revision!r} is too short; give {SHORTEST_REVISION} characters at least.")
    newest = ("", "")
    for image in images:
        for tag in image.get("imageTags", ()):
            if tag == revision or any(_shows(word, revision) for word in re.split(r"[-_.]", tag)):
                newest = max(newest, (str(image.get("imagePushedAt", "")), tag))
    return newest[1]


def _shows(word: str, revision: str) -> bool:
    """Tell whether *word* is a shortened form of *revision*, or the other way round."""
    shorter, longer = sorted((word, revision), key=len)
    return len(shorter) >= SHORTEST_REVISION and longer.startswith(shorter)
