# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens, and the verdict on a request to the registry."""

from __future__ import annotations

import base64
import json

import pytest
from region.registry.auth import LIFETIME, RegistryId, Target, Tokens, TokenState, Verdict, authorise

ACCOUNT, OTHER = "123456789012", "210987654321"
HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"


class Clock:
    """A clock that stands still until it is moved."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Repositories:
    """One repository in each registry, shared with one other account."""

    def exists(self, registry: RegistryId, repository: str) -> bool:
        return repository == "shop/gate"

    def shared_with(self, registry: RegistryId, repository: str, account: str) -> bool:
        return repository == "shop/gate" and account == OTHER


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens(clock)


def basic(password: str, user: str = "AWS") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def judge(tokens: Tokens, authorization: str, method: str = "GET", uri: str = "/v2/", host: str = HOST) -> Verdict:
    return authorise({"Host": host, "Authorization": authorization}, method, uri, tokens, Repositories())


def test_tokens_are_long_unique_and_all_valid(tokens: Tokens, clock: Clock) -> None:
    first, second = tokens.issue(ACCOUNT), tokens.issue(ACCOUNT)
    assert first.password != second.password
    assert len(first.password) > 1500
    assert first.expires_at == clock.now + LIFETIME
    assert json.loads(base64.b64decode(first.password))["expiration"] == int(first.expires_at)
    assert [tokens.look_up(one.password)[0] for one in (first, second)] == [TokenState.VALID] * 2


def test_token_ends_after_twelve_hours(tokens: Tokens, clock: Clock) -> None:
    token = tokens.issue(ACCOUNT)
    clock.now += LIFETIME - 1
    assert judge(tokens, basic(token.password)).allowed
    clock.now += 1
    verdict = judge(tokens, basic(token.password))
    assert (verdict.status, verdict.code) == (403, "DENIED")
    assert "has expired" in verdict.message


def test_lifetime_can_be_set_and_tokens_ended(tokens: Tokens, clock: Clock) -> None:
    tokens.lifetime = 60
    token = tokens.issue(ACCOUNT)
    assert token.expires_at == clock.now + 60
    assert tokens.expire_all() == 1
    assert tokens.look_up(token.password)[0] is TokenState.EXPIRED
    assert tokens.expire_all() == 0


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        ("Bearer abc", 401),
        ("Basic !!!", 400),
        ("Basic " + base64.b64encode(b"\xff\xfe").decode(), 400),
        (basic("made up"), 400),
    ],
)
def test_strangers_are_refused(tokens: Tokens, authorization: str, status: int) -> None:
    assert judge(tokens, authorization).status == status


def test_only_user_aws_has_a_password(tokens: Tokens) -> None:
    assert judge(tokens, basic(tokens.issue(ACCOUNT).password, "root")).status == 400


def test_holder_of_a_token_may_push_and_pull(tokens: Tokens) -> None:
    authorization = basic(tokens.issue(ACCOUNT).password)
    for method, uri in (
        ("GET", "/v2/"),
        ("GET", "/v2/shop/gate/manifests/v1"),
        ("POST", "/v2/shop/gate/blobs/uploads/"),
        ("PUT", "/v2/shop/gate/manifests/v1"),
    ):
        assert judge(tokens, authorization, method, uri).allowed


def test_missing_repository_is_named_as_ecr_does(tokens: Tokens) -> None:
    verdict = judge(tokens, basic(tokens.issue(ACCOUNT).password), "POST", "/v2/shop/none/blobs/uploads/")
    assert (verdict.status, json.loads(verdict.body())["errors"][0]) == (
        404,
        {
            "code": "NAME_UNKNOWN",
            "message": "The repository with name 'shop/none' does not exist in the registry with id '123456789012'",
        },
    )


def test_deleting_goes_through_the_api_only(tokens: Tokens) -> None:
    verdict = judge(tokens, basic(tokens.issue(ACCOUNT).password), "DELETE", "/v2/shop/gate/manifests/sha256:0")
    assert (verdict.status, verdict.code) == (405, "UNSUPPORTED")


def test_other_accounts_need_a_policy(tokens: Tokens) -> None:
    guest, stranger = tokens.issue(OTHER), tokens.issue("333333333333")
    assert judge(tokens, basic(guest.password), "GET", "/v2/shop/gate/manifests/v1").allowed
    verdict = judge(tokens, basic(stranger.password), "GET", "/v2/shop/gate/manifests/v1")
    assert verdict.status == 403
    assert "ecr:BatchGetImage" in verdict.message


def test_other_host_names_are_nobody(tokens: Tokens) -> None:
    assert judge(tokens, basic(tokens.issue(ACCOUNT).password), host="registry.example").status == 404


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("/v2/", Target()),
        ("/v2/shop/gate/manifests/v1", Target("shop/gate", "manifests", "v1")),
        ("/v2/a/blobs/uploads/?mount=sha256:1&from=b", Target("a", "blobs", "uploads/")),
        ("/v2/a/b/c/tags/list?n=5", Target("a/b/c", "tags", "list")),
        ("/v2/blobs/manifests/manifests/x", Target("blobs", "manifests", "manifests/x")),
    ],
)
def test_uri_is_understood(uri: str, target: Target) -> None:
    assert Target.from_uri(uri) == target


@pytest.mark.parametrize(
    ("host", "registry"),
    [
        (HOST, RegistryId(ACCOUNT, "us-east-1")),
        (f"{HOST}:443", RegistryId(ACCOUNT, "us-east-1")),
        ("12345.dkr.ecr.us-east-1.amazonaws.com", None),
        ("ecr.us-east-1.amazonaws.com", None),
    ],
)
def test_host_names_a_registry(host: str, registry: RegistryId | None) -> None:
    assert RegistryId.from_host(host) == registry
    if registry is not None:
        assert registry.host == HOST
