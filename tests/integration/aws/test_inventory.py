# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory ec2 against a region: groups, order, records, regions, cache, names, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import fleet
import pytest
from moto_region import Fault, Region

ROOT = Path(__file__).resolve().parents[3]
List = t.Callable[..., t.Any]
CONFIG: dict[str, t.Any] = {"plugin": "apiary.swarm.ec2", "clusters": ["demo"], "hostnames": ["instance-id"]}


def test_groups_and_order(region: Region, list_inventory: List) -> None:
    """Groups by role, cluster, zone, type, lifecycle, image and state; the best manager first."""
    managers, workers = fleet.cluster(region)
    fleet.record(
        region,
        managers,
        workers,
        leader=2,
        changes={
            managers[0]: {"reachability": "unreachable", "state": "down"},
            workers[0]: {"availability": "drain"},
        },
    )
    listing = list_inventory(CONFIG)
    assert listing.hosts("managers") == [managers[2], managers[1], managers[0]]
    assert listing.hosts("leader") == [managers[2]]
    assert set(listing.hosts("workers")) == set(workers)
    assert set(listing.hosts("demo")) == {*managers, *workers}
    assert set(listing.hosts("ready")) == {managers[1], managers[2], workers[1]}
    assert listing.hosts("draining") == [workers[0]]
    assert listing.hosts("down") == [managers[0]]
    for group in ("az_eu_west_1a", "type_t3_small", "on_demand", "ami_12c6146b"):
        assert len(listing.hosts(group)) == 5, group
    node = listing.hostvars[managers[2]]["swarm_node"]
    assert (node["cluster"], node["role"], node["leader"]) == ("demo", "manager", True)
    assert 0 <= node["record_age"] < 60
    assert listing.hostvars[managers[2]]["ansible_host"].startswith("10.")
    assert "WARNING" not in listing.stderr


def test_through_ansible_inventory(region: Region, tmp_path: Path) -> None:
    """The program itself reads the same: the collection's plugin by its name, from its configuration file."""
    managers, dummy = fleet.cluster(region)
    path = tmp_path / "demo.swarm_ec2.yml"
    path.write_text(json.dumps(CONFIG), encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(path), "--graph", "managers"],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.cache/ac"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.split() == ["@managers:", *(f"|--{name}" for name in sorted(managers))]


def test_stopped_nodes_are_down_and_no_managers(region: Region, list_inventory: List) -> None:
    """A stopped instance stays in its cluster, but nobody tries to talk to it."""
    managers, dummy = fleet.cluster(region)
    region.client("ec2").stop_instances(InstanceIds=[managers[0]])
    region.client("ec2").terminate_instances(InstanceIds=[managers[1]])
    listing = list_inventory(CONFIG)
    assert listing.hosts("managers") == [managers[2]]
    assert listing.hosts("down") == [managers[0]]
    assert managers[1] not in listing.hostvars


def test_missing_record(region: Region, list_inventory: List) -> None:
    """Tags still give managers and workers; a warning says what is missing."""
    managers, workers = fleet.cluster(region)
    listing = list_inventory(CONFIG)
    assert set(listing.hosts("managers")) == set(managers)
    assert set(listing.hosts("workers")) == set(workers)
    assert listing.hosts("leader") == []
    assert "Cluster demo has no record in SSM (/swarm/demo/managers in eu-west-1)" in listing.warnings


def test_stale_record(region: Region, list_inventory: List) -> None:
    """An old record is not believed, and its age is told."""
    managers, workers = fleet.cluster(region)
    fleet.record(region, managers, workers, age=4000)
    listing = list_inventory(CONFIG)
    assert set(listing.hosts("managers")) == set(managers)
    assert listing.hosts("leader") == listing.hosts("ready") == []
    assert "The record of cluster demo (/swarm/demo/managers in eu-west-1) is 400" in listing.warnings
    assert listing.hostvars[managers[0]]["swarm_node"]["record_age"] >= 4000


@pytest.mark.parametrize(
    "text", ["nonsense", "[]", '{"schema": 2}', '{"schema": 1, "cluster": "demo", "managers": [1]}']
)
def test_unreadable_record(region: Region, list_inventory: List, text: str) -> None:
    """A record that no agent wrote is a warning."""
    managers, dummy = fleet.cluster(region)
    fleet.put_record(region, text)
    listing = list_inventory(CONFIG)
    assert set(listing.hosts("managers")) == set(managers)
    assert "/swarm/demo/managers in eu-west-1: The cluster's record" in listing.warnings


def test_record_denied(region: Region, list_inventory: List) -> None:
    """Without the permission for SSM there is a warning that names it."""
    managers, dummy = fleet.cluster(region)
    region.faults.append(Fault("GetParameters", "AccessDeniedException"))
    listing = list_inventory(CONFIG)
    assert set(listing.hosts("managers")) == set(managers)
    assert "permission ssm:GetParameters is missing" in listing.warnings


