# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a cluster are judged before anything is made."""

from __future__ import annotations

import json

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils import _preflight as rules

POOLS = {"overlay pool": ["10.128.0.0/10"], "Docker pool": ["172.28.0.0/14"]}
REGIONS = ("eu-west-1", "us-east-1", "us-west-1")
ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]


@pytest.mark.parametrize("name", ["demo", "a1", "team-7", "x" * 32])
def test_good_names(name: str) -> None:
    assert rules.check_cluster_name(name) == []


@pytest.mark.parametrize("name", ["", "a", "Demo", "7up", "demo-", "de_mo", "x" * 33, "demo\n", "de mo", "démo"])
def test_bad_names_get_one_sentence(name: str) -> None:
    (found,) = rules.check_cluster_name(name)
    assert repr(name) in found
    assert "write 2 to 32 characters" in found


@pytest.mark.parametrize("name", ["managers", "workers", "on-demand", "all"])
def test_a23_a_cluster_is_not_called_like_a_group(name: str) -> None:
    """Its group would be theirs, and all of its nodes managers."""
    (found,) = rules.check_cluster_name(name)
    assert "the inventory has a group of this name" in found


def test_a_known_region_is_fine() -> None:
    assert rules.check_region("eu-west-1", REGIONS) == []


@pytest.mark.parametrize(
    ("region", "hint"), [("us-esat-1", "us-east-1"), ("eu-west1", "eu-west-1"), ("mars", "write one such as")]
)
def test_an_unknown_region_names_the_nearest(region: str, hint: str) -> None:
    (found,) = rules.check_region(region, REGIONS)
    assert region in found
    assert hint in found


def test_a_good_vpc() -> None:
    assert rules.check_vpc_cidr("10.20.0.0/16", POOLS) == []


@pytest.mark.parametrize(
    ("cidr", "reason"),
    [
        ("10.128.0.0/16", "overlaps with the overlay pool 10.128.0.0/10"),
        ("10.190.4.0/22", "overlaps with the overlay pool 10.128.0.0/10"),
        ("172.31.0.0/16", "overlaps with the Docker pool 172.28.0.0/14"),
        ("10.0.0.0/8", "/8: AWS and the subnets in it need a /16 to a /24"),
        ("10.20.0.0/28", "/28: AWS"),
        ("10.20.0.1/16", "is not an IPv4 network"),
        ("fd00::/56", "is not an IPv4 network"),
        ("ten", "is not an IPv4 network"),
    ],
)
def test_a_bad_vpc(cidr: str, reason: str) -> None:
    (found,) = rules.check_vpc_cidr(cidr, POOLS)
    assert reason in found


def test_a_malformed_pool_is_named() -> None:
    (found,) = rules.check_vpc_cidr("10.20.0.0/16", {"overlay pool": ["10.128/10"]})
    assert "overlay pool '10.128/10' is not an IPv4 network" in found


@pytest.mark.parametrize(("cidr", "bits"), [("10.20.0.0/16", 13), ("10.20.0.0/20", 9), ("10.20.0.0/24", 5)])
def test_eight_subnets_fit(cidr: str, bits: int) -> None:
    assert rules.subnet_bits(cidr) == bits


@pytest.mark.parametrize("sizes", [(0, 0, 0), (2, 2, 10), (1, 5, 5)])
def test_good_sizes(sizes: tuple[int, int, int]) -> None:
    assert rules.check_workers(*sizes) == []


@pytest.mark.parametrize("sizes", [(3, 2, 10), (2, 11, 10), (-1, 2, 3)])
def test_bad_sizes(sizes: tuple[int, int, int]) -> None:
    assert len(rules.check_workers(*sizes)) == 1


@pytest.mark.parametrize(("managers", "wrong"), [(1, 0), (2, 1), (3, 0), (4, 1), (5, 0), (7, 1)])
def test_managers_make_a_quorum(managers: int, wrong: int) -> None:
    assert len(rules.check_managers(managers)) == wrong


@pytest.mark.parametrize(("limits", "wrong"), [((80, 5), 0), ((5, 80), 1), ((101, 5), 1), ((50, 50), 1)])
def test_scaling_limits(limits: tuple[int, int], wrong: int) -> None:
    assert len(rules.check_scaling(*limits)) == wrong


@pytest.mark.parametrize(
    ("wanted", "count", "chosen"),
    [([], 2, ZONES[:2]), ([], 3, ZONES), (["eu-west-1c", "eu-west-1a"], 3, ["eu-west-1c", "eu-west-1a"])],
)
def test_zones_are_chosen(wanted: list[str], count: int, chosen: list[str]) -> None:
    assert rules.choose_zones(wanted, count, ZONES) == (chosen, [])


