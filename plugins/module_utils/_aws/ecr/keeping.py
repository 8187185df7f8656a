# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags that protect the images of kept releases from the lifecycle policy of their repository."""

from __future__ import annotations

import contextlib
import typing as t

from ..errors import AlreadyExists, NotFound
from . import api as ecr

Json = dict[str, t.Any]

KEPT_PREFIX = "kept-"
"""How the tags begin that protect the images of kept releases from the lifecycle policy."""
RELEASED_PREFIX = "released-"
"""How the tag begins that an image gets in the place of its last one; no rule protects it."""


def kept_tag(digest: str, keeper: str = "") -> str:
    """Return the tag by which *keeper*, such as a cluster, protects the image *digest*.

    Clusters share repositories, so each has tags of its own: what one lets go, another may still need.
    """
    return KEPT_PREFIX + (f"{keeper}-" if keeper else "") + digest.partition(":")[2][:24]


def released_tag(digest: str) -> str:
    """Return the tag that the image *digest* gets when no other is left to it."""
    return RELEASED_PREFIX + digest.partition(":")[2][:24]


def only_kept(image: Json) -> bool:
    """Tell whether *image*, an entry of DescribeImages, has no tag but those that protect it.

    ECR deletes an image with its last tag (BatchDeleteImage, Amazon ECR API Reference: "If you remove the last tag from
    an image, the image is deleted from your repository"). The tags of all keepers count here, for two of them may let
    go at the same time.
    """
    return all(tag.startswith(KEPT_PREFIX) for tag in image.get("imageTags", ()))


def keep(client: t.Any, name: str, digests: t.Sequence[str], keeper: str) -> None:
    """Give each of the images *digests* of the repository *name* the protecting tag of *keeper*.

    :raises NotFound: if an image does not exist.
    """
    _tag(client, name, {digest: kept_tag(digest, keeper) for digest in digests})


def release(client: t.Any, name: str, digests: t.Sequence[str], keeper: str) -> None:
    """Take the protecting tags of *keeper* from *digests*, leaving each image a tag, for ECR would delete it."""
    images = ecr.describe_images(client, name)
    bare = [item["imageDigest"] for item in images if item["imageDigest"] in digests and only_kept(item)]
    _tag(client, name, {digest: released_tag(digest) for digest in bare})
    ecr.delete_image_tags(client, name, [kept_tag(digest, keeper) for digest in digests])


def _tag(client: t.Any, name: str, tags: t.Mapping[str, str]) -> None:
    """Give images one more tag each, by digest."""
    if not tags:
        return
    found = ecr.get_images(client, name, [{"imageDigest": digest} for digest in tags])
    by_digest = {item["imageId"]["imageDigest"]: item for item in found}
    for digest, tag in tags.items():
        if digest not in by_digest:
            raise NotFound(f"Repository {name} has no image {digest}, so it cannot be kept.")
        with contextlib.suppress(AlreadyExists):  # somebody else has just done it
            ecr.put_image_tag(client, name, by_digest[digest], tag)