def test_no_manager(region: Region, list_inventory: List) -> None:
    """The warning says which tags were looked for, and where."""
    listing = list_inventory({**CONFIG, "regions": ["eu-west-1", "us-east-1"]})
    assert listing.hostvars == {}
    assert (
        "No manager found: looked for running instances with the tags swarm:cluster=demo and swarm:role=manager in "
        "eu-west-1, us-east-1." in listing.warnings
    )


def test_regions(region: Region, list_inventory: List) -> None:
    """The environment's region only, unless told; several are asked, none twice."""
    here, dummy = fleet.cluster(region)
    there, dummy = fleet.cluster(region, where="us-east-1")
    assert set(list_inventory(CONFIG).hosts("managers")) == set(here)
    both = list_inventory({**CONFIG, "regions": ["eu-west-1", "us-east-1", "us-east-1"]})
    assert set(both.hosts("managers")) == {*here, *there}
    assert both.hostvars[there[0]]["placement"]["region"] == "us-east-1"
    region.forget()
    everywhere = list_inventory({**CONFIG, "regions": ["all"]})
    assert set(everywhere.hosts("managers")) == {*here, *there}
    assert len({call.region for call in region.calls if call.action == "DescribeInstances"}) > 10


def test_profile_endpoint_and_role(
    region: Region, list_inventory: List, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The profile's keys and its region, not all regions; an endpoint of one's own; a role, assumed first."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    config = tmp_path / "aws"
    config.write_text("[profile shop]\nregion = us-east-1\naws_access_key_id = AKIASHOP\naws_secret_access_key = x\n")
    managers, dummy = fleet.cluster(region, where="us-east-1")
    fleet.cluster(region)
    region.forget()
    given = {**CONFIG, "profile": "shop", "endpoint_url": region.url}
    listing = list_inventory(given, AWS_CONFIG_FILE=str(config))
    assert set(listing.hosts("managers")) == set(managers)
    assert {call.region for call in region.calls} == {"us-east-1"}
    region.forget()
    role = "arn:aws:iam::123456789012:role/look"
    listing = list_inventory({**given, "assume_role_arn": role}, AWS_CONFIG_FILE=str(config))
    assert set(listing.hosts("managers")) == set(managers)
    assert region.actions()[0] == "AssumeRole" and "DescribeInstances" in region.actions()


def test_spot_instances(region: Region, list_inventory: List) -> None:
    """Spot instances are told from those on demand."""
    tags = {"swarm:cluster": "demo", "swarm:role": "worker"}
    (spot,) = fleet.run(region, tags=tags, InstanceMarketOptions={"MarketType": "spot"})
    (plain,) = fleet.run(region, tags=tags)
    listing = list_inventory(CONFIG)
    assert listing.hosts("spot") == [spot]
    assert listing.hosts("on_demand") == [plain]
    assert listing.hostvars[spot]["instance_lifecycle"] == "spot"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "UnauthorizedOperation",
            "Cannot describe instances in us-east-1: permission ec2:DescribeInstances is missing.",
        ),
        ("AuthFailure", "Cannot describe instances in us-east-1: AWS rejected the credentials (AuthFailure)"),
        ("OptInRequired", "Cannot describe instances in us-east-1: the account has not opted in to this region."),
    ],
)
def test_one_region_fails(region: Region, list_inventory: List, code: str, message: str) -> None:
    """The others still answer; the warning names the region and the reason."""
    managers, dummy = fleet.cluster(region)
    region.faults.append(Fault("DescribeInstances", code, region="us-east-1", status=403))
    listing = list_inventory({**CONFIG, "regions": ["eu-west-1", "us-east-1"]})
    assert set(listing.hosts("managers")) == set(managers)
    assert f"{message}" in listing.warnings


def test_strict_permissions(region: Region, list_inventory: List) -> None:
    """A denial becomes an error."""
    fleet.cluster(region)
    region.faults.append(Fault("DescribeInstances", "UnauthorizedOperation", region="us-east-1", status=403))
    listing = list_inventory({**CONFIG, "regions": ["eu-west-1", "us-east-1"], "strict_permissions": True})
    assert listing.hostvars == {}
    assert "permission ec2:DescribeInstances is missing" in listing.warnings


def test_throttling_is_retried(region: Region, list_inventory: List) -> None:
    """A throttled call is repeated."""
    managers, dummy = fleet.cluster(region)
    region.faults.append(Fault("DescribeInstances", "RequestLimitExceeded", status=503, times=2))
    assert set(list_inventory(CONFIG).hosts("managers")) == set(managers)
    assert region.actions().count("DescribeInstances") == 3