@pytest.mark.parametrize(
    ("wanted", "count", "reason"),
    [
        (["eu-west-1z"], 3, "has no availability zone eu-west-1z"),
        (["eu-west-1a"], 3, "write two or three different ones"),
        (["eu-west-1a", "eu-west-1a"], 3, "write two or three different ones"),
        ([], 4, "4 availability zones cannot be"),
    ],
)
def test_zones_are_refused(wanted: list[str], count: int, reason: str) -> None:
    chosen, (found,) = rules.choose_zones(wanted, count, ZONES)
    assert chosen == []
    assert reason in found


def test_a_region_with_too_few_zones() -> None:
    assert rules.choose_zones([], 3, ZONES[:2])[1] == ["The region offers 2 availability zones, 3 are wanted: write 2."]


def test_repositories_become_arns() -> None:
    other = "arn:aws:ecr:us-east-1:210987654321:repository/base"
    arns, wrong = rules.repository_arns(["shop/*", other], "aws", "eu-west-1", "123456789012")
    assert arns == ["arn:aws:ecr:eu-west-1:123456789012:repository/shop/*", other]
    assert wrong == []


@pytest.mark.parametrize("names", [[], ["Shop"], ["shop gate"]])
def test_bad_repositories(names: list[str]) -> None:
    assert len(rules.repository_arns(names, "aws", "eu-west-1", "123456789012")[1]) == 1


def test_one_finding_stays_one_sentence() -> None:
    assert rules.one_message(["This is wrong."]) == "This is wrong."


def test_several_findings_are_numbered() -> None:
    assert rules.one_message(["A.", "B."]) == "2 things are wrong. (1) A. (2) B."


KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
ROLE = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


def policy(principal: object, effect: str = "Allow") -> str:
    return json.dumps({"Statement": [{"Effect": effect, "Principal": principal, "Action": "kms:*", "Resource": "*"}]})


@pytest.mark.parametrize(
    ("document", "grantees", "usable"),
    [
        (policy({"AWS": "arn:aws:iam::123456789012:root"}), [], False),
        (policy({"AWS": "arn:aws:iam::123456789012:root"}), ["arn:aws:iam::123456789012:role/other"], False),
        (policy({"AWS": "arn:aws:iam::123456789012:root"}), [ROLE], True),
        (policy({"AWS": ["arn:aws:iam::123456789012:root", ROLE]}), [], True),
        (policy({"AWS": ROLE}, "Deny"), [], False),
        (policy({"AWS": "*"}), [], True),
        (policy("*"), [], True),
        (policy({"Service": "logs.amazonaws.com"}), [], False),
    ],
)
def test_a18_the_key_of_the_volumes_lets_auto_scaling_use_it(document: str, grantees: list[str], usable: bool) -> None:
    found = rules.check_volume_key(KEY, document, grantees, "aws", "123456789012")
    assert (found == []) is usable
    assert all(f"--key-id {KEY} --grantee-principal {ROLE} --operations" in text for text in found)


LET_IN = {"cluster_admin_cidr": "", "cluster_admin_security_group": ""}


@pytest.mark.parametrize("access", ["endpoint", "inside", ""])
def test_a3_roads_that_need_nobody_named(access: str) -> None:
    assert rules.check_access(access, LET_IN, exists=False) == []


def test_a3_a_direct_road_for_nobody_is_said_in_one_sentence() -> None:
    (found,) = rules.check_access("direct", LET_IN, exists=True)
    assert found.startswith("cluster_access=direct lets nobody in: give cluster_admin_cidr or ")
    assert rules.check_access("direct", {**LET_IN, "cluster_admin_cidr": "10.0.0.0/8"}, exists=False) == []


def test_a3_a_group_of_another_vpc_cannot_be_let_in_at_first() -> None:
    let_in = {**LET_IN, "cluster_admin_security_group": "sg-0123"}
    (found,) = rules.check_access("direct", let_in, exists=False)
    assert found.startswith("cluster_admin_security_group sg-0123 is of another VPC")
    assert rules.check_access("direct", let_in, exists=True) == []


def test_a3_programs_that_are_missing_are_named_first() -> None:
    assert rules.check_programs("endpoint", []) == []
    (found,) = rules.check_programs("endpoint", ["ssh", "ssh-keygen"])
    assert found == "cluster_access=endpoint needs ssh and ssh-keygen on this machine: install it first."
