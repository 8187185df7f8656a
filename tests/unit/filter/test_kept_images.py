# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images of ECR the kept releases use."""

from __future__ import annotations

from typing import Any

from ansible_collections.apiary.swarm.plugins.filter.kept_images import kept_images

HERE = "123456789012"
ONE, TWO, THREE = ("sha256:" + digit * 64 for digit in "123")


def image(name: str, digest: str, account: str = HERE, region: str = "eu-west-1") -> str:
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{name}@{digest}"


def release(stack: str, *images: str, outcome: str = "converged") -> dict[str, Any]:
    return {"stack": stack, "outcome": outcome, "digests": {f"{stack}_{n}": image for n, image in enumerate(images)}}


def test_releases_of_other_stacks_count_for_shared_repositories() -> None:
    releases = [
        release("shop", image("shop/gate", TWO)),
        release("shop", image("shop/gate:v1", ONE)),
        release("admin", image("shop/gate", THREE), image("admin/web", ONE)),
    ]
    assert kept_images(releases, HERE, "shop") == [
        {"region": "eu-west-1", "repositories": [{"name": "shop/gate", "kept_digests": [ONE, TWO, THREE]}]}
    ]
    assert [entry["name"] for entry in kept_images(releases, HERE)[0]["repositories"]] == ["admin/web", "shop/gate"]


def test_each_region_is_an_entry() -> None:
    releases = [release("shop", image("a", ONE, region="us-east-1"), image("a", TWO))]
    assert [entry["region"] for entry in kept_images(releases, HERE)] == ["eu-west-1", "us-east-1"]


def test_what_is_not_ours_or_never_ran_is_left_out() -> None:
    releases = [
        release("shop", image("a", ONE, account="210987654321"), "docker.io/library/redis@" + TWO, "localhost/x:1"),
        release("shop", image("a", TWO), outcome="failed"),
    ]
    assert kept_images(releases, HERE) == []


def test_an_account_that_yaml_took_for_a_number() -> None:
    assert kept_images([release("shop", image("a", ONE))], int(HERE)) != []  # type: ignore[arg-type]
