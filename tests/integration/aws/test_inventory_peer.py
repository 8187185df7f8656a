# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same hosts as amazon.aws.aws_ec2 for the same filters, over a fleet with every oddity."""

from __future__ import annotations

import typing as t

import fleet
import pytest
from moto_region import Region

List = t.Callable[..., t.Any]


@pytest.fixture(scope="module")
def fleet_of_oddities(region_server: Region) -> Region:
    """A fleet: stopped, terminated, untagged, odd tags, IPv6, several interfaces, no public address, 500 at once.

    Made once, as listing changes nothing.
    """
    region = region_server
    region.reset()
    ec2 = region.client("ec2")
    fleet.cluster(region)
    stopped, terminated = fleet.run(region, 2, tags={"Env": "dev", "swarm:cluster": "demo"})
    ec2.stop_instances(InstanceIds=[stopped])
    ec2.terminate_instances(InstanceIds=[terminated])
    fleet.run(region)
    fleet.run(region, tags={"Env": "dev", "Ünï cødé/:=+-@": "ä <&> \"'{{ x }}' \n|", "empty": "", "{{ key }}": "#"})
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24")["Subnet"]["SubnetId"]
    fleet.run(region, tags={"Env": "qa"}, SubnetId=subnet)
    interfaces = [{"DeviceIndex": index, "SubnetId": subnet, "AssociatePublicIpAddress": False} for index in range(2)]
    fleet.run(region, tags={"Env": "qa"}, NetworkInterfaces=interfaces)
    ipv6 = [{"DeviceIndex": 0, "SubnetId": subnet, "Ipv6Addresses": [{"Ipv6Address": "2001:db8::1"}]}]
    fleet.run(region, tags={"Env": "qa"}, NetworkInterfaces=ipv6)
    fleet.run(region, 500, tags={"Env": "load"})
    fleet.run(region, tags={"Env": "dev"}, where="us-east-1")
    return region


@pytest.fixture
def varied(fleet_of_oddities: Region, environment: None) -> Region:
    """The fleet, and the environment that leads there."""
    return fleet_of_oddities


CASES: dict[str, dict[str, t.Any]] = {
    "everything": {"filters": {"instance-type": "t3.small"}},
    "one tag": {"filters": {"tag:Env": "dev"}},
    "several values": {"filters": {"tag:Env": ["dev", "qa"]}},
    "wildcard": {"filters": {"tag:Env": ["?a", "d*v"]}},
    "tag key": {"filters": {"tag-key": "swarm:cluster"}},
    "odd tag": {"filters": {"tag:Ünï cødé/:=+-@": "*"}},
    "state": {"filters": {"instance-state-name": ["stopped", "terminated"]}},
    "includes": {"filters": {"tag:Env": "dev"}, "include_filters": [{"tag:Env": "qa"}, {"tag-key": "swarm:role"}]},
    "excludes": {
        "filters": {"tag:Env": ["dev", "qa"]},
        "exclude_filters": [{"tag-key": "swarm:cluster"}, {"tag:Env": "qa"}],
    },
    "regions": {"filters": {"tag:Env": "dev"}, "regions": ["eu-west-1", "us-east-1"]},
    "nothing": {"filters": {"tag:Env": "none"}},
}
OPTIONS: dict[str, t.Any] = {"hostnames": ["instance-id"], "regions": ["eu-west-1"]}


def test_same_hosts(varied: Region, list_inventory: List) -> None:
    """For each set of filters, both list the same instances with the same fields."""
    for case, filters in CASES.items():
        ours = list_inventory({"plugin": "apiary.swarm.ec2", **OPTIONS, **filters})
        peer = list_inventory({"plugin": "amazon.aws.aws_ec2", **OPTIONS, **filters}, name="peer.aws_ec2.yml")
        assert set(ours.hostvars) == set(peer.hostvars), case
        assert case == "nothing" or ours.hostvars, case
        for name, theirs in peer.hostvars.items():
            mine = ours.hostvars[name]
            assert mine["ec2_tags"] == theirs["tags"], case
            assert mine["placement"]["availability_zone"] == theirs["placement"]["availability_zone"]
            assert mine["placement"]["region"] == theirs["placement"]["region"]
            assert mine["ec2_state"] == theirs["state"]["name"]
            for key in ("instance_id", "instance_type", "image_id"):
                assert mine[key] == theirs[key], case
            assert mine["private_ip_address"] == theirs.get("private_ip_address", "")
            assert mine.get("public_ip_address") == theirs.get("public_ip_address")


