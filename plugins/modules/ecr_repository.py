#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: ECR repositories, many in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_repository
short_description: Manage ECR repositories, many in one task
version_added: 1.0.0
description:
  - Creates, changes and removes ECR repositories, with tag immutability, scanning, policies and tags.
  - Its lifecycle rules never expire an image that a kept release uses, when the digests of these are given in
    O(kept_digests).
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.aws
attributes:
  check_mode:
    support: full
    details:
      - Makes no call that writes.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description: The name of a single repository. Excludes O(repositories).
    type: str
  repositories:
    description:
      - The repositories. Every option of a repository may also be given beside O(repositories), where it is the default
        for all entries; tags of both places are merged.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the repository.
        type: str
        required: true
      image_tag_mutability: &mutability
        description: Whether a tag can be moved to another image. Not given leaves it as it is, V(mutable) for a new one.
        type: str
        choices: [mutable, immutable]
      scan_on_push: &scan
        description: Whether images are scanned when they are pushed. Not given leaves it as it is.
        type: bool
      kms_key:
        description: &kms The ARN of the KMS key that encrypts a new repository. AWS cannot change it later.
        type: str
      lifecycle_policy: &lifecycle
        description:
          - The lifecycle policy, as AWS takes it. A rule that protects kept images is put before its rules.
        type: dict
      purge_lifecycle_policy: &purge_lifecycle
        description: Remove the lifecycle policy.
        type: bool
      expire_untagged_days: &untagged
        description: Expire untagged images after so many days. Excludes O(lifecycle_policy).
        type: int
      keep_images: &keep
        description: Expire all but so many of the newest images. Excludes O(lifecycle_policy).
        type: int
      policy: &policy
        description: The access policy, as AWS takes it.
        type: dict
      purge_policy: &purge_policy
        description: Remove the access policy.
        type: bool
      tags: &tags
        description: The tags. Not given leaves them as they are.
        type: dict
        aliases: [resource_tags]
      purge_tags: &purge_tags
        description: Whether tags that are not in O(tags) are removed, V(true) when not given.
        type: bool
      kept_digests: &kept
        description:
          - The digests that kept releases use. Each image gets a tag that begins with C(kept-), which keeps the lifecycle
            policy away from it. The tag is removed from images that are not in the list any more.
          - No image loses its last tag, since ECR would delete it; one without another tag gets one that begins with
            C(released-) first, which nothing protects.
          - Not given leaves these tags as they are.
        type: list
        elements: str
      kept_by: &keeper
        description:
          - Who keeps them, a part of the tags. Clusters that share a repository need names of their own, or one lets go
            what the other keeps. Only tags of this name are given and removed.
        type: str
  image_tag_mutability: *mutability
  scan_on_push: *scan
  kms_key:
    description: *kms
    type: str
  lifecycle_policy: *lifecycle
  purge_lifecycle_policy: *purge_lifecycle
  expire_untagged_days: *untagged
  keep_images: *keep
  policy: *policy
  purge_policy: *purge_policy
  tags: *tags
  purge_tags: *purge_tags
  kept_digests: *kept
  kept_by: *keeper
  state:
    description: Whether the repositories exist.
    type: str
    choices: [present, absent]
    default: present
  force_absent:
    description: Delete a repository that has images, with them.
    type: bool
    default: false
seealso:
  - module: apiary.swarm.ecr_image_info
  - module: community.aws.ecs_ecr
"""

EXAMPLES = r"""
- name: The repositories of a stack, made on demand
  apiary.swarm.ecr_repository:
    image_tag_mutability: immutable
    scan_on_push: true
    expire_untagged_days: 7
    keep_images: 100
    repositories:
      - name: shop/gate
        kept_by: demo
        kept_digests:
          - sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b
      - name: shop/storage
"""

RETURN = r"""
repositories:
  description: The repositories after the task, in the order given. In check mode, as they would be.
  returned: with O(state=present), also when one failed
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
    repository_arn:
      description: The ARN, empty for a repository that check mode would make.
      type: str
    repository_uri:
      description: What image names begin with.
      type: str
    image_tag_mutability:
      description: V(mutable) or V(immutable).
      type: str
    scan_on_push:
      description: Whether images are scanned when they are pushed.
      type: bool
    encryption_type:
      description: V(AES256) or V(KMS).
      type: str
    lifecycle_policy:
      description: The lifecycle policy, if the task speaks of it.
      type: dict
    policy:
      description: The access policy, if the task speaks of it.
      type: dict
    tags:
      description: The tags, if the task speaks of them.
      type: dict
    kept_digests:
      description: The protected images, if the task speaks of them.
      type: list
      elements: str
    changes:
      description: What was changed, V(created), V(deleted) or names of options.
      type: list
      elements: str
failed_repositories:
  description: The error of each repository that failed; the others were brought to the wanted state.
  returned: failure
  type: dict
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.task import RepositoryTask
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

SETTINGS: dict[str, dict[str, t.Any]] = {
    "image_tag_mutability": {"type": "str", "choices": ["mutable", "immutable"]},
    "scan_on_push": {"type": "bool"},
    "kms_key": {"type": "str", "no_log": False},
    "lifecycle_policy": {"type": "dict"},
    "purge_lifecycle_policy": {"type": "bool"},
    "expire_untagged_days": {"type": "int"},
    "keep_images": {"type": "int"},
    "policy": {"type": "dict"},
    "purge_policy": {"type": "bool"},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool"},
    "kept_digests": {"type": "list", "elements": "str"},
    "kept_by": {"type": "str"},
}
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str"},
    "repositories": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str", "required": True}, **SETTINGS},
    },
    **SETTINGS,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "force_absent": {"type": "bool", "default": False},
}


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Do the task."""
    result = RepositoryTask(session, params, check_mode=check_mode).run()
    failed = result.get("failed_repositories")
    if failed:
        raise Refused(f"{len(failed)} repositories failed. {next(iter(failed.values()))}", **result)
    return result


WORK = AwsWork(
    ARGUMENTS,
    run,
    mutually_exclusive=[("name", "repositories")],
    required_one_of=[("name", "repositories")],
)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
