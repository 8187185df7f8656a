#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_copy
short_description: Copy a node image to other regions
description:
  - Makes an encrypted copy of an image in each of some regions, side by side, and waits for all of them.
  - A copy carries the tags of its image and C(swarm:copy-of), by which it is found again, so each is made once. One that
    failed is removed and made again.
  - Sharing, the deprecation date and IMDSv2 are for M(apiary.swarm.image_attributes), in the copy's region.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.aws
  - apiary.swarm.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  image_id:
    description:
      - The ID of the image in O(region). It must be available.
    type: str
    required: true
  to_regions:
    description:
      - The regions to copy it to; O(region) itself is left out.
    type: list
    elements: str
    required: true
  kms_key_ids:
    description:
      - Keys of one's own for the copies' snapshots, ARNs by region. Other regions use AWS's key for EBS.
    type: dict
    default: {}
  wait_timeout:
    description:
      - Seconds within which AWS must have made the copies.
    type: int
    default: 1800
seealso:
  - module: apiary.swarm.image_attributes
"""

EXAMPLES = r"""
- name: Copy a node image
  apiary.swarm.image_copy:
    region: eu-west-1
    image_id: ami-0abc1234
    to_regions: [eu-central-1, us-east-1]
  register: copied

- name: Publish the copies
  apiary.swarm.image_attributes:
    region: "{{ item.region }}"
    image_id: "{{ item.image_id }}"
    publish_to: /swarm-images/demo/ami
  loop: "{{ copied.copies }}"
"""

RETURN = r"""
copies:
  description: The copies, in the order of O(to_regions).
  returned: success
  type: list
  elements: dict
  contains:
    region:
      description: The region.
      type: str
    image_id:
      description: The ID of the copy, empty for one that check mode would make.
      type: str
    made:
      description: Whether this task made it.
      type: bool
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._aws.errors import AwsError, known_regions, nearest
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import api as images
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import copies as image_copies
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.baking import Image
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.threads import in_threads
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput, Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "image_id": {"type": "str", "required": True},
    "to_regions": {"type": "list", "elements": "str", "required": True},
    "kms_key_ids": {"type": "dict", "default": {}, "no_log": False},
    "wait_timeout": {"type": "int", "default": 1800},
}


def check(regions: t.Sequence[str], keys: t.Mapping[str, t.Any]) -> None:
    """Check what can be known to be wrong before anything is made.

    :raises InvalidInput: for the first thing that is.
    """
    known = known_regions()
    for region in (*regions, *keys):
        if region not in known:
            raise InvalidInput(f"There is no region {region}{nearest(region, known)}.")
    for region, key in keys.items():
        parts = str(key).split(":")
        if len(parts) != 6 or parts[0] != "arn" or parts[2] != "kms":
            raise InvalidInput(
                f"kms_key_ids: {key!r} for {region} is not the ARN of a key (arn:aws:kms:{region}:ACCOUNT:key/ID)."
            )
        if parts[3] != region:
            raise InvalidInput(f"kms_key_ids: the key for {region} is in {parts[3]}; take one of {region}.")


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Copy the image to where it is missing.

    :raises InvalidInput: if a region is unknown.
    :raises Refused: if there is no such image, or a copy failed.
    """
    keys: dict[str, t.Any] = params["kms_key_ids"]
    regions = [region for region in dict.fromkeys(params["to_regions"]) if region != session.region]
    check(regions, keys)
    image = images.get_available_image(session.client("ec2"), params["image_id"])

    def copy(region: str) -> dict[str, t.Any]:
        client = session.client("ec2", region)
        found = image_copies.find(client, image_copies.origin(session.region, image.image_id))
        usable = [one for one in found if one.state in ("available", "pending")]
        if check_mode:
            return {"region": region, "image_id": usable[0].image_id if usable else "", "made": not usable}
        copy_id = (
            usable[0].image_id if usable else _make(client, image, session.region, found, str(keys.get(region, "")))
        )
        try:
            image_copies.wait(client, copy_id, params["wait_timeout"])
        except AwsError as exc:
            return {"region": region, "image_id": copy_id, "made": not usable, "error": exc.message}
        return {"region": region, "image_id": copy_id, "made": not usable}

    copies = in_threads(copy, regions)
    changed = any(one["made"] for one in copies)
    failed = [one["error"] for one in copies if "error" in one]
    if failed:
        raise Refused(" ".join(failed), changed=changed, copies=copies)
    return {"changed": changed, "copies": copies}


def _make(client: t.Any, image: Image, region: str, failed: t.Sequence[Image], kms_key_id: str) -> str:
    """Remove the copies that *failed*, which hold the name, and start a new one."""
    for one in failed:
        images.deregister(client, one.image_id)
    tags = {key: value for key, value in image.tags.items() if not key.startswith("aws:")}
    tags[images.TAG_COPY_OF] = image_copies.origin(region, image.image_id)
    return image_copies.copy(client, image, region, tags, kms_key_id)


WORK = AwsWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
