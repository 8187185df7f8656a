# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster's groups and instances as EC2 and Auto Scaling know them, and who is asking."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..ec2 import Instance, describe_instances
from ..errors import api_call
from .formation import Group


@api_call("list the availability zones", permission="ec2:DescribeAvailabilityZones")
def list_zones(client: t.Any) -> list[str]:
    """Return the names of the region's ordinary availability zones that the account can use, sorted."""
    found = client.describe_availability_zones(Filters=[{"Name": "state", "Values": ["available"]}])
    return sorted(
        zone["ZoneName"]
        for zone in found["AvailabilityZones"]
        if zone.get("ZoneType", "availability-zone") == "availability-zone"
    )


@api_call("list where {types} are offered", permission="ec2:DescribeInstanceTypeOfferings")
def list_offers(client: t.Any, types: t.Sequence[str]) -> dict[str, list[str]]:
    """Return which zones of the region offer each instance type, sorted; none for one that is not to be had."""
    pages = client.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": list(types)}]
    )
    offers: dict[str, list[str]] = {name: [] for name in types}
    for page in pages:
        for found in page["InstanceTypeOfferings"]:
            offers[found["InstanceType"]].append(found["Location"])
    return {name: sorted(zones) for name, zones in offers.items()}


@api_call("read the instance types {types}", permission="ec2:DescribeInstanceTypes")
def list_architectures(client: t.Any, types: t.Sequence[str]) -> dict[str, list[str]]:
    """Return the architectures of each instance type's processors."""
    found = client.describe_instance_types(InstanceTypes=list(types))["InstanceTypes"] if types else []
    return {item["InstanceType"]: list(item["ProcessorInfo"]["SupportedArchitectures"]) for item in found}


@api_call("list the key pairs", permission="ec2:DescribeKeyPairs")
def list_key_pairs(client: t.Any) -> list[str]:
    """Return the names of the account's key pairs in the region, sorted."""
    return sorted(pair["KeyName"] for pair in client.describe_key_pairs()["KeyPairs"])


@dataclass(frozen=True)
class Subnet:
    """A subnet and the VPC that it is in."""

    subnet_id: str
    vpc_id: str
    zone: str


@api_call("find the subnet {subnet_id}", permission="ec2:DescribeSubnets")
def get_subnet(client: t.Any, subnet_id: str = "") -> Subnet | None:
    """Return the subnet *subnet_id*, by default the first one of the default VPC; ``None`` if there is none."""
    wanted = (
        {"Name": "subnet-id", "Values": [subnet_id]} if subnet_id else {"Name": "default-for-az", "Values": ["true"]}
    )
    found = client.describe_subnets(Filters=[wanted])["Subnets"]
    if not found:
        return None
    first = min(found, key=lambda subnet: str(subnet["AvailabilityZone"]))
    return Subnet(first["SubnetId"], first["VpcId"], first["AvailabilityZone"])


@api_call("list the Auto Scaling groups of {cluster}", permission="autoscaling:DescribeAutoScalingGroups")
def list_groups(client: t.Any, cluster: str) -> list[Group]:
    """Return the Auto Scaling groups of *cluster*, manager slots first."""
    pages = client.get_paginator("describe_auto_scaling_groups").paginate(
        Filters=[{"Name": "tag:swarm:cluster", "Values": [cluster]}]
    )
    groups = []
    for found in pages.build_full_result()["AutoScalingGroups"]:
        tags = {tag["Key"]: tag.get("Value", "") for tag in found.get("Tags", ())}
        groups.append(
            Group(
                name=found["AutoScalingGroupName"],
                role=tags.get("swarm:role", "worker"),
                desired=int(found["DesiredCapacity"]),
                slot=tags.get("swarm:slot", ""),
            )
        )
    return sorted(groups, key=lambda group: (group.role != "manager", group.slot, group.name))


def list_machines(client: t.Any, cluster: str) -> list[Instance]:
    """Return the instances of *cluster* that are pending or running."""
    filters = {
        "tag:swarm:cluster": [cluster],
        "tag:swarm:role": ["manager", "worker"],
        "instance-state-name": ["pending", "running"],
    }
    return list(describe_instances(client, filters).values())
