# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References of images: one reader, with the rules of github.com/distribution/reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.apiary.swarm.plugins.module_utils import _references as references
from ansible_collections.apiary.swarm.plugins.module_utils._aws.ecr.images import parse_reference
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.registry import auth

HEX = "a" * 64
DIGEST = f"sha256:{HEX}"
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"

#: Taken from normalize_test.go and reference_test.go: what is written → registry, repository, the short form.
READ = [
    ("app", "docker.io", "library/app", "app:latest"),
    ("docker.io/library/app:1", "docker.io", "library/app", "app:1"),
    ("docker.io/app:1", "docker.io", "library/app", "app:1"),
    ("index.docker.io/team/app", "docker.io", "team/app", "team/app:latest"),
    ("library/app", "docker.io", "library/app", "app:latest"),
    ("library/foo/bar:1", "docker.io", "library/foo/bar", "library/foo/bar:1"),
    ("team/app", "docker.io", "team/app", "team/app:latest"),
    ("localhost/app", "localhost", "app", "localhost/app:latest"),
    ("localhost:5000/app:v1", "localhost:5000", "app", "localhost:5000/app:v1"),
    ("LOCAL/x", "LOCAL", "x", "LOCAL/x:latest"),
    ("Registry/team/app:1", "Registry", "team/app", "Registry/team/app:1"),
    ("localhost", "docker.io", "library/localhost", "localhost:latest"),
    ("r.example.org/library/app", "r.example.org", "library/app", "r.example.org/library/app:latest"),
    ("r.example.org:443/a/b__c/d-e:1.2", "r.example.org:443", "a/b__c/d-e", "r.example.org:443/a/b__c/d-e:1.2"),
    ("[::1]:5000/app", "[::1]:5000", "app", "[::1]:5000/app:latest"),
    (f"app@{DIGEST}", "docker.io", "library/app", f"app@{DIGEST}"),
    (f"r.example.org/app:1@{DIGEST}", "r.example.org", "app", f"r.example.org/app:1@{DIGEST}"),
    ("docker.io/0.0/app", "docker.io", "0.0/app", "docker.io/0.0/app:latest"),
    ("docker.io/localhost/app", "docker.io", "localhost/app", "docker.io/localhost/app:latest"),
    (f"a/{'b' * 253}", "docker.io", f"a/{'b' * 253}", f"a/{'b' * 253}:latest"),
]  # fmt: skip

REFUSED = [
    "", "App", "a b", "app:", "app:a b", "-app", "app/", "/app", "app@sha256:12", "a//b", "https://a/b", "app:-1",
    HEX, f"app@sha256:{'A' * 64}", f"app@md5:{'a' * 32}", f"app@{DIGEST}@{DIGEST}", "team/App", "a._b", "a___b",
    f"a/{'b' * 254}", "app:" + "t" * 129, "r.example.org/", "app\n", "r.example.org:port/app", "ä", "app:ä",
]  # fmt: skip


@pytest.mark.parametrize(("written", "registry", "path", "short"), READ)
def test_one_reader_of_references(written: str, registry: str, path: str, short: str) -> None:
    found = references.parse(written)
    assert found is not None
    assert (found.domain, found.path) == (registry, path)
    assert references.registry_of(written) == registry
    assert references.completed(written) == short
    assert references.problem(written) == ""


@pytest.mark.parametrize("written", REFUSED)
def test_one_reader_of_references_refuses(written: str) -> None:
    assert references.parse(written) is None
    assert written in references.problem(written) and "\n" not in references.problem(written).replace(written, "")
    assert references.completed(written) == written


_PART = st.from_regex(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)?", fullmatch=True)
_HOST = st.sampled_from(["", "docker.io/", "index.docker.io/", "localhost/", "LOCAL/", "r.example.org:5000/", "[::1]/"])
_TAG = st.sampled_from(["", ":1", ":V1.2_x-y", ":latest"])
_DIGEST = st.sampled_from(["", f"@{DIGEST}", f"@sha512:{'0' * 128}"])


@given(_HOST, st.lists(_PART, min_size=1, max_size=3), _TAG, _DIGEST)
def test_the_short_form_names_the_same_image(host: str, parts: list[str], tag: str, digest: str) -> None:
    """C(FamiliarString) and C(ParseNormalizedNamed) are each other's inverse."""
    written = host + "/".join(parts) + tag + digest
    found = references.parse(written)
    assert found is not None
    assert references.parse(str(found)) == found
    assert references.completed(references.completed(written)) == references.completed(written)


@given(st.text(alphabet="aA0._-/:@ [", max_size=20))
def test_what_is_no_reference_has_a_problem(text: str) -> None:
    assert bool(references.parse(text)) is not bool(references.problem(text))


def test_parts_of_a_reference() -> None:
    other = f"sha256:{'b' * 64}"
    assert references.pinned("host:5000/app", DIGEST) == f"host:5000/app:latest@{DIGEST}"
    assert references.pinned(f"app:1@{DIGEST}", other) == f"app:1@{other}"
    assert references.pinned("docker.io/library/redis:7", DIGEST) == f"redis:7@{DIGEST}"
    assert references.digest_of(f"app:1@{DIGEST}") == DIGEST and references.digest_of("app:1") == ""
    assert references.without_digest(f"app:1@{DIGEST}") == "app:1" and references.tagged("a/b") == "a/b:latest"
    hosts = [references.host_of(text) for text in ("https://index.docker.io/v1/", "r.example.org", "http://r:5000/")]
    assert hosts == ["docker.io", "r.example.org", "r:5000"]


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx", "docker.io"), ("library/nginx:1", "docker.io"), ("localhost/x", "localhost"),
        ("r.example.org/a/b:1", "r.example.org"), ("host:5000/x@sha256:1", "host:5000"),
        ("1.dkr.ecr.eu-central-1.amazonaws.com/shop/api:v1", "1.dkr.ecr.eu-central-1.amazonaws.com"),
    ],
)  # fmt: skip
def test_registry_of(image: str, registry: str) -> None:
    assert references.registry_of(image) == registry


def test_logins_are_found_by_the_registry_that_the_engine_will_ask() -> None:
    login = {"registry": "LOCAL", "username": "u", "password": "p"}
    assert auth.login_for([login], "LOCAL/x") == login
    hub = {**login, "registry": "https://index.docker.io/v1/"}
    assert auth.login_for([login, hub], "docker.io/library/redis:7") == hub


def test_images_of_ecr_are_read_by_the_same_rules() -> None:
    assert parse_reference(f"{ECR}/shop/api:v1@{DIGEST}").base == f"{ECR}/shop/api"
    for bad in (f"{ECR}/Shop/api", f"{ECR}/shop//api", f"{ECR}/shop/api:", f"{ECR}/shop/api@sha256:12", ECR):
        with pytest.raises(InvalidInput):
            parse_reference(bad)
