#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Report on node images
description:
  - Tells of the baked images of a cluster how old they are, which packages and which engine they hold, which of the
    packages have known flaws, and who uses them.
  - Only reads.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.aws
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
options:
  cluster:
    description:
      - The cluster whose images are reported. Not given means those of all clusters.
    type: str
  image_ids:
    description:
      - Report these images only.
    type: list
    elements: str
  artifacts:
    description:
      - The folder with the lists of packages that bakes wrote, C(<image>.json), where the module runs. Images without
        a list are reported without packages.
    type: path
  tracker:
    description:
      - A file with the data of Debian's security tracker, as U(https://security-tracker.debian.org/tracker/data/json)
        publishes them. Without it, and for other distributions than Debian, no flaws are reported.
    type: path
seealso:
  - module: apiary.swarm.image_retire
  - module: apiary.swarm.image_attributes
"""

EXAMPLES = r"""
- name: Report on the images of a cluster
  apiary.swarm.image_info:
    region: eu-west-1
    cluster: demo
    artifacts: ~/.local/share/apiary-swarm/images
    tracker: /var/cache/debian-tracker.json
  register: report

- name: Show what has flaws that no update repairs yet
  ansible.builtin.debug:
    msg: "{{ report.images | apiary.swarm.table(['image_id', 'age_days', 'engine_version', 'unfixed_packages', 'used_by']) }}"
"""

RETURN = r"""
images:
  description: The images, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    image_id:
      description: The ID.
      type: str
    name:
      description: The name.
      type: str
    state:
      description: The state, V(available) for one that can be used.
      type: str
    validated:
      description: Whether a machine was booted from it and passed all checks.
      type: bool
    created:
      description: When it was made.
      type: str
    age_days:
      description: Its age in days.
      type: int
    deprecated:
      description: The date from which AWS calls it deprecated, empty for none.
      type: str
    is_deprecated:
      description: Whether that date has passed.
      type: bool
    encrypted:
      description: Whether all its snapshots are encrypted.
      type: bool
    imds_support:
      description: V(v2.0) if its instances answer IMDSv2 only.
      type: str
    snapshot_ids:
      description: Its snapshots.
      type: list
      elements: str
    baked_from:
      description: What the bake depended on, V(base), V(roles), V(variables), V(version).
      type: dict
    tags:
      description: Its tags.
      type: dict
    used_by:
      description: The instances, launch templates and SSM parameters that use it.
      type: list
      elements: str
    distribution:
      description: The distribution and its version, empty without a list of packages.
      type: str
    kernel:
      description: The kernel, empty without a list of packages.
      type: str
    engine_version:
      description: The version of the engine's package, empty without a list of packages.
      type: str
    packages:
      description: The packages, null without a list.
      type: list
      elements: dict
    package_count:
      description: How many there are, null without a list.
      type: int
    flaws:
      description:
        - The known flaws of its packages, those without a fix first; null where it is not known. Flaws that Debian calls
          unimportant are left out.
      type: list
      elements: dict
      contains:
        package:
          description: The source package.
          type: str
        version:
          description: The version in the image.
          type: str
        issue:
          description: The CVE number.
          type: str
        urgency:
          description: The tracker's urgency, empty if there is none.
          type: str
        fixed_version:
          description: The first version without it, empty if there is none yet.
          type: str
    unfixed_packages:
      description: Source packages with flaws for which there is no fix yet; null where it is not known.
      type: list
      elements: str
    outdated_packages:
      description: Source packages with flaws that a new bake would repair; null where it is not known.
      type: list
      elements: str
"""

import json
import typing as t
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import api as images
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.report import PackageList, image_report
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.users import find_users
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput, Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "cluster": {"type": "str"},
    "image_ids": {"type": "list", "elements": "str"},
    "artifacts": {"type": "path"},
    "tracker": {"type": "path"},
}


def read_json(path: Path) -> t.Any:
    """Return the content of the JSON file *path*.

    :raises Refused: if it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise Refused(f"Cannot read {path}: {exc.strerror}.") from exc
    except ValueError as exc:
        raise Refused(f"Cannot read {path}: it is not JSON ({exc}).") from exc


def package_list(folder: str | None, image_id: str) -> PackageList | None:
    """Return the packages of *image_id* as listed in *folder*, ``None`` if they are not.

    :raises Refused: if the list is something else.
    """
    path = Path(folder or "") / f"{image_id}.json"
    if not folder or not path.is_file():
        return None
    try:
        return PackageList.from_json(read_json(path))
    except InvalidInput as exc:
        raise Refused(f"Cannot use {path}: {exc.message}") from exc


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Read everything; check mode makes no difference.

    :raises Refused: if an image is not there, or a file is not what it should be.
    """
    tracker = read_json(Path(params["tracker"])) if params["tracker"] else None
    wanted = params["image_ids"]
    chosen = [
        image
        for image in images.list_baked(session.client("ec2"))
        if (params["cluster"] is None or image.tags.get(images.TAG_CLUSTER) == params["cluster"])
        and (wanted is None or image.image_id in wanted)
    ]
    missing = sorted(set(wanted or ()) - {image.image_id for image in chosen})
    if missing:
        of = f" of {params['cluster']}" if params["cluster"] else ""
        raise Refused(f"There is no baked image {', '.join(missing)}{of} in {session.region}.")
    users = find_users(session, [image.image_id for image in chosen])
    now = datetime.now(timezone.utc)
    try:
        reports = [
            image_report(
                image, now, package_list(params["artifacts"], image.image_id), tracker, users.get(image.image_id, ())
            )
            for image in chosen
        ]
    except InvalidInput as exc:
        raise Refused(f"Cannot use {params['tracker']}: {exc.message}") from exc
    return {"changed": False, "images": reports}


WORK = AwsWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
