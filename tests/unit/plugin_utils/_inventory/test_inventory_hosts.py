# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From instances and records to hosts, groups, names and order."""

from __future__ import annotations

import typing as t
from datetime import UTC, datetime

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster.record import (
    ClusterRecord,
    ManagerRecord,
    NodeRecord,
)
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.build import include_filters
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.expressions import (
    expressions_of,
    needs_everything,
)
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.hosts import (
    Computed,
    View,
    build_hosts,
    lean_variables,
    safe_group,
)
from ansible_collections.apiary.swarm.plugins.plugin_utils._inventory.names import (
    check_preferences,
    host_names,
    value_of,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def instance(number: int, role: str = "manager", state: str = "running", **more: t.Any) -> dict[str, t.Any]:
    """Return an instance's facts."""
    return {
        "instance_id": f"i-{number}",
        "instance_type": "t3.small",
        "image_id": "ami-1",
        "private_ip_address": f"10.0.0.{number}",
        "private_dns_name": f"ip-10-0-0-{number}",
        "placement": {"region": "eu-west-1", "availability_zone": "eu-west-1a", "tenancy": "default"},
        "state": {"name": state, "code": 16},
        "tags": {"swarm:cluster": "demo", "swarm:role": role},
        **more,
    }


def view(
    managers: list[ManagerRecord], nodes: list[NodeRecord], updated: str = "2026-01-01T00:00:00Z"
) -> dict[t.Any, View]:
    """Return the view of a record at :data:`NOW`."""
    record = ClusterRecord("demo", "ready", updated_at=updated, managers=tuple(managers), nodes=tuple(nodes))
    return {("eu-west-1", "demo"): View.of(record, NOW, 300)}


def build(instances: list[dict[str, t.Any]], views: dict[t.Any, View] | None = None) -> Computed:
    """Return the inventory of *instances*, named by their IDs."""
    names = {facts["instance_id"]: facts["instance_id"] for facts in instances}
    return Computed.of(build_hosts(instances, views or {}, lambda dummy: names, lean_variables))


def test_order_of_managers() -> None:
    """Running, leading, reachable, ready, active; then by ID."""
    managers = [
        ManagerRecord("i-1", reachability="unreachable"),
        ManagerRecord("i-2", reachability="reachable"),
        ManagerRecord("i-3", reachability="reachable"),
        ManagerRecord("i-4", reachability="reachable", leader=True),
    ]
    nodes = [
        NodeRecord("i-1", state="ready"),
        NodeRecord("i-2", state="ready", availability="drain"),
        NodeRecord("i-3", state="ready"),
        NodeRecord("i-4", state="ready"),
    ]
    pending = instance(5, state="pending")
    computed = build([pending, *(instance(number) for number in (1, 2, 3, 4))], view(managers, nodes))
    assert computed.groups["managers"] == ["i-4", "i-3", "i-2", "i-1", "i-5"]


@pytest.mark.parametrize(
    ("node", "group"),
    [
        (NodeRecord("i-1", state="ready"), "ready"),
        (NodeRecord("i-1", state="ready", availability="drain"), "draining"),
        (NodeRecord("i-1", state="ready", availability="pause"), "ready"),
        (NodeRecord("i-1", state="down"), "down"),
        (NodeRecord("i-1", state="disconnected"), "down"),
        (NodeRecord("i-1", state="unknown"), "down"),
    ],
)
def test_states(node: NodeRecord, group: str) -> None:
    """The state that the leader sees."""
    groups = build([instance(1)], view([], [node])).groups
    assert [name for name in ("ready", "draining", "down") if name in groups] == [group]


def test_an_old_record_is_not_believed() -> None:
    """Neither about the leader nor about states; the variables still show it, with its age."""
    views = view([ManagerRecord("i-1", leader=True)], [NodeRecord("i-1", state="ready")], "2025-12-31T00:00:00Z")
    computed = build([instance(1)], views)
    assert set(computed.groups) & {"leader", "ready", "down"} == set()
    node = computed.hosts["i-1"]["swarm_node"]
    assert (node["leader"], node["record_fresh"], node["record_age"]) == (True, False, 86400)


def test_a_stopped_leader_leads_nothing() -> None:
    """EC2 knows better than a record that is a minute old."""
    views = view([ManagerRecord("i-1", leader=True)], [NodeRecord("i-1", state="ready")])
    groups = build([instance(1, state="stopped")], views).groups
    assert "leader" not in groups and "managers" not in groups
    assert groups["down"] == ["i-1"]


def test_unknown_role_and_no_tags() -> None:
    """Neither manager nor worker; no cluster, no group of it."""
    groups = build([instance(1, role="bastion"), instance(2, tags={})]).groups
    assert "managers" not in groups and "workers" not in groups
    assert groups["demo"] == ["i-1"]
    assert sorted(groups["on_demand"]) == ["i-1", "i-2"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [("eu-west-1a", "eu_west_1a"), ("demo-a", "demo_a"), ("t3.small", "t3_small"), ("1a", "_1a"), ("ü/é", "___")],
)
def test_group_names(name: str, safe: str) -> None:
    """Only characters that Ansible takes."""
    assert safe_group(name) == safe


@given(st.lists(st.sampled_from(["a", "b", "i-3", ""]), max_size=6), st.booleans())
def test_every_instance_has_its_own_name(labels: list[str], by_tag: bool) -> None:
    """Whatever the tags say, even when one is another instance's ID."""
    fleet = [instance(number, tags={"Name": label}) for number, label in enumerate(labels, 1)]
    names = host_names(fleet, ["tag:Name"] if by_tag else ["key-name", "tag:Name"])
    assert len(set(names.values())) == len(names) == len(fleet)


def test_names() -> None:
    """A colon would be read as a port, so there is none."""
    facts = instance(1, ipv6_address="2001:db8::1")
    assert host_names([facts], ["ipv6-address"]) == {"i-1": "2001_db8__1"}
    assert value_of(facts, "ipv6-address") == "2001:db8::1"
    assert value_of(facts, "tag:swarm:role") == "manager"
    assert value_of(facts, "tag:swarm:role=manager,swarm:cluster") == "swarm:role_manager"
    assert value_of(facts, {"name": "instance-id", "prefix": "tag:none"}) == "i-1"


ANY_TEXT = st.text(st.sampled_from("aZ09_.-+=@/ \t\n,:!&~*?[]{}()$'\"\\|;<>#%^`ü界") | st.characters(), max_size=8)
LABELS = ANY_TEXT | st.sampled_from(["all", "localhost", "managers", "web", "web,db", "web db", "!web", "i-2", "i-9"])


@given(st.lists(LABELS, max_size=6), st.sets(LABELS | st.sampled_from(["i-1", "i-1_"])))
def test_a23_every_host_can_be_named_and_none_is_a_group(labels: list[str], groups: set[str]) -> None:
    """Ansible's own reading of a name finds that host alone, whatever its tags, and no instance is lost."""
    fleet = [instance(number, tags={"Name": label}) for number, label in enumerate(labels, 1)]
    names = host_names(fleet, ["tag:Name"], avoid=groups)
    assert names.keys() == {facts["instance_id"] for facts in fleet}
    assert len(set(names.values())) == len(fleet)
    assert not set(names.values()) & {*groups, "all", "ungrouped", "localhost"}
    manager = InventoryManager(loader=DataLoader())
    for name in names.values():
        manager._inventory.add_host(name)
    for name in names.values():
        assert [host.name for host in manager.get_hosts(name)] == [name]
        assert [host.name for host in manager.get_hosts(f"all:!{name}:&all")] == [
            host.name for host in manager.get_hosts("all") if host.name != name
        ]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("shop web 1", "shop_web_1"),
        ("api,blue", "api_blue"),
        ("!x", "_x"),
        ("~db", "_db"),
        ("@file", "_file"),
        ("web[1:3]", "web_1_3_"),
        ("a/b", "a_b"),
        ("-v", "_v"),
        ("../x", "_._x"),
        ("a.b-c_d@e+f=g", "a.b-c_d@e+f=g"),
        ("ünï", "ünï"),
        ("managers", "i-1"),
        ("localhost", "i-1"),
    ],
)
def test_a23_names_that_mean_something_else(label: str, name: str) -> None:
    fleet = [instance(1, tags={"Name": label})]
    assert host_names(fleet, ["tag:Name"], avoid={"managers"}) == {"i-1": name}


