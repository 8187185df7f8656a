# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ECR repositories and images, one function per API call; every function raises :class:`AwsError` when it fails."""

from __future__ import annotations

import typing as t

from ..errors import api_call

Json = dict[str, t.Any]


@api_call("list the ECR repositories", permission="ecr:DescribeRepositories")
def describe_repositories(client: t.Any) -> dict[str, Json]:
    """Return every repository of the account and region, by name."""
    pages = client.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1000})
    return {item["repositoryName"]: item for page in pages for item in page["repositories"]}


@api_call("create the ECR repository {name}", permission="ecr:CreateRepository")
def create_repository(client: t.Any, name: str, settings: Json) -> Json:
    """Create *name* with *settings*, as CreateRepository takes them, and return what AWS made."""
    return t.cast(Json, client.create_repository(repositoryName=name, **settings)["repository"])


@api_call("delete the ECR repository {name}", permission="ecr:DeleteRepository", missing=False)
def delete_repository(client: t.Any, name: str, force: bool) -> bool:
    """Delete *name*, with its images only if *force*; return whether it was there."""
    client.delete_repository(repositoryName=name, force=force)
    return True


@api_call("set the tag mutability of {name}", permission="ecr:PutImageTagMutability")
def put_mutability(client: t.Any, name: str, mutability: str) -> None:
    """Set *mutability*, ``MUTABLE`` or ``IMMUTABLE``."""
    client.put_image_tag_mutability(repositoryName=name, imageTagMutability=mutability)


@api_call("set the scanning of {name}", permission="ecr:PutImageScanningConfiguration")
def put_scanning(client: t.Any, name: str, on_push: bool) -> None:
    """Scan images when they are pushed, or not."""
    client.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": on_push})


@api_call("read the lifecycle policy of {name}", permission="ecr:GetLifecyclePolicy", missing="")
def get_lifecycle(client: t.Any, name: str) -> str:
    """Return the lifecycle policy of *name* as JSON, ``""`` when it has none."""
    return t.cast(str, client.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])


@api_call("set the lifecycle policy of {name}", permission="ecr:PutLifecyclePolicy")
def put_lifecycle(client: t.Any, name: str, policy: str) -> None:
    """Set the lifecycle *policy*, JSON."""
    client.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=policy)


@api_call("remove the lifecycle policy of {name}", permission="ecr:DeleteLifecyclePolicy")
def delete_lifecycle(client: t.Any, name: str) -> None:
    """Remove the lifecycle policy."""
    client.delete_lifecycle_policy(repositoryName=name)


@api_call("read the policy of {name}", permission="ecr:GetRepositoryPolicy", missing="")
def get_policy(client: t.Any, name: str) -> str:
    """Return the access policy of *name* as JSON, ``""`` when it has none."""
    return t.cast(str, client.get_repository_policy(repositoryName=name)["policyText"])


@api_call("set the policy of {name}", permission="ecr:SetRepositoryPolicy")
def put_policy(client: t.Any, name: str, policy: str) -> None:
    """Set the access *policy*, JSON."""
    client.set_repository_policy(repositoryName=name, policyText=policy)


@api_call("remove the policy of {name}", permission="ecr:DeleteRepositoryPolicy")
def delete_policy(client: t.Any, name: str) -> None:
    """Remove the access policy."""
    client.delete_repository_policy(repositoryName=name)


@api_call("read the tags of {arn}", permission="ecr:ListTagsForResource")
def list_tags(client: t.Any, arn: str) -> dict[str, str]:
    """Return the tags of the repository *arn*."""
    return {item["Key"]: item["Value"] for item in client.list_tags_for_resource(resourceArn=arn)["tags"]}


@api_call("tag {arn}", permission="ecr:TagResource")
def tag(client: t.Any, arn: str, tags: dict[str, str]) -> None:
    """Set *tags* on the repository *arn*; other tags stay."""
    client.tag_resource(resourceArn=arn, tags=[{"Key": key, "Value": value} for key, value in tags.items()])


@api_call("remove tags of {arn}", permission="ecr:UntagResource")
def untag(client: t.Any, arn: str, keys: list[str]) -> None:
    """Remove the tags *keys* from the repository *arn*."""
    client.untag_resource(resourceArn=arn, tagKeys=keys)


@api_call("list the images of {name}", permission="ecr:DescribeImages")
def describe_images(client: t.Any, name: str, registry: str = "") -> list[Json]:
    """Return every image of the repository *name*; *registry* is the account, by default the caller's."""
    query = {"registryId": registry} if registry else {}
    pages = client.get_paginator("describe_images").paginate(repositoryName=name, **query)
    return [item for page in pages for item in page["imageDetails"]]


@api_call("find images in {name}", permission="ecr:BatchGetImage")
def get_images(client: t.Any, name: str, ids: list[dict[str, str]], registry: str = "") -> list[Json]:
    """Return those of the images *ids* (``imageTag`` or ``imageDigest``) that exist, with their manifests."""
    query = {"registryId": registry} if registry else {}
    found: list[Json] = []
    for start in range(0, len(ids), 100):
        found += client.batch_get_image(repositoryName=name, imageIds=ids[start : start + 100], **query)["images"]
    return found


@api_call("add the tag {tag_name} to an image of {name}", permission="ecr:PutImage")
def put_image_tag(client: t.Any, name: str, image: Json, tag_name: str) -> None:
    """Give *image*, as :func:`get_images` returns it, one more tag."""
    settings = {"imageManifestMediaType": image["imageManifestMediaType"]} if "imageManifestMediaType" in image else {}
    client.put_image(repositoryName=name, imageManifest=image["imageManifest"], imageTag=tag_name, **settings)


@api_call("remove tags of images of {name}", permission="ecr:BatchDeleteImage")
def delete_image_tags(client: t.Any, name: str, tags: list[str]) -> None:
    """Remove *tags* from their images; an image that loses its last tag is deleted, unless it is used otherwise."""
    for start in range(0, len(tags), 100):
        ids = [{"imageTag": item} for item in tags[start : start + 100]]
        client.batch_delete_image(repositoryName=name, imageIds=ids)
