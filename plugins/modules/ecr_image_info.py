#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: what ECR knows of container images."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_image_info
short_description: Find container images in ECR
version_added: 1.0.0
description:
  - Tells for each image whether it exists in ECR, and its digest. Meant to run before a deploy starts.
  - Finds the image that a CI pushed for a git revision.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
  - apiary.swarm.aws
options:
  images:
    description:
      - The images, C(ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY[:TAG][@DIGEST]). Each is looked up in the account and
        region of its name.
      - An image without tag and digest means C(latest), or with O(revision) the newest image of that revision.
    type: list
    elements: str
    required: true
  revision:
    description:
      - A git revision of seven characters at least. A tag matches that is the revision, or has seven or more of its first
        characters as a word, as in V(git-3f2a9c1) and V(main-3f2a9c1d).
    type: str
  fail_on_missing:
    description: Fail when an image does not exist.
    type: bool
    default: false
seealso:
  - module: apiary.swarm.ecr_repository
"""

EXAMPLES = r"""
- name: Stop before anything is changed when an image is missing
  apiary.swarm.ecr_image_info:
    images:
      - 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/gate:v2
      - 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/storage:v2
    fail_on_missing: true

- name: What the CI pushed for this commit
  apiary.swarm.ecr_image_info:
    images: [123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/gate]
    revision: 3f2a9c1d0b
  register: gate
"""

RETURN = r"""
images:
  description: The images, in the order given.
  returned: always
  type: list
  elements: dict
  contains:
    image:
      description: The image as it was given.
      type: str
    exists:
      description: Whether ECR has it.
      type: bool
    tag:
      description: The tag that was looked for, null for a digest.
      type: str
    digest:
      description: The digest, null if it does not exist.
      type: str
    pinned:
      description: The image with its digest, null if it does not exist.
      type: str
    reason:
      description: Why it was not found, empty if it was.
      type: str
missing:
  description: The images that do not exist.
  returned: always
  type: list
  elements: str
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.auth import Registry
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.images import find_images, parse_reference
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "images": {"type": "list", "elements": "str", "required": True},
    "revision": {"type": "str"},
    "fail_on_missing": {"type": "bool", "default": False},
}


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Look the images up; check mode makes no difference."""
    references = [parse_reference(image) for image in params["images"]]

    def client_for(registry: Registry) -> t.Any:
        return session.client("ecr", registry.region)

    found = find_images(references, client_for, params["revision"] or "")
    missing = [item for item in found if not item.digest]
    result: Result = {
        "changed": False,
        "images": [item.report() for item in found],
        "missing": [item.reference.text for item in missing],
    }
    if missing and params["fail_on_missing"]:
        raise Refused(" ".join(item.reason for item in missing), **result)
    return result


WORK = AwsWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
