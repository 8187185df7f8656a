# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECR's API and the registry's hooks together; only the storage of the layers is played."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from region.config import RegionConfig
from region.emulator import ecr
from region.registry import hooks as registry_hooks
from region.registry import server as registry
from region.registry.auth import LIFETIME, RegistryId
from region.registry.hooks import DOCKER_MANIFEST, PREFIX, Hooks, Manifest, Response, digest_of

REGISTRY = RegistryId("123456789012", "us-east-1")


def manifest_text(*sizes: int) -> str:
    """A manifest with layers of these sizes."""
    layers = [{"mediaType": "layer", "size": size, "digest": digest_of(str(size).encode())} for size in sizes]
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 7, "digest": digest_of(b"config")}
    return json.dumps({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": config, "layers": layers})


class Storage:
    """Takes every manifest, unless it is told to refuse."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, str]] = []
        self.refusal: Response | None = None

    def __call__(self, registry_id: RegistryId, repository: str, manifest: Manifest) -> Response:
        if self.refusal is not None:
            return self.refusal
        self.stored.append((repository, manifest.digest))
        return Response(201)


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """The storage behind both ECR's API and the hooks."""
    storage = Storage()
    ecr.install(storage)
    monkeypatch.setattr(registry_hooks, "store", storage)
    yield storage
    ecr.install(None)


@pytest.fixture
def client(account: Any, storage: Storage) -> Any:
    """ECR's API with one repository."""
    client = account.client("ecr")
    client.create_repository(repositoryName="shop/gate")
    return client


@pytest.fixture
def hooks() -> Hooks:
    """The registry's hooks."""
    return Hooks(ecr.Catalogue(), ecr.tokens)


def call(hooks: Hooks, method: str, path: str, body: str = "", **environ: str) -> tuple[int, Any, dict[str, str]]:
    """Return status, body and headers of a request as nginx passes it on."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    content = body.encode()
    whole = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(content)),
        "CONTENT_TYPE": DOCKER_MANIFEST if body else "",
        "wsgi.input": io.BytesIO(content),
        "HTTP_X_ORIGINAL_HOST": REGISTRY.host,
        **environ,
    }
    answer = b"".join(hooks(whole, lambda status, headers: started.append((status, headers))))
    status, headers = started[0]
    try:
        parsed = json.loads(answer) if answer else None
    except ValueError:
        parsed = answer.decode()
    return int(status.split()[0]), parsed, dict(headers)


def tags(client: Any) -> dict[str, str]:
    """The digest of each tag, and "" for an untagged image."""
    images = client.list_images(repositoryName="shop/gate")["imageIds"]
    return {image.get("imageTag", ""): image["imageDigest"] for image in images}


def test_token_opens_the_registry_for_twelve_hours(account: Any, client: Any, hooks: Hooks) -> None:
    first, second = (client.get_authorization_token()["authorizationData"][0] for dummy in range(2))
    assert first["proxyEndpoint"] == f"https://{account.config.account}.dkr.ecr.{account.config.region}.amazonaws.com"
    assert first["expiresAt"].timestamp() == account.clock.now + LIFETIME
    assert first["authorizationToken"] != second["authorizationToken"]
    assert base64.b64decode(first["authorizationToken"]).startswith(b"AWS:")
    environ = {
        "HTTP_AUTHORIZATION": f"Basic {first['authorizationToken']}",
        "HTTP_X_ORIGINAL_URI": "/v2/shop/gate/manifests/v1",
    }
    assert call(hooks, "GET", f"{PREFIX}/auth", **environ)[0] == 204
    account.clock.now += LIFETIME
    assert call(hooks, "GET", f"{PREFIX}/auth", **environ)[0] == 403
    status, body, dummy = call(hooks, "GET", f"{PREFIX}/denied", **environ)
    assert (status, body["errors"][0]["code"]) == (403, "DENIED")


def test_stranger_is_asked_to_log_in(client: Any, hooks: Hooks) -> None:
    status, body, headers = call(hooks, "GET", f"{PREFIX}/denied", HTTP_X_ORIGINAL_URI="/v2/")
    assert (status, body) == (401, "Not Authorized\n")
    assert headers["WWW-Authenticate"] == f'Basic realm="https://{REGISTRY.host}/",service="ecr.amazonaws.com"'


def test_tokens_can_be_ended_for_a_test(client: Any, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecr.tokens, "lifetime", LIFETIME)
    assert call(hooks, "PUT", f"{PREFIX}/token-lifetime", "60")[:2] == (200, {"lifetime": 60.0})
    assert ecr.tokens.lifetime == 60
    assert call(hooks, "PUT", f"{PREFIX}/token-lifetime", "soon")[0] == 400
    client.get_authorization_token()
    assert call(hooks, "DELETE", f"{PREFIX}/tokens")[1]["expired"] >= 1


def test_push_is_in_the_api_at_once(account: Any, client: Any, hooks: Hooks, storage: Storage) -> None:
    text = manifest_text(100, 23)
    status, dummy, headers = call(hooks, "PUT", "/v2/shop/gate/manifests/v1", text)
    digest = digest_of(text.encode())
    assert (status, headers["Docker-Content-Digest"]) == (201, digest)
    assert storage.stored == [("shop/gate", digest)]
    (image,) = client.describe_images(repositoryName="shop/gate")["imageDetails"]
    assert (image["imageDigest"], image["imageTags"], image["imageSizeInBytes"]) == (digest, ["v1"], 130)
    assert image["imagePushedAt"].timestamp() == int(account.clock.now)
    assert image["imageManifestMediaType"] == DOCKER_MANIFEST
    (found,) = client.batch_get_image(repositoryName="shop/gate", imageIds=[{"imageTag": "v1"}])["images"]
    assert found["imageManifest"] == text


def test_pull_by_tag_and_digest(client: Any, hooks: Hooks) -> None:
    text = manifest_text(1)
    call(hooks, "PUT", "/v2/shop/gate/manifests/v1", text)
    for reference in ("v1", digest_of(text.encode())):
        status, body, headers = call(hooks, "GET", f"/v2/shop/gate/manifests/{reference}")
        assert (status, body, headers["Content-Type"]) == (200, json.loads(text), DOCKER_MANIFEST)
        status, body, headers = call(hooks, "HEAD", f"/v2/shop/gate/manifests/{reference}")
        assert (status, body, headers["Content-Length"]) == (200, None, str(len(text)))
    status, body, dummy = call(hooks, "GET", "/v2/shop/gate/manifests/v2")
    assert (status, body["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert call(hooks, "GET", "/v2/shop/gate/tags/list")[1] == {"name": "shop/gate", "tags": ["v1"]}


def test_tag_moves_and_the_old_image_stays_untagged(client: Any, hooks: Hooks) -> None:
    for size in (1, 2):
        call(hooks, "PUT", "/v2/shop/gate/manifests/latest", manifest_text(size))
    old, new = (digest_of(manifest_text(size).encode()) for size in (1, 2))
    assert tags(client) == {"": old, "latest": new}
    for status, digest in (("UNTAGGED", old), ("TAGGED", new)):
        images = client.describe_images(repositoryName="shop/gate", filter={"tagStatus": status})["imageDetails"]
        assert [image["imageDigest"] for image in images] == [digest]


def test_immutable_tag_is_not_moved_but_may_be_pushed_again(client: Any, hooks: Hooks, storage: Storage) -> None:
    client.put_image_tag_mutability(repositoryName="shop/gate", imageTagMutability="IMMUTABLE")
    assert call(hooks, "PUT", "/v2/shop/gate/manifests/v1", manifest_text(1))[0] == 201
    assert call(hooks, "PUT", "/v2/shop/gate/manifests/v1", manifest_text(1))[0] == 201
    status, body, dummy = call(hooks, "PUT", "/v2/shop/gate/manifests/v1", manifest_text(2))
    assert (status, body["errors"][0]["code"]) == (400, "TAG_INVALID")
    assert "cannot be overwritten because the tag is immutable" in body["errors"][0]["message"]
    assert tags(client) == {"v1": digest_of(manifest_text(1).encode())}


def test_immutability_may_leave_out_tags(client: Any, hooks: Hooks) -> None:
    client.put_image_tag_mutability(
        repositoryName="shop/gate",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
    )
    for tag, status in (("dev-1", 201), ("v1", 400)):
        call(hooks, "PUT", f"/v2/shop/gate/manifests/{tag}", manifest_text(1))
        assert call(hooks, "PUT", f"/v2/shop/gate/manifests/{tag}", manifest_text(2))[0] == status


def test_push_by_a_wrong_digest_or_without_layers_is_refused(client: Any, hooks: Hooks, storage: Storage) -> None:
    status, body, dummy = call(hooks, "PUT", f"/v2/shop/gate/manifests/{digest_of(b'')}", manifest_text(1))
    assert (status, body["errors"][0]["code"]) == (400, "DIGEST_INVALID")
    storage.refusal = Response(400, b'{"errors": [{"code": "MANIFEST_BLOB_UNKNOWN"}]}')
    assert call(hooks, "PUT", "/v2/shop/gate/manifests/v1", manifest_text(1))[0] == 400
    assert tags(client) == {}
    with pytest.raises(ClientError, match="LayersNotFoundException"):
        client.put_image(repositoryName="shop/gate", imageManifest=manifest_text(1), imageTag="v1")


def test_put_image_tags_a_known_image(client: Any, hooks: Hooks, storage: Storage) -> None:
    call(hooks, "PUT", "/v2/shop/gate/manifests/v1", manifest_text(1))
    client.put_image(repositoryName="shop/gate", imageManifest=manifest_text(1), imageTag="stable")
    assert set(tags(client)) == {"v1", "stable"}
    assert len(storage.stored) == 1
    with pytest.raises(ClientError, match="ImageAlreadyExistsException"):
        client.put_image(repositoryName="shop/gate", imageManifest=manifest_text(1), imageTag="stable")
    with pytest.raises(ClientError, match="ImageDigestDoesNotMatchException"):
        client.put_image(
            repositoryName="shop/gate", imageManifest=manifest_text(1), imageTag="x", imageDigest=digest_of(b"")
        )
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        client.put_image(repositoryName="none", imageManifest=manifest_text(1), imageTag="x")


def test_deleted_image_cannot_be_pulled(client: Any, hooks: Hooks) -> None:
    text = manifest_text(1)
    for tag in ("v1", "stable"):
        call(hooks, "PUT", f"/v2/shop/gate/manifests/{tag}", text)
    client.batch_delete_image(repositoryName="shop/gate", imageIds=[{"imageTag": "stable"}])
    assert call(hooks, "GET", "/v2/shop/gate/manifests/stable")[0] == 404
    assert call(hooks, "GET", "/v2/shop/gate/manifests/v1")[0] == 200
    client.batch_delete_image(repositoryName="shop/gate", imageIds=[{"imageDigest": digest_of(text.encode())}])
    assert call(hooks, "GET", "/v2/shop/gate/manifests/v1")[0] == 404


def test_untagged_image_can_be_deleted(client: Any, hooks: Hooks) -> None:
    for size in (1, 2):
        call(hooks, "PUT", "/v2/shop/gate/manifests/v1", manifest_text(size))
    untagged = {"imageDigest": tags(client)[""]}
    answer = client.batch_delete_image(
        repositoryName="shop/gate", imageIds=[untagged, {"imageDigest": digest_of(b"nothing")}]
    )
    assert answer["imageIds"] == [untagged]
    assert [one["failureCode"] for one in answer["failures"]] == ["ImageNotFound"]
    assert set(tags(client)) == {"v1"}


def test_repository_policy_lets_other_accounts_in(client: Any) -> None:
    catalogue = ecr.Catalogue()
    assert not catalogue.shared_with(REGISTRY, "shop/gate", "210987654321")
    statement = {
        "Sid": "share",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
        "Action": ["ecr:BatchGetImage"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client.set_repository_policy(repositoryName="shop/gate", policyText=policy)
    assert catalogue.shared_with(REGISTRY, "shop/gate", "210987654321")
    assert not catalogue.shared_with(REGISTRY, "shop/gate", "333333333333")


def test_other_methods_and_paths_are_not_supported(client: Any, hooks: Hooks) -> None:
    assert call(hooks, "GET", "/v2/")[0] == 200
    assert call(hooks, "PATCH", "/v2/shop/gate/manifests/v1")[0] == 404
    assert call(hooks, "GET", "/v2/_catalog")[0] == 404


def test_configurations_name_addresses_and_files(tmp_path: Path) -> None:
    config = RegionConfig(name="test", state_dir=tmp_path, cache_dir=tmp_path)
    nginx = registry.nginx_configuration(config, tmp_path / "registry", Path("/c.crt"), Path("/c.key"))
    assert "listen 100.100.0.2:443 ssl;" in nginx
    assert "client_max_body_size 0;" in nginx
    assert nginx.count("{") == nginx.count("}")
    storage = registry.storage_configuration(tmp_path / "registry")
    assert storage["http"]["addr"] == "127.0.0.1:5000"
    assert storage["storage"]["filesystem"]["rootdirectory"] == str(tmp_path / "registry" / "data")
