# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts of the inventory whose names are those of groups."""

from __future__ import annotations

import typing as t

import fleet
from moto_region import Region

List = t.Callable[..., t.Any]


def test_p1_p2_hosts_that_are_named_like_groups(region: Region, list_inventory: List) -> None:
    """Like ours, like those of keyed_groups, like their own: they are hosts, in their groups, under another name."""
    managers, workers = fleet.cluster(region, managers=1, workers=2)
    ec2 = region.client("ec2")
    for instance, name in ((managers[0], "demo"), (workers[0], "managers"), (workers[1], "web,db")):
        ec2.create_tags(Resources=[instance], Tags=[{"Key": "Name", "Value": name}])
    (web,) = fleet.run(region, tags={"swarm:cluster": "demo", "Name": "web", "Role": "db"})
    (one,) = fleet.run(region, tags={"swarm:cluster": "demo", "Name": "b1", "Role": "web"})
    keyed = [{"key": "tags.Role", "prefix": "", "separator": ""}]
    config = {"plugin": "apiary.swarm.ec2", "hostnames": ["tag:Name"], "keyed_groups": keyed}
    found = list_inventory(config)
    assert found.status == 0 and "same name" not in found.warnings, found.stderr
    assert set(found.hostvars) == {managers[0], workers[0], "web_db", web, "b1"}
    assert not set(found.hostvars) & set(found.data)
    assert found.hosts("managers") == [managers[0]] and sorted(found.hosts("workers")) == sorted([workers[0], "web_db"])
    assert (found.hosts("db"), found.hosts("web")) == ([web], ["b1"])
    assert {found.hostvars[name]["instance_id"] for name in found.hosts("demo")} == {*managers, *workers, web, one}
    for group in found.data.values():
        assert not set(group.get("children", [])) & set(found.hostvars)


def test_p2_groups_that_are_named_after_their_hosts(region: Region, list_inventory: List) -> None:
    """No name is free of a group then; the hosts are in theirs all the same, and nothing is lost."""
    fleet.cluster(region)
    keyed = [{"key": "inventory_hostname", "prefix": "", "separator": ""}]
    found = list_inventory({"plugin": "apiary.swarm.ec2", "keyed_groups": keyed})
    assert found.status == 0 and len(found.hostvars) == 5
    assert len(found.hosts("demo")) == 5
