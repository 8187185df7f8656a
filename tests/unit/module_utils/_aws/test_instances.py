# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading EC2's answers, and filters as parameters."""

from __future__ import annotations

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._aws.instances import (
    filter_parameters,
    next_token,
    parse_page,
)

PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <reservationSet><item><reservationId>r-1</reservationId><ownerId>123456789012</ownerId><groupSet/><instancesSet>
    <item><instanceId>i-1</instanceId><imageId>ami-1</imageId><instanceState><code>16</code><name>running</name></instanceState>
      <privateDnsName>ip-10-0-0-1.internal</privateDnsName><dnsName/><privateIpAddress>10.0.0.1</privateIpAddress>
      <ipAddress>192.0.2.1</ipAddress><instanceType>t3.small</instanceType><instanceLifecycle>spot</instanceLifecycle>
      <placement><availabilityZone>eu-west-1b</availabilityZone><tenancy>default</tenancy></placement>
      <groupSet><item><groupId>sg-1</groupId><groupName>g</groupName></item></groupSet>
      <tagSet><item><key>Name</key><value>a &amp; b</value></item><item><key>empty</key><value/></item></tagSet>
      <iamInstanceProfile><arn>arn:p</arn><id>AIP</id></iamInstanceProfile>
    </item>
    <item><instanceId>i-2</instanceId><instanceState><code>80</code><name>stopped</name></instanceState>
      <placement><availabilityZone>eu-west-1a</availabilityZone></placement>
      <networkInterfaceSet><item><ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address></item></ipv6AddressesSet>
      </item></networkInterfaceSet>
    </item>
  </instancesSet></item></reservationSet><nextToken>abc</nextToken>
</DescribeInstancesResponse>"""


def test_page() -> None:
    """Fields, nested fields, tags with entities and empty values, IPv6 of an interface."""
    one, two = parse_page(PAGE.encode(), "eu-west-1")
    assert one["instance_id"] == "i-1"
    assert one["reservation_id"] == "r-1" and one["owner_id"] == "123456789012"
    assert one["placement"] == {"availability_zone": "eu-west-1b", "tenancy": "default", "region": "eu-west-1"}
    assert one["state"] == {"code": 16, "name": "running"}
    assert one["tags"] == {"Name": "a & b", "empty": ""}
    assert one["public_ip_address"] == "192.0.2.1" and one["instance_lifecycle"] == "spot"
    assert one["security_groups"] == [{"group_id": "sg-1", "group_name": "g"}]
    assert one["iam_instance_profile"] == {"arn": "arn:p", "id": "AIP"}
    assert "public_dns_name" not in one
    assert two["tags"] == {} and two["ipv6_address"] == "2001:db8::1"
    assert "private_ip_address" not in two


@pytest.mark.parametrize(
    ("page", "token"),
    [(PAGE, "abc"), ("<x><nextToken></nextToken></x>", ""), ("<x><nextToken/></x>", ""), ("<x/>", "")],
)
def test_next_token(page: str, token: str) -> None:
    """The token of the next page, nothing on the last one."""
    assert next_token(page.encode()) == token


def test_filters() -> None:
    """Single values, lists, booleans, numbers; terminated instances are left out unless asked for."""
    assert filter_parameters({"tag:A": "x", "b": [1, True]}) == {
        "Filter.1.Name": "tag:A",
        "Filter.1.Value.1": "x",
        "Filter.2.Name": "b",
        "Filter.2.Value.1": "1",
        "Filter.2.Value.2": "true",
        "Filter.3.Name": "instance-state-name",
        "Filter.3.Value.1": "pending",
        "Filter.3.Value.2": "running",
        "Filter.3.Value.3": "stopping",
        "Filter.3.Value.4": "stopped",
    }
    asked = filter_parameters({"instance-state-name": "terminated"})
    assert asked == {"Filter.1.Name": "instance-state-name", "Filter.1.Value.1": "terminated"}