@pytest.mark.parametrize(
    ("expression", "everything"),
    [
        ("tags.Team", False),
        ("tags['a b'] | default('x')", False),
        ("placement.availability_zone", False),
        ("placement['region']", False),
        ("state.name == 'stopped'", False),
        ("security_groups | map(attribute='group_id') | list", False),
        ("swarm_node.role ~ '-' ~ instance_type", False),
        ("network_interfaces[0].subnet_id", True),
        ("network_interfaces | map(attribute='mac_address')", True),
        ("metadata_options.http_tokens", True),
        ("monitoring['state']", True),
        ("placement.group_name", True),
        ("placement", True),
        ("tags[monitoring.state]", True),
        ("what {{ is", False),
    ],
)
def test_p15_what_a_group_needs_is_known(expression: str, everything: bool) -> None:
    """Only what is no common field is worth the slower reading."""
    known = ("swarm_node",)
    for compose, groups, keyed in (
        ({"x": expression}, {}, []),
        ({}, {"x": expression}, []),
        ({}, {}, [{"key": expression, "prefix": "x"}]),
        ({}, {}, [{"key": "tags", "parent_group": f"{{{{ {expression} }}}}"}]),
    ):
        assert needs_everything(expressions_of(compose, groups, keyed), known) is everything


@pytest.mark.parametrize("entry", ["", 7, {}, {"prefix": "x"}, "nothing", "instance-id2"])
def test_bad_preferences(entry: t.Any) -> None:
    """Every entry must name something."""
    with pytest.raises(InvalidInput, match=r"^hostnames: "):
        check_preferences([entry], "hostnames")


@pytest.mark.parametrize(
    ("filters", "more", "clusters", "asked"),
    [
        ({}, [], [], ({"tag-key": "swarm:cluster"},)),
        ({}, [], ["a"], ({"tag:swarm:cluster": ["a"]},)),
        ({"x": "1"}, [], [], ({"x": "1"},)),
        ({"x": "1"}, [{"y": "2"}], [], ({"x": "1"}, {"y": "2"})),
        (
            {"x": "1"},
            [{"y": "2"}],
            ["a"],
            ({"x": "1", "tag:swarm:cluster": ["a"]}, {"y": "2", "tag:swarm:cluster": ["a"]}),
        ),
    ],
)
def test_filters(filters: t.Any, more: t.Any, clusters: list[str], asked: t.Any) -> None:
    """As given, narrowed to the clusters, all swarm nodes when nothing is given."""
    assert include_filters(filters, more, clusters) == asked


def test_cache_form() -> None:
    """What is kept is read again."""
    computed = build([instance(1)])
    assert Computed.from_dict(computed.to_dict()) == computed
    with pytest.raises(KeyError):
        Computed.from_dict({"hosts": {}})
