#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_attributes
short_description: Bring an image's attributes to what they should be
description:
  - Sets what M(amazon.aws.ec2_ami) cannot - IMDSv2 only, the deprecation date, tags and sharing of the image together
    with its snapshots - and publishes the image's ID in an SSM parameter.
  - Attributes that are right already are not written.
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
    support: full
  idempotent:
    support: full
options:
  image_id:
    description:
      - The ID of the image. It must be available, and the account's own unless only O(publish_to) is given.
    type: str
    required: true
  imds_v2:
    description:
      - Whether instances of the image answer IMDSv2 only by default. Once set, AWS does not take it back.
    type: bool
    default: false
  deprecate_after_days:
    description:
      - Days after the image's creation at which AWS calls it deprecated. V(0) leaves the date alone.
    type: int
    default: 0
  tags:
    description:
      - Tags that the image and its snapshots must have. Other tags are left alone.
    type: dict
    default: {}
  shared_with:
    description:
      - The accounts that may use the image and its snapshots, and no others. Not given leaves this as it is, an empty
        list takes it from all. What is shared with organizations stays.
      - An encrypted image can only be shared if its key is one of your own, whose policy lets these accounts use it.
    type: list
    elements: str
  publish_to:
    description:
      - The name of an SSM parameter of the data type C(aws:ec2:image) that is to hold O(image_id). Empty for none.
    type: str
    default: ''
seealso:
  - module: amazon.aws.ec2_ami
  - module: apiary.swarm.image_retire
"""

EXAMPLES = r"""
- name: Finish a new image
  apiary.swarm.image_attributes:
    region: eu-west-1
    image_id: ami-0abc1234
    imds_v2: true
    deprecate_after_days: 180
    tags:
      swarm:validated: "true"
    publish_to: /swarm-images/demo/ami

- name: Let two accounts use it
  apiary.swarm.image_attributes:
    region: eu-west-1
    image_id: ami-0abc1234
    shared_with: ["210987654321", "321098765432"]
"""

RETURN = r"""
image_id:
  description: The image.
  type: str
  returned: success
snapshot_ids:
  description: Its snapshots.
  type: list
  elements: str
  returned: success
deprecated:
  description: The deprecation date, empty if there is none.
  type: str
  returned: success
"""

import re
import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import format_time, parse_time
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import api as images
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import sharing as image_sharing
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.baking import Image
from ansible_collections.apiary.swarm.plugins.module_utils._aws.reconcile import Draft, Plan, carry_out
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ssm import get_parameter, put_parameter
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "image_id": {"type": "str", "required": True},
    "imds_v2": {"type": "bool", "default": False},
    "deprecate_after_days": {"type": "int", "default": 0},
    "tags": {"type": "dict", "default": {}},
    "shared_with": {"type": "list", "elements": "str"},
    "publish_to": {"type": "str", "default": ""},
}


def deprecation_date(image: Image, days: int) -> datetime | None:
    """Return when *image* is to be deprecated, *days* after its creation; ``None`` for zero days."""
    if not days:
        return None
    born = parse_time(image.created) or datetime.now(timezone.utc)
    # AWS keeps whole minutes.
    return (born + timedelta(days=days)).replace(second=0, microsecond=0)


def check_accounts(accounts: t.Iterable[str]) -> None:
    """Check that *accounts* are account IDs.

    :raises InvalidInput: if one is something else.
    """
    for account in accounts:
        if not re.fullmatch(r"[0-9]{12}", account):
            raise InvalidInput(f"shared_with: {account!r} is not an account: write its 12 digits, in quotes.")


@dataclass(frozen=True)
class Attributes:
    """Attributes of an image and its snapshots, under the names by which they are shown."""

    values: t.Mapping[str, t.Any]


def plan(session: AwsSession, image: Image, deprecated: str, params: Params) -> Plan[Attributes]:
    """Return the writes of what differs."""
    ec2, ssm = session.client("ec2"), session.client("ssm")
    before: dict[str, t.Any] = {}
    draft = Draft(image.image_id, Attributes({}))

    def want(name: str, now: t.Any, wanted: t.Any, write: t.Callable[..., t.Any], *arguments: t.Any) -> None:
        if now != wanted:
            before[name] = now
            draft.do(name, write, *arguments, values={**draft.now.values, name: wanted})

    if params["imds_v2"]:
        want("imds_support", image.imds_support, "v2.0", images.require_imds_v2, image.image_id)
    if params["deprecate_after_days"]:
        known = parse_time(image.deprecated)
        now = format_time(known.replace(second=0)) if known else ""
        want("deprecated", now, deprecated, images.deprecate, image.image_id, parse_time(deprecated))
    if params["tags"]:
        wanted = {key: str(value) for key, value in params["tags"].items()}
        held = {image.image_id: dict(image.tags), **images.snapshot_tags(ec2, image.image_id, image.snapshot_ids)}
        for resource, tags in held.items():
            now_set = {key: tags.get(key, "") for key in wanted}
            want(f"tags of {resource}", now_set, wanted, images.tag, [resource], wanted)
    if params["shared_with"] is not None:
        accounts = sorted(set(params["shared_with"]))
        for resource in (image.image_id, *image.snapshot_ids):
            allowed = image_sharing.accounts_of(ec2, resource)
            want(f"shared {resource}", allowed, accounts, image_sharing.share, resource, allowed, accounts)
    if params["publish_to"]:
        stored = get_parameter(ssm, params["publish_to"])
        want(
            params["publish_to"],
            stored.value if stored else "",
            image.image_id,
            lambda dummy: put_parameter(ssm, params["publish_to"], image.image_id, data_type="aws:ec2:image"),
        )
    return Plan(image.image_id, Attributes(before), draft.plan().steps)


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Write what differs.

    :raises InvalidInput: if an account is none.
    :raises Refused: if there is no such image, or it is not available.
    """
    check_accounts(params["shared_with"] or ())
    ec2 = session.client("ec2")
    image = images.get_available_image(ec2, params["image_id"])
    date = deprecation_date(image, params["deprecate_after_days"])
    deprecated = format_time(date) if date else image.deprecated
    (outcome,) = carry_out(ec2, [plan(session, image, deprecated, params)], check_mode)
    if outcome.error:
        raise outcome.error
    before, after = (attributes.values if attributes else {} for attributes in (outcome.plan.before, outcome.thing))
    return {
        "changed": bool(outcome.done),
        "diff": {"before": before, "after": after},
        "image_id": image.image_id,
        "snapshot_ids": list(image.snapshot_ids),
        "deprecated": deprecated,
    }


WORK = AwsWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
