# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that finds the images of ECR that kept releases use."""

from __future__ import annotations

import typing as t
from collections import defaultdict
from collections.abc import Iterable, Mapping

from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.images import Reference, parse_reference
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput

DOCUMENTATION = r"""
name: kept_images
short_description: Find the images of ECR that kept releases use
description:
  - Takes the releases of all stacks, as M(apiary.swarm.release_info) returns them, and returns what
    M(apiary.swarm.ecr_repository) needs to keep their images.
  - All stacks are needed, as stacks may share a repository. Releases that never ran are not counted.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
options:
  _input:
    description: The releases.
    type: list
    elements: dict
    required: true
  account:
    description: The account of AWS. Images in registries of others are left out.
    type: str
    required: true
  stack:
    description: Only repositories that a release of this stack uses. The default is all repositories.
    type: str
positional: account, stack
seealso:
  - plugin: apiary.swarm.ecr_auth
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Read the kept releases
  apiary.swarm.release_info:
  register: history

- name: Keep their images
  apiary.swarm.ecr_repository:
    region: "{{ item.region }}"
    repositories: "{{ item.repositories }}"
    kept_by: demo.eu-west-1
  loop: "{{ history.releases | apiary.swarm.kept_images('123456789012') }}"
"""

RETURN = r"""
_value:
  description: One entry for each region.
  type: list
  elements: dict
  contains:
    region:
      description: The region of the registry.
      type: str
    repositories:
      description: The repositories, each with C(name) and C(kept_digests), for M(apiary.swarm.ecr_repository).
      type: list
      elements: dict
"""

_RAN = ("converged", "accepted")


def kept_images(releases: Iterable[Mapping[str, t.Any]], account: str, stack: str = "") -> list[dict[str, t.Any]]:
    """Return the repositories of *account*, by region, with the digests that *releases* use."""
    kept: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    wanted: set[tuple[str, str]] = set()
    for release in releases:
        if release["outcome"] not in _RAN:
            continue
        for image in release["digests"].values():
            found = _in_ecr(image)
            if found is None or not found.digest or found.registry.account != str(account):
                continue
            repository = (found.registry.region, found.repository)
            kept[repository].add(found.digest)
            if stack in ("", release["stack"]):
                wanted.add(repository)
    return [
        {
            "region": region,
            "repositories": [
                {"name": name, "kept_digests": sorted(kept[where, name])}
                for where, name in sorted(wanted)
                if where == region
            ],
        }
        for region in sorted({region for region, _name in wanted})
    ]


def _in_ecr(image: str) -> Reference | None:
    try:
        return parse_reference(image)
    except InvalidInput:
        return None


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters of this file."""
        return {"kept_images": kept_images}
