# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory gives Ansible to connect with: user, key and road, as each cluster's stack says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import fleet
import pytest
from moto_region import Fault, Region

ROOT = Path(__file__).resolve().parents[3]
List = t.Callable[..., t.Any]
CONFIG: dict[str, t.Any] = {"plugin": "apiary.swarm.ec2", "clusters": ["demo"], "hostnames": ["instance-id"]}
ENDPOINT = "eice-0123456789abcdef0"


def say(region: Region, name: str = "demo", **values: str) -> None:
    """Write a cluster's road, as its stack does."""
    said = {"by": "endpoint", "user": "admin", "key": "sent", "endpoint": ENDPOINT, **values}
    region.client("ssm").put_parameter(Name=f"/swarm/{name}/access", Type="String", Value=json.dumps(said))


def inventory(tmp_path: Path, *files: str, config: dict[str, t.Any] | None = None, **options: str) -> dict[str, t.Any]:
    """Return host variables as ansible-inventory resolves them, group_vars included."""
    (tmp_path / "demo.swarm_ec2.yml").write_text(json.dumps({**CONFIG, **(config or {})}), encoding="utf-8")
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-inventory")),
            "-i",
            str(tmp_path / "demo.swarm_ec2.yml"),
            "--list",
        ],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.cache/ac", **options},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    # What comes from AWS is never taken for a template; ansible-inventory marks it so.
    listing = json.loads(done.stdout, object_hook=lambda value: value.get("__ansible_unsafe", value))
    return t.cast("dict[str, t.Any]", listing["_meta"]["hostvars"])


def test_a3_hosts_behind_an_endpoint_are_reached_without_a_word_of_the_user(region: Region, tmp_path: Path) -> None:
    """By their ID, for two VPCs may have the same addresses, and ssh keeps its connections by name."""
    managers, dummy = fleet.cluster(region)
    say(region)
    found = inventory(tmp_path)[managers[0]]
    assert (found["ansible_host"], found["ansible_user"]) == (managers[0], "{{ swarm_access.user }}")
    assert found["swarm_access"]["address"] == found["private_ip_address"]
    arguments = found["ansible_ssh_common_args"]
    assert "ProxyCommand=" in arguments and "/plugin_utils/_access/connect.py" in arguments
    assert "Control" not in arguments  # the connection that is kept is Ansible's own


def test_a3_what_ssh_is_given(region: Region, list_inventory: List) -> None:
    managers, workers = fleet.cluster(region)
    fleet.record(region, managers, workers)
    say(region)
    listing = list_inventory(CONFIG)
    assert set(listing.hosts("access_endpoint")) == {*managers, *workers}
    assert "WARNING" not in listing.stderr
    (call,) = [one for one in region.calls if one.action == "GetParameters" and "/swarm/demo/access" in str(one.body)]
    assert "/swarm/demo/managers" not in str(call.body)  # whoever may not read the one still reads the other


def test_a3_hosts_behind_session_manager_have_their_ids(region: Region, list_inventory: List) -> None:
    managers, dummy = fleet.cluster(region)
    say(region, by="ssm", endpoint="")
    listing = list_inventory(CONFIG)
    assert managers[0] in listing.hosts("access_ssm")
    assert listing.hostvars[managers[0]]["ansible_host"] == managers[0]


@pytest.mark.parametrize("by", ["direct", "inside"])
def test_a3_a_direct_road_keeps_the_address(region: Region, list_inventory: List, by: str) -> None:
    managers, dummy = fleet.cluster(region)
    say(region, by=by, endpoint="")
    listing = list_inventory(CONFIG)
    assert managers[0] in listing.hosts(f"access_{by}")
    assert listing.hostvars[managers[0]]["ansible_host"] == listing.hostvars[managers[0]]["private_ip_address"]


def test_a3_a_controller_inside_goes_directly(region: Region, list_inventory: List) -> None:
    managers, dummy = fleet.cluster(region)
    say(region)
    listing = list_inventory({**CONFIG, "access": "direct"})
    assert managers[0] in listing.hosts("access_direct")
    assert listing.hostvars[managers[0]]["ansible_host"].startswith("10.")


def test_a3_what_the_user_says_wins(region: Region, tmp_path: Path) -> None:
    managers, dummy = fleet.cluster(region)
    say(region)
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("ansible_user: me\nansible_ssh_common_args: -J bastion\n")
    found = inventory(tmp_path)[managers[0]]
    assert (found["ansible_user"], found["ansible_ssh_common_args"]) == ("me", "-J bastion")
    none = inventory(tmp_path, config={"access": "none"})[managers[0]]
    assert "swarm_access" not in none and none["ansible_host"].startswith("10.")


def test_a3_a_cluster_of_before_is_listed_as_before(region: Region, list_inventory: List) -> None:
    managers, dummy = fleet.cluster(region)
    listing = list_inventory(CONFIG)
    assert [group for group in listing.data if group.startswith("access_")] == []
    assert listing.hostvars[managers[0]]["ansible_host"].startswith("10.")
    assert "access" not in listing.warnings


def test_a3_who_may_not_read_the_road_is_told_and_gets_the_rest(region: Region, list_inventory: List) -> None:
    """Permissions of before allow the record alone."""
    managers, workers = fleet.cluster(region)
    fleet.record(region, managers, workers)
    region.faults.append(Fault("GetParameters", "AccessDeniedException", containing="/access"))
    listing = list_inventory(CONFIG)
    assert listing.hosts("leader") == [managers[0]]
    assert "ssm:GetParameters" in listing.stderr and "left to other variables" in listing.warnings


def test_a3_a_road_that_is_none_is_told(region: Region, list_inventory: List) -> None:
    managers, dummy = fleet.cluster(region)
    say(region, endpoint="eice-1; rm -rf /")
    listing = list_inventory(CONFIG)
    assert "/swarm/demo/access in eu-west-1 names no endpoint" in listing.warnings
    assert "swarm_access" not in listing.hostvars[managers[0]]


def test_a3_a_cached_inventory_leads_there_too(region: Region, tmp_path: Path) -> None:
    """The key is of each run: what a run before had is gone."""
    managers, dummy = fleet.cluster(region)
    say(region)
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    first, second = (inventory(tmp_path, config=cache)[managers[0]] for dummy in range(2))
    assert first["swarm_access"] == second["swarm_access"]
    assert "IdentityFile=" in second["ansible_ssh_common_args"]
    assert first["ansible_ssh_common_args"] != second["ansible_ssh_common_args"]
