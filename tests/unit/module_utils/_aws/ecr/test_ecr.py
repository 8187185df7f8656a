# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of registries and images, plans for repositories, and lifecycle rules, without AWS."""

from __future__ import annotations

import typing as t
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.auth import Token, is_ecr, parse_registry
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.images import parse_reference, tag_of_revision
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.keeping import keep, kept_tag, release
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.repositories import (
    Repository,
    WantedRepository,
    lifecycle_of,
    plan_present,
    protected,
)
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("host", "account", "region"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012", "eu-west-1"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "123456789012", "us-gov-west-1"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "123456789012", "cn-north-1"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "123456789012", "eu-west-1"),
        ("https://123456789012.DKR.ECR.eu-west-1.amazonaws.com/shop/gate:v1", "123456789012", "eu-west-1"),
        ("public.ecr.aws/nginx/nginx", "", "us-east-1"),
    ],
)
def test_registries(host: str, account: str, region: str) -> None:
    """Every form of a registry's name."""
    found = parse_registry(host)
    assert (found.account, found.region) == (account, region)
    assert is_ecr(host)


def test_a_partitions_registries_of_every_partition_are_known() -> None:
    """botocore's own table says which partitions there are and which domain each has."""
    import botocore.session

    session = botocore.session.Session()
    resolver = session.get_component("endpoint_resolver")
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("ecr", partition) or session.get_available_regions(
            "ec2", partition
        ):
            # The API's own name ends as the registry's does.
            domain = resolver.construct_endpoint("ec2", region)["hostname"].partition(f".{region}.")[2]
            found = parse_registry(f"123456789012.dkr.ecr.{region}.{domain}")
            assert (found.account, found.region) == ("123456789012", region)


@pytest.mark.parametrize("host", ["docker.io", "123.dkr.ecr.eu-west-1.amazonaws.com", "", "ecr.amazonaws.com", "x/y"])
def test_no_registries(host: str) -> None:
    """What is no registry of ECR."""
    assert not is_ecr(host)
    with pytest.raises(InvalidInput, match="is not a registry of ECR"):
        parse_registry(host)


def test_tokens_are_renewed_early() -> None:
    """Half an hour before the end a token counts as used up."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert Token("h", "AWS", "p", now + timedelta(hours=1)).usable(now)
    assert not Token("h", "AWS", "p", now + timedelta(minutes=29)).usable(now)


def test_references() -> None:
    """Repository, tag and digest."""
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    found = parse_reference(f"{host}/shop/gate:v1@{DIGEST}")
    assert (found.repository, found.tag, found.digest, found.base) == ("shop/gate", "v1", DIGEST, f"{host}/shop/gate")
    assert parse_reference(f"{host}/gate").tag == ""


@pytest.mark.parametrize(
    ("tag", "matches"),
    [
        ("3f2a9c1d0b5e", True),
        ("3f2a9c1", True),
        ("git-3f2a9c1d", True),
        ("main-3f2a9c1-42", True),
        ("v1.2.3_3f2a9c1", True),
        ("3f2a9c", False),
        ("3f2a9c2", False),
        ("x3f2a9c1", False),
        ("latest", False),
    ],
)
def test_tags_of_a_revision(tag: str, matches: bool) -> None:
    """Seven characters or more as a word of their own."""
    assert tag_of_revision([{"imageTags": [tag]}], "3f2a9c1d0b5e") == (tag if matches else "")


def test_the_newest_image_of_a_revision() -> None:
    """A commit that was built twice."""
    images: list[dict[str, t.Any]] = [
        {"imageTags": ["a-3f2a9c1"], "imagePushedAt": datetime(2026, 1, 1)},
        {"imageTags": ["b-3f2a9c1"], "imagePushedAt": datetime(2026, 1, 2)},
        {"imagePushedAt": datetime(2026, 1, 3)},
    ]
    assert tag_of_revision(images, "3f2a9c1d") == "b-3f2a9c1"


def test_the_protecting_rule_is_first() -> None:
    """Whatever the user's rules, none of them can touch a kept image."""
    own = {"rules": [{"rulePriority": 7, "selection": {"tagStatus": "any"}}, {"rulePriority": 1, "selection": {}}]}
    rules = protected(own)["rules"]
    assert [rule["rulePriority"] for rule in rules] == [1, 2, 3]
    assert rules[0]["selection"]["tagPrefixList"] == ["kept-"]
    assert rules[2]["selection"] == {"tagStatus": "any"}
    assert protected({}) == {}
    assert kept_tag(DIGEST) == "kept-" + "a" * 24


def test_short_form_of_a_policy() -> None:
    """Untagged first: the rule for any image must come last."""
    rules = lifecycle_of(7, 100)["rules"]
    assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged", "any"]
    assert lifecycle_of(None, None) == {"rules": []}


POLICIES = st.none() | st.sampled_from([{}, {"rules": [{"rulePriority": 1}]}])
WANTED = st.builds(
    WantedRepository,
    name=st.just("a"),
    mutability=st.none() | st.sampled_from(["MUTABLE", "IMMUTABLE"]),
    scan_on_push=st.none() | st.booleans(),
    lifecycle=POLICIES,
    policy=POLICIES,
    tags=st.none() | st.dictionaries(st.sampled_from("ab"), st.sampled_from("12")),
    purge_tags=st.booleans(),
    kept=st.none() | st.sampled_from([(), (DIGEST,), (DIGEST, OTHER)]),
)
LIVE = st.builds(
    Repository,
    name=st.just("a"),
    mutability=st.sampled_from(["MUTABLE", "IMMUTABLE"]),
    scan_on_push=st.booleans(),
    lifecycle=POLICIES,
    policy=POLICIES,
    tags=st.dictionaries(st.sampled_from("abc"), st.sampled_from("12")),
    kept=st.sampled_from([(), (OTHER,)]),
)


@given(WANTED, st.none() | LIVE)
def test_a_plan_carried_out_leaves_nothing_to_do(wanted: WantedRepository, live: Repository | None) -> None:
    """Planning again on the repository that a plan promises gives no step."""
    after = plan_present(wanted, live).after
    assert after is not None
    assert plan_present(wanted, after).steps == ()


def test_images_are_protected_before_others_are_let_go() -> None:
    """A deploy that fails in between loses nothing."""
    steps = plan_present(WantedRepository("a", kept=(DIGEST,)), Repository("a", kept=(OTHER,))).steps
    assert [(step.do, step.arguments) for step in steps] == [(keep, ("a", [DIGEST], "")), (release, ("a", [OTHER], ""))]


def test_encryption_is_fixed() -> None:
    """AWS cannot change it."""
    with pytest.raises(InvalidInput, match="cannot be changed"):
        plan_present(WantedRepository("a", kms_key="k"), Repository("a"))


def test_report() -> None:
    """What was not read is left out."""
    report: dict[str, t.Any] = Repository("a", lifecycle={}).report()
    assert report["lifecycle_policy"] == {}
    assert "policy" not in report and "tags" not in report
