# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of an image in other regions. One function per API call."""

from __future__ import annotations

import time
import typing as t
import uuid

from ..errors import AwsError, api_call
from . import api as images
from .baking import Image

POLL = 10.0
"""Seconds between two looks at a copy, which AWS makes in minutes."""


def origin(region: str, image_id: str) -> str:
    """Return the value of the tag by which a copy of *image_id* in *region* is known."""
    return f"{region}:{image_id}"


@api_call("list the copies of {source}", permission="ec2:DescribeImages")
def find(client: t.Any, source: str) -> list[Image]:
    """Return the copies of *source* (see :func:`origin`) in the client's region, those that failed too."""
    found = client.describe_images(Owners=["self"], Filters=[{"Name": f"tag:{images.TAG_COPY_OF}", "Values": [source]}])
    return [images.from_api(item) for item in found["Images"]]


@api_call("copy the image {image.image_id} from {region}", permission="ec2:CopyImage")
def copy(client: t.Any, image: Image, region: str, tags: t.Mapping[str, str], kms_key_id: str) -> str:
    """Start an encrypted copy of *image*, which is in *region*, and return its ID.

    :param tags: of the copy and its snapshots.
    :param kms_key_id: the key for its snapshots, ``""`` for AWS's own.
    """
    marks = [{"Key": key, "Value": value} for key, value in tags.items()]
    answer = client.copy_image(
        SourceRegion=region,
        SourceImageId=image.image_id,
        Name=image.name,
        Description=f"Copy of {image.image_id} in {region}",
        Encrypted=True,
        # The same in every retry of this call, so that an answer that is lost does not make a second copy.
        ClientToken=uuid.uuid4().hex,
        TagSpecifications=[{"ResourceType": kind, "Tags": marks} for kind in ("image", "snapshot")],
        **({"KmsKeyId": kms_key_id} if kms_key_id else {}),
    )
    return str(answer["ImageId"])


def wait(client: t.Any, image_id: str, timeout: float, poll: float = POLL) -> None:
    """Wait until the copy *image_id* is available.

    :param timeout: seconds.
    :raises AwsError: if it fails, or is not available in time.
    """
    region = str(client.meta.region_name)
    deadline = time.monotonic() + timeout
    while True:
        image = images.get_image(client, image_id)
        if image is not None and image.state == "available":
            return
        if image is not None and image.state not in ("pending", "transient"):
            reason = image.state_reason or f"its state is {image.state}"
            raise AwsError(f"The copy {image_id} in {region} failed: {reason.rstrip('.')}.", region=region)
        if time.monotonic() >= deadline:
            raise AwsError(
                f"The copy {image_id} in {region} is not available after {timeout:.0f} seconds.", region=region
            )
        time.sleep(min(poll, max(0.0, deadline - time.monotonic())))
