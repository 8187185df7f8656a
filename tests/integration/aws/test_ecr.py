# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules ecr_repository and ecr_image_info."""

from __future__ import annotations

import json
import typing as t

import pytest
from container_images import push, tags_of
from moto_region import ACCOUNT, Fault, Region

from ansible_collections.apiary.swarm.plugins.modules import ecr_image_info, ecr_repository

Run = t.Callable[..., dict[str, t.Any]]
HOST = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
POLICY = {"Version": "2012-10-17", "Statement": [{"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]}


@pytest.fixture
def task(region: Region, run_module: Run) -> Run:
    """Run ecr_repository."""
    return lambda **options: run_module(ecr_repository, **options)


@pytest.fixture
def find(region: Region, run_module: Run) -> Run:
    """Run ecr_image_info."""
    return lambda **options: run_module(ecr_image_info, **options)


ALL_SETTINGS: dict[str, t.Any] = {
    "name": "shop/gate",
    "image_tag_mutability": "immutable",
    "scan_on_push": True,
    "expire_untagged_days": 7,
    "keep_images": 100,
    "policy": POLICY,
    "tags": {"a": "1"},
}


def test_rhythm(region: Region, task: Run) -> None:
    """Check, do, again; check mode tells what the run does."""
    checked = task(**ALL_SETTINGS, check=True, diff=True)
    assert region.writes() == []
    done = task(**ALL_SETTINGS, diff=True)
    assert checked["diff"] == done["diff"]
    (repository,) = done["repositories"]
    assert repository["repository_uri"] == f"{HOST}/shop/gate"
    assert repository["changes"] == ["created", "lifecycle_policy", "policy"]
    region.forget()
    assert task(**ALL_SETTINGS)["changed"] is False
    assert region.writes() == []


@pytest.mark.parametrize(
    ("change", "calls"),
    [
        ({"image_tag_mutability": "mutable"}, ["PutImageTagMutability"]),
        ({"scan_on_push": False}, ["PutImageScanningConfiguration"]),
        ({"keep_images": 5}, ["PutLifecyclePolicy"]),
        ({"purge_lifecycle_policy": True}, ["DeleteLifecyclePolicy"]),
        ({"purge_policy": True}, ["DeleteRepositoryPolicy"]),
        ({"tags": {"b": "2"}}, ["UntagResource", "TagResource"]),
        ({"tags": {}}, ["UntagResource"]),
    ],
)
def test_each_change_alone(region: Region, task: Run, change: dict[str, t.Any], calls: list[str]) -> None:
    """One setting changes by its own write, and the next run is quiet."""
    task(**ALL_SETTINGS)
    options = {"name": "shop/gate", **change}
    region.forget()
    checked = task(**options, check=True, diff=True)
    assert region.writes() == []
    assert task(**options, diff=True)["diff"] == checked["diff"]
    assert region.writes() == calls
    assert task(**options)["changed"] is False


def test_images_of_kept_releases_are_protected(region: Region, task: Run) -> None:
    """Kept images get a tag that no lifecycle rule touches; images that are let go lose it."""
    task(name="shop/gate", keep_images=5)
    first, second = push(region, "shop/gate", "v1"), push(region, "shop/gate", "v2")
    keep = {"name": "shop/gate", "kept_digests": [first]}
    assert task(**keep, check=True)["changed"] is True
    assert task(**keep)["changed"] is True
    assert any(tag.startswith("kept-") for tag in tags_of(region, "shop/gate")[first])
    assert tags_of(region, "shop/gate")[second] == {"v2"}
    assert task(**keep)["changed"] is False
    task(name="shop/gate", kept_digests=[second])
    assert tags_of(region, "shop/gate")[first] == {"v1"}
    assert any(tag.startswith("kept-") for tag in tags_of(region, "shop/gate")[second])
    text = region.client("ecr").get_lifecycle_policy(repositoryName="shop/gate")["lifecyclePolicyText"]
    rules = sorted(json.loads(text)["rules"], key=lambda rule: rule["rulePriority"])
    assert rules[0]["selection"]["tagPrefixList"] == ["kept-"]
    assert rules[1]["selection"]["countNumber"] == 5


def test_absent(region: Region, task: Run) -> None:
    """A repository with images is kept unless told."""
    task(name="shop/gate")
    push(region, "shop/gate", "v1")
    refused = task(name="shop/gate", state="absent")
    assert "Cannot delete the ECR repository shop/gate in eu-west-1" in refused["msg"]
    assert task(name="shop/gate", state="absent", force_absent=True)["changed"] is True
    assert task(name="shop/gate", state="absent")["changed"] is False


def test_one_failure_does_not_stop_the_others(region: Region, task: Run) -> None:
    """The others are made, the failing one is named."""
    region.faults.append(Fault("CreateRepository", "AccessDeniedException", containing="two"))
    result = task(repositories=[{"name": "one"}, {"name": "two"}, {"name": "three"}])
    assert set(result["failed_repositories"]) == {"two"}
    assert "permission ecr:CreateRepository is missing" in result["msg"]
    assert len(region.client("ecr").describe_repositories()["repositories"]) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "Shop"}, "'Shop' cannot be the name of a repository"),
        ({"repositories": [{"name": "one"}, {"name": "one"}]}, "The repository one is given twice"),
        ({"name": "one", "kept_digests": ["v1"]}, "'v1' is not a digest"),
        ({"name": "one", "lifecycle_policy": {"rules": []}, "keep_images": 3}, "lifecycle_policy excludes"),
        ({"name": "one", "kept_digests": ["sha256:" + "a" * 64]}, "so it cannot be kept"),
    ],
)
def test_bad_input(region: Region, task: Run, options: dict[str, t.Any], message: str) -> None:
    """One sentence."""
    result = task(**options)
    assert message in result["msg"]
    assert "Traceback" not in result["msg"]
    assert message == "so it cannot be kept" or region.writes() == []