def test_names_never_collide(region: Region, list_inventory: List) -> None:
    """Two instances with one name are listed by their IDs, and none is lost."""
    tags = {"swarm:cluster": "demo", "swarm:role": "worker"}
    twins = fleet.run(region, 2, tags={**tags, "Name": "twin"})
    fleet.run(region, tags={**tags, "Name": "single"})
    listing = list_inventory({**CONFIG, "hostnames": ["tag:Name"]})
    assert set(listing.hostvars) == {*twins, "single"}


def test_hostnames(region: Region, list_inventory: List) -> None:
    """Fields, tags, prefixes and Jinja filters."""
    (one,) = fleet.run(region, tags={"swarm:cluster": "demo", "Name": "one", "Env": "dev"})

    def name(*hostnames: t.Any) -> str:
        (found,) = list_inventory({**CONFIG, "hostnames": list(hostnames)}).hostvars
        return t.cast("str", found)

    assert name("tag:Missing", "tag:Name") == "one"
    assert name("tag:Env=dev") == "Env_dev"
    assert name({"name": "tag:Name", "prefix": "tag:Env", "separator": "-"}) == "dev-one"
    assert name({"name": "tag:Name", "prefix": "aws"}) == "aws_one"
    assert name("tag:Name | upper") == "ONE"
    assert name("tag:Missing") == one
    assert name("private-dns-name").startswith("ip-10-")


def test_constructed(region: Region, list_inventory: List) -> None:
    """compose, groups and keyed_groups see EC2's fields, tags and the swarm's view."""
    managers, workers = fleet.cluster(region)
    fleet.record(region, managers, workers)
    listing = list_inventory(
        {
            **CONFIG,
            "compose": {"zone": "placement.availability_zone", "role": "tags['swarm:role']"},
            "groups": {"leading": "swarm_node.leader | default(false)"},
            "keyed_groups": [{"key": "tags['swarm:role']", "prefix": "role", "parent_group": "roles"}],
        }
    )
    assert listing.hostvars[workers[0]]["zone"] == "eu-west-1a"
    assert listing.hosts("leading") == [managers[0]]
    assert set(listing.hosts("role_worker")) == set(workers)
    assert set(listing.data["roles"]["children"]) == {"role_manager", "role_worker"}
    strict = list_inventory({**CONFIG, "strict": True, "compose": {"x": "nothing.at.all"}})
    assert "Could not set x for host" in strict.warnings


def test_connection_ssm(region: Region, list_inventory: List) -> None:
    """Session Manager needs the instance's ID and region."""
    managers, dummy = fleet.cluster(region)
    variables = list_inventory({**CONFIG, "connection": "ssm"}).hostvars[managers[0]]
    assert variables["ansible_connection"] == "amazon.aws.aws_ssm"
    assert variables["ansible_aws_ssm_instance_id"] == managers[0]
    assert variables["ansible_aws_ssm_region"] == "eu-west-1"


def test_full_vars(region: Region, list_inventory: List) -> None:
    """Everything that EC2 tells, but no variable with the reserved name tags."""
    managers, dummy = fleet.cluster(region)
    lean = list_inventory(CONFIG).hostvars[managers[0]]
    full = list_inventory({**CONFIG, "full_vars": True}).hostvars[managers[0]]
    assert "network_interfaces" in full and "tags" not in full
    assert {key: full[key] for key in lean if key != "placement"} == {
        key: value for key, value in lean.items() if key != "placement"
    }