def test_same_full_variables(varied: Region, list_inventory: List) -> None:
    """With full_vars, a host has every variable that aws_ec2 gives it, but for the reserved name tags."""
    filters = {"filters": {"tag:Env": ["dev", "qa"]}}
    ours = list_inventory({"plugin": "apiary.swarm.ec2", **OPTIONS, **filters, "full_vars": True})
    peer = list_inventory({"plugin": "amazon.aws.aws_ec2", **OPTIONS, **filters}, name="peer.aws_ec2.yml")
    assert set(ours.hostvars) == set(peer.hostvars)
    for name, theirs in peer.hostvars.items():
        mine = ours.hostvars[name]
        assert {key: mine[key] for key in theirs if key != "tags"} == {
            key: value for key, value in theirs.items() if key != "tags"
        }


def test_same_constructed_groups(varied: Region, list_inventory: List) -> None:
    """compose, groups and keyed_groups written for aws_ec2 give the same."""
    constructed = {
        "filters": {"tag:Env": ["dev", "qa"]},
        "keyed_groups": [
            {"key": "tags", "prefix": "tag"},
            {"key": "placement.availability_zone", "prefix": "az"},
            {"key": "tags.Env", "separator": "", "parent_group": "envs"},
            {"key": "architecture", "prefix": "arch"},
            {"key": "security_groups | map(attribute='group_id') | list", "prefix": "sg"},
        ],
        "groups": {"off": "state.name == 'stopped'"},
        "compose": {"ansible_host": "private_ip_address | default('none')", "where": "vpc_id"},
    }
    ours = list_inventory({"plugin": "apiary.swarm.ec2", **OPTIONS, **constructed})
    peer = list_inventory({"plugin": "amazon.aws.aws_ec2", **OPTIONS, **constructed}, name="peer.aws_ec2.yml")
    for group in set(peer.data) - {"_meta", "all", "aws_ec2", "ungrouped"}:
        assert sorted(ours.hosts(group)) == sorted(peer.hosts(group)), group
        # Instances come in another order, so groups do.
        assert sorted(ours.data[group].get("children", [])) == sorted(peer.data[group].get("children", [])), group
    for name, theirs in peer.hostvars.items():
        assert ours.hostvars[name]["ansible_host"] == theirs["ansible_host"]
        assert ours.hostvars[name].get("where") == theirs.get("where")


def test_p15_a_group_loads_what_it_needs(varied: Region, list_inventory: List) -> None:
    """Fields that are no common ones make the same groups as with aws_ec2, without giving every host all of them."""
    constructed = {
        "filters": {"tag:Env": ["dev", "qa"]},
        "keyed_groups": [
            {"key": "network_interfaces | map(attribute='subnet_id') | list", "prefix": "nic"},
            {"key": "monitoring.state", "prefix": "monitoring"},
            {"key": "placement.group_name | default('none', true)", "prefix": "placed"},
        ],
    }
    ours = list_inventory({"plugin": "apiary.swarm.ec2", **OPTIONS, **constructed})
    peer = list_inventory({"plugin": "amazon.aws.aws_ec2", **OPTIONS, **constructed}, name="peer.aws_ec2.yml")
    made = {name for name in peer.data if name.startswith(("nic_", "monitoring_", "placed_"))}
    assert len(made) >= 4
    for group in made:
        assert sorted(ours.hosts(group)) == sorted(peer.hosts(group)), group
    assert not any("network_interfaces" in variables for variables in ours.hostvars.values())


def test_p15_prefix_and_suffix_of_variables(varied: Region, list_inventory: List) -> None:
    naming = {"filters": {"tag:Env": "qa"}, "hostvars_prefix": "aws_", "hostvars_suffix": "_ec2", "full_vars": True}
    ours = list_inventory({"plugin": "apiary.swarm.ec2", **OPTIONS, **naming})
    del naming["full_vars"]
    peer = list_inventory({"plugin": "amazon.aws.aws_ec2", **OPTIONS, **naming}, name="peer.aws_ec2.yml")
    for name, theirs in peer.hostvars.items():
        mine = ours.hostvars[name]
        assert {key: mine[key] for key in theirs if "tags" not in key} == {
            key: value for key, value in theirs.items() if "tags" not in key
        }
        assert "ansible_host" in mine and "swarm_node" in mine