def test_encryption_is_fixed(region: Region, task: Run) -> None:
    """AWS cannot change the key of a repository, so it is refused."""
    task(name="one")
    assert "which cannot be changed" in task(name="one", kms_key=KEY)["msg"]


def test_a9_clusters_that_share_a_repository_let_go_their_own_tags_only(region: Region, task: Run) -> None:
    task(name="shop/gate")
    digest = push(region, "shop/gate", "v1")
    for cluster in ("demo", "prod"):
        assert task(name="shop/gate", kept_digests=[digest], kept_by=cluster)["changed"]
        assert not task(name="shop/gate", kept_digests=[digest], kept_by=cluster)["changed"]
    region.client("ecr").batch_delete_image(repositoryName="shop/gate", imageIds=[{"imageTag": "v1"}])
    assert task(name="shop/gate", kept_digests=[], kept_by="demo")["changed"]
    assert {tag.rpartition("-")[0] for tag in tags_of(region, "shop/gate")[digest]} == {"kept-prod", "released"}
    assert not task(name="shop/gate", kept_digests=[], kept_by="demo")["changed"]


@pytest.mark.parametrize("mutability", ["mutable", "immutable"])
def test_a9_an_image_never_loses_its_last_tag(region: Region, task: Run, mutability: str) -> None:
    """ECR deletes an image with its last tag, and a release that somebody goes back to may still need it."""
    task(name="shop/gate", image_tag_mutability=mutability)
    digest = push(region, "shop/gate", "v1")
    for keeper in ("demo", "prod"):
        task(name="shop/gate", kept_digests=[digest], kept_by=keeper)
    region.client("ecr").batch_delete_image(repositoryName="shop/gate", imageIds=[{"imageTag": "v1"}])
    for keeper in ("demo", "prod"):
        assert task(name="shop/gate", kept_digests=[], kept_by=keeper)["changed"]
    (tag,) = tags_of(region, "shop/gate")[digest]
    assert tag == "released-" + digest.partition(":")[2][:24]
    task(name="shop/gate", kept_digests=[digest], kept_by="demo")
    assert len(tags_of(region, "shop/gate")[digest]) == 2


def test_a9_tags_without_a_name_are_nobodys(region: Region, task: Run) -> None:
    """An earlier version set them, and whose they are cannot be known."""
    task(name="shop/gate")
    digest = push(region, "shop/gate", "v1")
    task(name="shop/gate", kept_digests=[digest])
    before = tags_of(region, "shop/gate")[digest]
    assert not task(name="shop/gate", kept_digests=[], kept_by="demo")["changed"]
    assert tags_of(region, "shop/gate")[digest] == before
    assert "fits in no tag" in task(name="shop/gate", kept_digests=[], kept_by="a b")["msg"]


def test_images(region: Region, task: Run, find: Run) -> None:
    """Existing and missing images, by tag and digest, one call for each repository."""
    task(repositories=[{"name": "shop/gate"}, {"name": "shop/storage"}])
    digest = push(region, "shop/gate", "v1")
    region.forget()
    result = find(
        images=[f"{HOST}/shop/gate:v1", f"{HOST}/shop/gate:v9", f"{HOST}/shop/gate@{digest}", f"{HOST}/shop/none:v1"]
    )
    found = {item["image"]: item for item in result["images"]}
    assert found[f"{HOST}/shop/gate:v1"]["pinned"] == f"{HOST}/shop/gate@{digest}"
    assert found[f"{HOST}/shop/gate@{digest}"]["exists"] is True
    assert "has no image with the tag v9" in found[f"{HOST}/shop/gate:v9"]["reason"]
    assert "shop/none" in found[f"{HOST}/shop/none:v1"]["reason"]
    assert result["missing"] == [f"{HOST}/shop/gate:v9", f"{HOST}/shop/none:v1"]
    assert region.actions() == ["BatchGetImage", "BatchGetImage"]
    failed = find(images=[f"{HOST}/shop/none:v1"], fail_on_missing=True)
    assert failed["failed"] is True and "shop/none" in failed["msg"]


def test_images_by_revision(region: Region, task: Run, find: Run) -> None:
    """The image that was pushed for a commit."""
    task(name="shop/gate")
    push(region, "shop/gate", "main-aaaaaaa1")
    wanted = push(region, "shop/gate", "git-3f2a9c1d")
    result = find(images=[f"{HOST}/shop/gate"], revision="3f2a9c1d0b5e")
    assert result["images"][0]["digest"] == wanted
    assert result["images"][0]["tag"] == "git-3f2a9c1d"
    missing = find(images=[f"{HOST}/shop/gate"], revision="bbbbbbbbbb")
    assert "is tagged with the revision bbbbbbbbbb" in missing["images"][0]["reason"]
    assert "too short" in find(images=[f"{HOST}/shop/gate"], revision="3f2")["msg"]


@pytest.mark.parametrize("image", ["docker.io/nginx:1", f"{HOST}", f"{HOST}/shop@sha256:1"])
def test_images_outside_ecr(region: Region, find: Run, image: str) -> None:
    """What is no image of ECR is refused."""
    assert find(images=[image])["failed"] is True
    assert region.calls == []