def test_cache(region: Region, list_inventory: List, tmp_path: Path) -> None:
    """A fresh inventory saves all calls; an old one bridges an outage; a refusal is not hidden by it."""
    managers, workers = fleet.cluster(region)
    fleet.record(region, managers, workers)
    cached = {
        **CONFIG,
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
        "keyed_groups": [{"key": "tags['swarm:role']", "prefix": "role", "parent_group": "roles"}],
    }
    first = list_inventory(cached)
    region.forget()
    second = list_inventory(cached)
    assert region.calls == []
    assert second.data == first.data
    old = {**cached, "cache_timeout": 1}
    time.sleep(1.1)
    stale = list_inventory(old, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert stale.hostvars == first.hostvars
    assert "from the cache" in stale.warnings
    assert "seconds old" in stale.warnings
    region.faults.append(Fault("DescribeInstances", "ExpiredToken", status=400))
    refused = list_inventory(old)
    assert refused.hostvars == {}
    assert "the AWS credentials have expired" in refused.warnings


def test_cache_is_not_spoiled_by_a_partial_answer(region: Region, list_inventory: List, tmp_path: Path) -> None:
    """An inventory with a region missing is not kept as the last good one."""
    fleet.cluster(region)
    there, dummy = fleet.cluster(region, where="us-east-1")
    cached = {
        **CONFIG,
        "regions": ["eu-west-1", "us-east-1"],
        "cache": True,
        "cache_timeout": 3600,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
    }
    fault = Fault("DescribeInstances", "OptInRequired", region="us-east-1", status=403)
    region.faults.append(fault)
    assert there[0] not in list_inventory(cached).hostvars
    region.faults.clear()
    assert there[0] in list_inventory(cached).hostvars


BAD: list[tuple[dict[str, t.Any], str]] = [
    ({"cluster": ["demo"]}, "there is no option 'cluster' (did you mean clusters?)."),
    (
        {"hostnames": ["instance_id"]},
        "hostnames: 'instance_id' is not a field of an instance (did you mean instance-id?)",
    ),
    ({"hostnames": [7]}, "hostnames: every entry is a string or has a name, not 7."),
    ({"address": ["privateip"]}, "address: 'privateip' is not a field of an instance"),
    ({"connection": "telnet"}, "connection"),
    ({"access_key": "AKIAX", "profile": None}, "access_key and secret_key belong together"),
    ({"filters": {"instance-stat-name": "running"}, "clusters": []}, "(did you mean instance-state-name?)"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message[:35] for dummy, message in BAD])
def test_bad_configuration(
    region: Region, list_inventory: List, monkeypatch: pytest.MonkeyPatch, change: dict[str, t.Any], message: str
) -> None:
    """One sentence that names the file and the mistake."""
    if "access_key" in change:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    if "filters" in change:
        region.faults.append(
            Fault("DescribeInstances", "InvalidParameterValue", "The filter 'instance-stat-name' is invalid")
        )
    listing = list_inventory({**CONFIG, **{key: value for key, value in change.items() if value is not None}})
    assert listing.hostvars == {}
    assert message in listing.warnings
    assert "Traceback" not in listing.stderr


def test_u19_a_mistake_in_the_configuration_is_one_sentence(region: Region, tmp_path: Path) -> None:
    """As ansible-inventory and ansible-playbook print it: nothing of other plugins, and no play without hosts."""
    path = tmp_path / "demo.swarm_ec2.yml"
    play = tmp_path / "play.yml"
    play.write_text("- hosts: localhost\n  gather_facts: false\n  tasks: [{name: It, debug: {}}]\n")
    inventory, playbook = ("ansible-inventory", "--list"), ("ansible-playbook", str(play))
    for text, sentence, (program, argument) in (
        ("cluster: [demo]", "there is no option 'cluster' (did you mean clusters?).", inventory),
        ("hostnames: [instance_id]", "hostnames: 'instance_id' is not a field of an instance", inventory),
        ("connection: telnet", "connection", playbook),
    ):
        path.write_text(f"plugin: apiary.swarm.ec2\n{text}\n")
        done = subprocess.run(
            [str(Path(sys.executable).with_name(program)), "-i", str(path), argument],
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.cache/ac", "COLUMNS": "500"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        (line,) = [line for line in done.stderr.splitlines() if line.strip()]
        assert line.startswith("[ERROR]: ") and sentence in line and "demo.swarm_ec2.yml" in line
        assert done.returncode == 4 and done.stdout == ""


def test_wrong_suffix(region: Region, list_inventory: List) -> None:
    """The file's name must say whose it is."""
    listing = list_inventory(CONFIG, name="demo.yml")
    assert "demo.yml must end with swarm_ec2.yml or swarm_ec2.yaml to be read by apiary.swarm.ec2." in listing.warnings


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredToken", "Cannot describe instances in eu-west-1: the AWS credentials have expired."),
        ("AuthFailure", "AWS rejected the credentials (AuthFailure)"),
        ("UnauthorizedOperation", "permission ec2:DescribeInstances is missing."),
    ],
)
def test_refused_everywhere(region: Region, list_inventory: List, code: str, message: str) -> None:
    """When no region answers, it is an error."""
    region.faults.append(Fault("*", code, status=403))
    listing = list_inventory(CONFIG)
    assert listing.hostvars == {}
    assert message in listing.warnings


def test_no_credentials(region: Region, list_inventory: List, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials anywhere."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    listing = list_inventory(
        CONFIG, AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "no"), AWS_CONFIG_FILE=str(tmp_path / "no")
    )
    assert "No AWS credentials found; give profile" in listing.warnings


def test_no_region_and_unknown_region(
    region: Region, list_inventory: List, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A missing region and one that does not exist."""
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "No region given; set region" in list_inventory(CONFIG, AWS_CONFIG_FILE=str(tmp_path / "no")).warnings
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    unknown = list_inventory({**CONFIG, "region": "eu-wset-1"})
    assert "there is no region eu-wset-1 (did you mean eu-west-1?)." in unknown.warnings
