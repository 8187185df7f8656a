# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images in the ECR of a region."""

from __future__ import annotations

import hashlib
import json

from moto_region import Region


def push(region: Region, repository: str, tag: str) -> str:
    """Put an image into *repository* and return its digest."""
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    # moto makes an image's digest of those of its layers.
    layer = {"size": 1, "digest": "sha256:" + hashlib.sha256(tag.encode()).hexdigest()}
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": {"size": 1}, "layers": [layer]}
    region.client("ecr").put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)
    (found,) = [digest for digest, tags in tags_of(region, repository).items() if tag in tags]
    return found


def tags_of(region: Region, repository: str) -> dict[str, set[str]]:
    """Return the tags of every image by digest."""
    details = region.client("ecr").describe_images(repositoryName=repository)["imageDetails"]
    return {item["imageDigest"]: set(item.get("imageTags", [])) for item in details}
