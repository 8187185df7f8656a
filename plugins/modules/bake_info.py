#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bake_info
short_description: Say whether a swarm-node image is to be baked, and why
description:
  - Finds the base image, computes the bake hash and looks for an image that was baked from the same.
  - Only reads.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.aws
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
options:
  base_image:
    description:
      - The image to bake from, as an AMI ID or as the name of an SSM parameter that holds one.
    type: str
    required: true
  parts:
    description:
      - What else a bake depends on, as the lookup P(apiary.swarm.bake_parts#lookup) returns it.
    type: dict
    required: true
  subnet_id:
    description:
      - The subnet for the machines of a bake.
      - "Default: the first subnet of the default VPC."
    type: str
    default: ''
  force:
    description:
      - Whether to bake in any case.
    type: bool
    default: false
seealso:
  - plugin: apiary.swarm.bake_parts
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: See whether there is anything to bake
  apiary.swarm.bake_info:
    region: eu-west-1
    base_image: /aws/service/debian/release/13/latest/amd64
    parts: "{{ lookup('apiary.swarm.bake_parts') }}"
  register: due

- name: Say why
  ansible.builtin.debug:
    var: due.reason
"""

RETURN = r"""
bake:
  description: Whether to bake.
  type: bool
  returned: success
reason:
  description: Why, in one sentence.
  type: str
  returned: success
  sample: Since ami-0abc1234 was baked, the base image changed.
changed_parts:
  description: What changed since the newest validated image, of V(base), V(roles), V(variables), V(version).
  type: list
  elements: str
  returned: success
bake_hash:
  description: The hash that stands for this bake.
  type: str
  returned: success
tags:
  description: The tags that identify the bake, for the image.
  type: dict
  returned: success
image_id:
  description: The validated image to use when there is nothing to bake; otherwise empty.
  type: str
  returned: success
subnet:
  description: The subnet for the machines of a bake.
  type: dict
  returned: success
  sample: {"subnet_id": "subnet-0abc", "vpc_id": "vpc-0abc", "zone": "eu-west-1a"}
base:
  description: The base image.
  type: dict
  returned: success
  sample: {"image_id": "ami-0base123", "name": "debian-13-amd64", "root_device_name": "/dev/xvda", "architecture": "x86_64"}
"""

import typing as t
from dataclasses import asdict

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster import fleet
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import api as images
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import published
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.baking import (
    PARTS,
    Image,
    bake_hash,
    decide,
    parts_to_tag,
)
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._preflight import IMAGE_ID

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "base_image": {"type": "str", "required": True},
    "parts": {"type": "dict", "required": True},
    "subnet_id": {"type": "str", "default": ""},
    "force": {"type": "bool", "default": False},
}


def find_base(session: AwsSession, reference: str) -> Image:
    """Return the image that *reference* means.

    :raises Refused: if there is none.
    """
    hint = "write an AMI ID or an SSM parameter such as /aws/service/debian/release/13/latest/amd64."
    if not reference:
        raise Refused(f"There is no base image to bake from: {hint}")
    image_id = published.image_id_of(session.client("ssm"), reference)
    if not IMAGE_ID.fullmatch(image_id):
        raise Refused(f"The base image {reference!r} is not an image ({image_id!r} is not an AMI ID): {hint}")
    image = images.get_image(session.client("ec2"), image_id)
    if image is None or image.state != "available":
        raise Refused(f"The base image {image_id} does not exist in {session.region}: {hint}")
    return image


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Compare what a bake would use with what the newest images were baked from."""
    base = find_base(session, params["base_image"])
    parts = {"base": base.image_id, **params["parts"]}
    lacking = [name for name in PARTS if not parts.get(name)]
    if lacking:
        raise Refused(f"parts lacks {', '.join(lacking)}: give it what the lookup apiary.swarm.bake_parts returns.")
    subnet = fleet.get_subnet(session.client("ec2"), params["subnet_id"])
    if subnet is None:
        missing = f"no subnet {params['subnet_id']}" if params["subnet_id"] else "no default VPC"
        raise Refused(f"There is {missing} in {session.region}: write the ID of a subnet to bake in.")
    verdict = decide(parts, images.list_baked(session.client("ec2")), params["force"])
    wanted = bake_hash(parts)
    return {
        "changed": False,
        "bake": verdict.bake,
        "reason": verdict.reason,
        "changed_parts": list(verdict.changed_parts),
        "bake_hash": wanted,
        "tags": {images.TAG_BAKED: "true", images.TAG_HASH: wanted, images.TAG_PARTS: parts_to_tag(parts)},
        "image_id": verdict.image.image_id if verdict.image else "",
        "subnet": asdict(subnet),
        "base": {
            "image_id": base.image_id,
            "name": base.name,
            "root_device_name": base.root_device_name or "/dev/xvda",
            "architecture": base.architecture,
        },
    }


WORK = AwsWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
