# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EC2 instances, read fast: DescribeInstances without a service model, and the fields that an inventory needs."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from .signed_http import SignedHttp

API_VERSION = "2016-11-15"
PAGE_SIZE = 1000
"""Instances in one answer, the most that EC2 gives."""

Filters = t.Mapping[str, t.Any]
Facts = dict[str, t.Any]
"""One instance under the names of amazon.aws.aws_ec2: ``instance_id``, ``placement``, ``tags`` ..."""

DEFAULT_STATES = ("pending", "running", "stopping", "stopped")
"""States that are asked for when a filter names none: everything but terminated instances."""

# EC2's XML names -> names as amazon.aws.aws_ec2 shows them.
_FIELDS = {
    "instanceId": "instance_id",
    "imageId": "image_id",
    "instanceType": "instance_type",
    "instanceLifecycle": "instance_lifecycle",
    "privateIpAddress": "private_ip_address",
    "ipAddress": "public_ip_address",
    "ipv6Address": "ipv6_address",
    "privateDnsName": "private_dns_name",
    "dnsName": "public_dns_name",
    "keyName": "key_name",
    "launchTime": "launch_time",
    "vpcId": "vpc_id",
    "subnetId": "subnet_id",
    "architecture": "architecture",
    "platform": "platform",
    "rootDeviceName": "root_device_name",
    "rootDeviceType": "root_device_type",
    "virtualizationType": "virtualization_type",
    "spotInstanceRequestId": "spot_instance_request_id",
    "reason": "state_transition_reason",
}


LEAN_PARTS = {"placement": frozenset({"availability_zone", "tenancy", "region"})}
"""What :func:`parse_page` tells of fields that have more parts than these."""
_NESTED = ("iam_instance_profile", "owner_id", "placement", "reservation_id", "security_groups", "state", "tags")
LEAN = frozenset({*_FIELDS.values(), *_NESTED})
"""The common fields, which :func:`parse_page` tells."""


def filter_parameters(filters: Filters) -> dict[str, str]:
    """Return *filters* (names to a value or a list of values) as parameters of the query protocol.

    Instances that are terminated or about to be are left out, unless ``instance-state-name`` is given.
    """
    complete = dict(filters)
    complete.setdefault("instance-state-name", DEFAULT_STATES)
    parameters: dict[str, str] = {}
    for number, (name, values) in enumerate(complete.items(), 1):
        parameters[f"Filter.{number}.Name"] = str(name)
        several = values if isinstance(values, (list, tuple)) else [values]
        for index, value in enumerate(several, 1):
            parameters[f"Filter.{number}.Value.{index}"] = str(value).lower() if isinstance(value, bool) else str(value)
    return parameters


def describe_pages(http: SignedHttp, region: str, filters: Filters) -> t.Iterator[bytes]:
    """Yield the answers of DescribeInstances in *region*, page by page.

    :raises AwsError: if a call fails.
    """
    token = ""
    while True:
        parameters = {
            "Action": "DescribeInstances",
            "Version": API_VERSION,
            "MaxResults": str(PAGE_SIZE),
            **filter_parameters(filters),
        }
        if token:
            parameters["NextToken"] = token
        page = http.query("ec2", region, parameters, "describe instances", "ec2:DescribeInstances")
        yield page
        token = next_token(page)
        if not token:
            return


def next_token(page: bytes) -> str:
    """Return the token of the following page, ``""`` on the last one."""
    # A fixed place at the end of the answer: no need to parse the page twice.
    start = page.rfind(b"<nextToken>")
    return page[start + 11 : page.index(b"</nextToken>", start)].decode() if start >= 0 else ""


def parse_page(page: bytes, region: str) -> list[Facts]:
    """Return the instances of one answer of DescribeInstances."""
    root = ElementTree.fromstring(page)
    ns = root.tag[: root.tag.index("}") + 1] if root.tag.startswith("{") else ""
    fields = {ns + tag: name for tag, name in _FIELDS.items()}
    found = []
    for reservation in root.iterfind(f"{ns}reservationSet/{ns}item"):
        owner = reservation.findtext(f"{ns}ownerId") or ""
        reservation_id = reservation.findtext(f"{ns}reservationId") or ""
        for item in reservation.iterfind(f"{ns}instancesSet/{ns}item"):
            facts: Facts = {"owner_id": owner, "reservation_id": reservation_id}
            for child in item:
                name = fields.get(child.tag)
                if name is not None and child.text:
                    facts[name] = child.text
            _add_nested(facts, item, ns, region)
            found.append(facts)
    return found


def _add_nested(facts: Facts, item: ElementTree.Element, ns: str, region: str) -> None:
    """Add what lies deeper than one level in the XML of an instance."""
    text = item.findtext
    facts["placement"] = {
        "availability_zone": text(f"{ns}placement/{ns}availabilityZone") or "",
        "tenancy": text(f"{ns}placement/{ns}tenancy") or "",
        "region": region,
    }
    facts["state"] = {
        "code": int(text(f"{ns}instanceState/{ns}code") or -1),
        "name": text(f"{ns}instanceState/{ns}name") or "",
    }
    facts["tags"] = {
        tag.findtext(f"{ns}key") or "": tag.findtext(f"{ns}value") or ""
        for tag in item.iterfind(f"{ns}tagSet/{ns}item")
    }
    facts["security_groups"] = [
        {"group_id": group.findtext(f"{ns}groupId") or "", "group_name": group.findtext(f"{ns}groupName") or ""}
        for group in item.iterfind(f"{ns}groupSet/{ns}item")
    ]
    profile = text(f"{ns}iamInstanceProfile/{ns}arn")
    if profile:
        facts["iam_instance_profile"] = {"arn": profile, "id": text(f"{ns}iamInstanceProfile/{ns}id") or ""}
    if "ipv6_address" not in facts:
        address = text(f"{ns}networkInterfaceSet/{ns}item/{ns}ipv6AddressesSet/{ns}item/{ns}ipv6Address")
        if address:
            facts["ipv6_address"] = address


def describe_regions(http: SignedHttp, region: str) -> list[str]:
    """Return the regions that the account may use, asked in *region*.

    :raises AwsError: if the call fails.
    """
    parameters = {"Action": "DescribeRegions", "Version": API_VERSION}
    root = ElementTree.fromstring(http.query("ec2", region, parameters, "list the regions", "ec2:DescribeRegions"))
    return sorted(
        element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == "regionName" and element.text
    )
