# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts of the inventory whose names are those of groups."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import fleet
import pytest
import yaml
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


def test_a23_namesakes_in_several_inventories(region: Region, list_inventory: List, tmp_path: Path) -> None:
    """The same name is two hosts then, each in its own cluster; a group of another file is no host's name either."""
    first, second = (
        fleet.run(region, tags={"swarm:cluster": name, "swarm:role": "manager", "Name": "m1"})[0]
        for name in ("one", "two")
    )
    (third,) = fleet.run(region, tags={"swarm:cluster": "two", "swarm:role": "worker", "Name": "web"})
    (tmp_path / "a.yml").write_text("web: {hosts: {static: }}\n")
    for name in ("one", "two"):
        config = {"plugin": "apiary.swarm.ec2", "clusters": [name], "hostnames": ["tag:Name"]}
        (tmp_path / f"{name}.swarm_ec2.yml").write_text(yaml.safe_dump(config))
    found = list_inventory(
        {"plugin": "apiary.swarm.ec2", "clusters": ["two"], "hostnames": ["tag:Name"]},
        name="twice.swarm_ec2.yml",
        directory=True,
    )
    assert found.status == 0 and "same name" not in found.warnings, found.stderr
    assert {host: known.get("instance_id") for host, known in found.hostvars.items()} == {
        "static": None,
        "m1": first,
        second: second,
        third: third,
    }
    assert (found.hosts("one"), sorted(found.hosts("two"))) == (["m1"], sorted([second, third]))


def test_p15_u3_a_prefix_hides_no_region(region: Region, list_inventory: List) -> None:
    """The playbooks ask swarm_node for it."""
    fleet.cluster(region)
    found = list_inventory({"plugin": "apiary.swarm.ec2", "hostvars_prefix": "aws_"})
    assert {known["swarm_node"]["region"] for known in found.hostvars.values()} == {"eu-west-1"}
    assert {known["swarm_node"]["instance_id"] == known["aws_instance_id"] for known in found.hostvars.values()} == {
        True
    }


def test_p15_a_cache_that_was_filled_in_the_future_is_not_young(
    region: Region, list_inventory: List, tmp_path: Path
) -> None:
    """The clock was wrong, and has been set back: the answer would be the same until that day."""
    fleet.cluster(region)
    kept = tmp_path / "cache"
    config = {"plugin": "apiary.swarm.ec2", "cache": True, "cache_plugin": "ansible.builtin.jsonfile"}
    first = list_inventory({**config, "cache_connection": str(kept)})
    for path in kept.iterdir():
        path.write_text(re.sub(r'(stored_at\\*": )', r"\g<1>9", path.read_text()))
    region.forget()
    assert list_inventory({**config, "cache_connection": str(kept)}).hostvars.keys() == first.hostvars.keys()
    assert region.calls != []


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"keyed_groups": ["tags.Role"]}, "keyed_groups: every entry is a dictionary with a key, not 'tags.Role'."),
        ({"keyed_groups": [None]}, "keyed_groups: every entry is a dictionary with a key, not None."),
        ({"keyed_groups": [{"key": 5}]}, "keyed_groups: every entry is a dictionary with a key, not {'key': 5}."),
        ({"keyed_groups": [{"prefix": "x"}]}, "keyed_groups: every entry is a dictionary with a key"),
        ({"strict": True, "compose": {"x": "nothing_like_it"}}, "nothing_like_it"),
        ({"strict": True, "groups": {"x": "tags.Role +"}}, "to group x: Syntax error in expression"),
    ],
)
def test_p15_u19_a_group_that_cannot_be_made_is_one_sentence(
    region: Region, list_inventory: List, config: dict[str, t.Any], says: str
) -> None:
    fleet.cluster(region)
    found = list_inventory({"plugin": "apiary.swarm.ec2", **config})
    assert found.status != 0 and says in found.warnings and "Failed to parse" not in found.warnings, found.stderr
