# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instances of EC2, through botocore; the inventory, which has no time to load it, reads them by :mod:`.instances`."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .errors import api_call


@dataclass(frozen=True)
class Instance:
    """An instance; C(state) is C(pending), C(running), C(shutting-down), C(terminated), C(stopping) or C(stopped)."""

    instance_id: str
    state: str
    private_ip: str = ""
    instance_type: str = ""
    availability_zone: str = ""
    image_id: str = ""
    tags: t.Mapping[str, str] = field(default_factory=dict)

    @property
    def role(self) -> str:
        """The role in its cluster, C(manager) or C(worker); empty for one of no cluster."""
        return self.tags.get("swarm:role", "")

    @property
    def group(self) -> str:
        """The name of its Auto Scaling group, empty for one of no group."""
        return self.tags.get("aws:autoscaling:groupName", "")


@api_call("describe instances", permission="ec2:DescribeInstances")
def describe_instances(client: t.Any, filters: t.Mapping[str, t.Sequence[str]]) -> dict[str, Instance]:
    """Return instance id → instance for all that match *filters*; what does not exist is left out."""
    pages = client.get_paginator("describe_instances").paginate(
        Filters=[{"Name": name, "Values": list(values)} for name, values in filters.items()]
    )
    found = (item for page in pages for reservation in page["Reservations"] for item in reservation["Instances"])
    return {
        item["InstanceId"]: Instance(
            instance_id=item["InstanceId"],
            state=item["State"]["Name"],
            private_ip=item.get("PrivateIpAddress", ""),
            instance_type=item.get("InstanceType", ""),
            availability_zone=item.get("Placement", {}).get("AvailabilityZone", ""),
            image_id=item.get("ImageId", ""),
            tags={tag["Key"]: tag.get("Value", "") for tag in item.get("Tags", ())},
        )
        for item in found
    }
