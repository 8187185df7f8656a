#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: List the recorded releases of a stack
version_added: 1.0.0
description:
  - Reads the releases that M(apiary.swarm.stack) recorded in the swarm.
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
  - apiary.swarm.engine
options:
  name:
    description:
      - Name of the stack. The default is all stacks.
    type: str
seealso:
  - module: apiary.swarm.stack
"""

EXAMPLES = r"""
- name: See what was deployed
  apiary.swarm.release_info:
    name: shop
  register: __shop

- name: Show when the last release began
  ansible.builtin.debug:
    msg: "{{ __shop.releases[0].number }} by {{ __shop.releases[0].by }} at {{ __shop.releases[0].at }}"
"""

RETURN = r"""
releases:
  description: The releases, newest first; those of several stacks by the time when they began.
  returned: success
  type: list
  elements: dict
  contains:
    stack:
      description: Name of the stack.
      type: str
    number:
      description: Number of the release, counted from 1 in each stack.
      type: int
    outcome:
      description:
        - V(converged) ran. V(accepted) was deployed without waiting. V(failed) did not run and was taken back. V(broken)
          could not be taken back. V(started) is under way or was left behind, V(abandoned) was left behind and a later
          deploy took over.
      type: str
    at:
      description: When it began, UTC.
      type: str
    by:
      description: Who deployed.
      type: str
    git_revision:
      description: Source revision.
      type: str
    duration:
      description: Seconds that the deploy took.
      type: float
    reason:
      description: Why it failed.
      type: str
    rolled_back_to:
      description: The release that ran again after a failure.
      type: int
    restores:
      description: The release that this one went back to, V(none) when it is not a rollback.
      type: int
    digests:
      description: Image with digest of each service; empty when this version cannot read the record.
      type: dict
    too_new:
      description: Whether a newer version of the collection recorded it, with fields that this one does not know.
      type: bool
current:
  description: For each stack the number of the newest release that ran.
  returned: success
  type: dict
registries:
  description: The registries of the images of each stack's releases; a rollback needs logins to them.
  returned: success
  type: dict
  sample: {shop: [123456789012.dkr.ecr.eu-west-1.amazonaws.com]}
"""

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result
from ansible_collections.apiary.swarm.plugins.module_utils._references import registry_of
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import ENGINE_OPTIONS
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.deploy import releases
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.engine import Engine
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.session import EngineWork

ARGUMENTS: dict[str, t.Any] = {**ENGINE_OPTIONS, "name": {"type": "str"}}


def by_stack(found: t.Iterable[releases.Release]) -> dict[str, list[releases.Release]]:
    """Return stack → its releases in the order given."""
    stacks: dict[str, list[releases.Release]] = {}
    for release in found:
        stacks.setdefault(release.stack, []).append(release)
    return stacks


def registries_of(found: t.Iterable[releases.Release]) -> list[str]:
    """Return the registries of all images that these releases run."""
    images = (image for release in found for image in release.digests().values())
    return sorted({registry_of(image) for image in images if image})


def run(engine: Engine, params: Params, check_mode: bool) -> Result:
    """Read the releases; check mode makes no difference."""
    label = f"{releases.LABEL_STACK}={params['name']}" if params["name"] else releases.LABEL_STACK
    # Of one stack, the numbers tell the order, whatever the clocks of those who deployed say.
    found = releases.read_releases(engine.configs({"label": [label]}))
    stacks = by_stack(found)
    newest = found[::-1] if params["name"] else sorted(found, key=lambda release: (release.at, release.number))[::-1]
    good = {name: releases.last_good(items) for name, items in stacks.items()}
    return {
        "changed": False,
        "releases": [{"stack": item.stack, **item.summary()} for item in newest],
        "current": {name: release.number for name, release in good.items() if release is not None},
        "registries": {name: registries_of(items) for name, items in stacks.items()},
    }


WORK = EngineWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
