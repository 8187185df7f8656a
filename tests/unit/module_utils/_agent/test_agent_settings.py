# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's settings: what wins, and what is wrong."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.join import edge_subnet
from ansible_collections.apiary.swarm.plugins.module_utils._agent.settings import Settings, SettingsError, load
from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError

NODE = {"cluster": "demo", "region": "eu-west-1", "role": "worker"}
BAKED = {"join_source": "baked", "worker_token": "SWMTKN-1-x", "manager_addresses": ["10.20.0.5"]}


def test_defaults() -> None:
    settings = Settings.from_dict(NODE, "node.json")
    assert (settings.prefix, settings.joins_from_image, settings.autolock) == ("/swarm/demo", False, True)


def test_user_data_wins_over_the_image(tmp_path: Path) -> None:
    node, image, edge = (tmp_path / name for name in ("node.json", "image.json", "edge.json"))
    node.write_text(json.dumps({**NODE, "feed_port": 8000}))
    image.write_text(json.dumps({"feed_port": 9000, "autolock": False}))
    edge.write_text(json.dumps({"edge_max_body": "1m"}))
    settings = load(node, (image, edge, tmp_path / "none.json"))
    assert (settings.feed_port, settings.autolock, settings.edge_max_body) == (8000, False, "1m")


def test_baked_is_for_workers() -> None:
    assert Settings.from_dict({**NODE, **BAKED}, "x").joins_from_image
    assert not Settings.from_dict({**NODE, **BAKED, "role": "manager"}, "x").joins_from_image


def test_token_is_not_shown() -> None:
    assert "SWMTKN" not in repr(Settings.from_dict({**NODE, **BAKED}, "x"))


def test_settings_of_a_newer_release_are_passed_over() -> None:
    assert Settings.from_dict({**NODE, "colour": "blue"}, "x").cluster == "demo"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cluster": "Demo"}, "cluster must match"),
        ({"cluster": None}, "cluster must match"),
        ({"region": "europe"}, "region must match"),
        ({"role": "boss"}, "role must be one of manager, worker, got 'boss'"),
        ({"role": None}, "role must be one of"),
        ({"join_source": "mail"}, "join_source must be one of"),
        ({"feed_port": "80"}, "feed_port must be a whole number"),
        ({"autolock": "yes"}, "autolock must be true or false"),
        ({"address_pool": "10.0.0.0/33"}, "address_pool: '33' is not"),
        ({"manager_addresses": ["manager"]}, "manager_addresses: Expected 4 octets"),
        ({"manager_addresses": "10.20.0.5"}, "manager_addresses must be a list"),
        ({"trusted_proxies": ["10.20.0.5/16"]}, "host bits set"),
        ({"edge_max_body": "1 m"}, "edge_max_body"),
        ({"join_source": "baked"}, "carries no worker_token"),
    ],
)
def test_wrong_settings_name_file_and_key(change: dict[str, t.Any], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_dict({**NODE, **change}, "/etc/node.json")
    assert caught.value.message.startswith("/etc/node.json: ")
    assert words in caught.value.message


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_file_that_is_no_object(text: str, tmp_path: Path) -> None:
    (tmp_path / "node.json").write_text(text)
    with pytest.raises(SettingsError):
        load(tmp_path / "node.json", ())


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="user data"):
        load(tmp_path / "node.json", ())


@pytest.mark.parametrize(
    ("pool", "mask", "subnet"),
    [
        ("10.128.0.0/10", 20, "10.191.240.0/20"),
        ("10.0.0.0/20", 20, "10.0.0.0/20"),
        ("172.16.0.0/12", 22, "172.31.252.0/22"),
    ],
)
def test_edge_subnet_is_the_last_of_the_pool(pool: str, mask: int, subnet: str) -> None:
    assert edge_subnet(pool, mask) == subnet


def test_edge_subnet_that_does_not_fit() -> None:
    with pytest.raises(SwarmError, match="does not fit"):
        edge_subnet("10.0.0.0/24", 20)


def test_regions_of_every_partition_are_taken() -> None:
    """botocore knows the regions there are, and a form for those to come in each partition."""
    import botocore.session

    names = set()
    session = botocore.session.Session()
    for partition in session.get_available_partitions():
        names |= set(session.get_available_regions("ec2", partition_name=partition))
    assert len(names) > 30
    for name in [*names, "eusc-de-east-1", "us-isof-south-1", "cn-northwest-1", "us-gov-west-1", "ap-southeast-7"]:
        found = Settings.from_dict({"cluster": "demo", "region": name, "role": "worker"}, "x")
        assert found.region == name


@pytest.mark.parametrize("name", ["", "eu-west", "eu-west-1a", "EU-WEST-1", "eu_west_1", "eu-west-1\n", "-eu-1", "1"])
def test_what_is_no_region_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="region"):
        Settings.from_dict({"cluster": "demo", "region": name, "role": "worker"}, "x")
