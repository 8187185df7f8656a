# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resolver's configuration, and the names it is made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from region.config import RegionConfig
from region.world import dns, endpoints
from region.world.children import ChildError


@pytest.fixture
def config(tmp_path: Path) -> RegionConfig:
    """A region with files of its own."""
    return RegionConfig(name="test", state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")


@pytest.fixture
def lines(config: RegionConfig) -> list[str]:
    """The lines of the resolver's configuration."""
    return dns.configuration(config, Path("/hosts")).splitlines()


@pytest.mark.parametrize(
    "zone", ["us-east-1.amazonaws.com", "eu-west-1.amazonaws.com", "iam.amazonaws.com", "sts.amazonaws.com"]
)
def test_apis_are_at_the_api_address(lines: list[str], zone: str) -> None:
    assert f"address=/{zone}/100.100.0.1" in lines
    assert f"local=/{zone}/" in lines


def test_registries_and_packages_have_addresses_of_their_own(lines: list[str]) -> None:
    assert "address=/dkr.ecr.us-east-1.amazonaws.com/100.100.0.2" in lines
    assert "address=/cdn-aws.deb.debian.org/100.100.0.3" in lines


def test_nothing_else_exists_and_nobody_is_asked(lines: list[str]) -> None:
    assert {"no-resolv", "no-hosts", "address=/#/"} <= set(lines)
    assert not [line for line in lines if line.startswith("server=")]
    assert not [line for line in lines if "us-nowhere-1" in line or line.startswith("address=/amazonaws.com/")]


@pytest.mark.parametrize(
    ("region", "domain"), [("us-east-1", "ec2.internal"), ("eu-west-1", "eu-west-1.compute.internal")]
)
def test_instances_have_private_names(tmp_path: Path, region: str, domain: str) -> None:
    config = RegionConfig(name="test", state_dir=tmp_path, cache_dir=tmp_path, region=region)
    assert f"synth-domain={domain},10.0.0.0/8,ip-" in dns.configuration(config, Path("/hosts"))


def test_regions_are_botocores() -> None:
    assert {"us-east-1", "eu-west-1", "ap-southeast-2"} <= set(endpoints.regions())
    assert not [name for name in endpoints.regions() if name.startswith(("us-gov", "cn-"))]


def test_hosts_can_be_set_before_the_start(config: RegionConfig) -> None:
    resolver = dns.Dns(config)
    resolver.set_hosts({"web-1.us-east-1.elb.amazonaws.com": "100.100.1.1"})
    resolver.set_hosts({"b.example": "100.100.1.3", "a.example": "100.100.1.2"})
    assert (config.state_dir / "dns" / "hosts").read_text() == "100.100.1.2 a.example\n100.100.1.3 b.example\n"
    assert resolver.hosts == {"b.example": "100.100.1.3", "a.example": "100.100.1.2"}


def test_missing_program_is_named(config: RegionConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(config.state_dir))
    with pytest.raises(ChildError, match="setpriv is not installed"):
        dns.Dns(config).start()
