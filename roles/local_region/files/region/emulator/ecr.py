# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECR with a real registry behind it: tokens that open it, and images that were really pushed.

moto lists images that nobody pushed, forgets an image when its tag moves, and hands out tokens that ended in 2015.
"""

from __future__ import annotations

import base64
import fnmatch
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.ecr.exceptions import ImageAlreadyExistsException, InvalidParameterException, RepositoryNotFoundException
from moto.ecr.models import ECRBackend, Image, ecr_backends
from moto.ecr.responses import ECRResponse

from region.emulator.errors import AwsError
from region.emulator.patching import Patches
from region.emulator.state import lock, runtime
from region.registry.auth import RegistryId, Tokens
from region.registry.hooks import DOCKER_MANIFEST, Manifest, Response, digest_of

# All tokens that GetAuthorizationToken has handed out.
tokens = Tokens(clock=runtime.now)

Store = Callable[[RegistryId, str, Manifest], Response]
_store: Store | None = None


class Catalogue:
    """What ECR's API knows about its repositories, for the registry in front of the layers."""

    def exists(self, registry: RegistryId, repository: str) -> bool:
        """Whether *registry* has *repository*."""
        with lock:
            return _find(registry, repository) is not None

    def shared_with(self, registry: RegistryId, repository: str, account: str) -> bool:
        """Whether a statement of the repository's policy allows another *account* anything."""
        with lock:
            found = _find(registry, repository)
            policy = json.loads(found.policy) if found is not None and found.policy else {}
        statements = policy.get("Statement", [])
        for statement in statements if isinstance(statements, list) else [statements]:
            if statement.get("Effect") == "Allow" and _names(statement.get("Principal"), account):
                return True
        return False

    def manifest(self, registry: RegistryId, repository: str, reference: str) -> Manifest | None:
        """Return the image with the tag or digest *reference*, and note the time of the pull."""
        with lock:
            found = _find(registry, repository)
            for image in found.images if found is not None else ():
                if reference == image.image_digest or reference in image.image_tags:
                    image.last_recorded_pull_time = datetime.fromtimestamp(runtime.now(), UTC)
                    return Manifest(image.image_digest, image.image_manifest_media_type, image.image_manifest.encode())
        return None

    def tags(self, registry: RegistryId, repository: str) -> list[str]:
        """Return all tags of *repository*, sorted."""
        with lock:
            found = _find(registry, repository)
            return sorted(tag for image in found.images for tag in image.image_tags) if found is not None else []

    def is_fixed(self, registry: RegistryId, repository: str, tag: str, digest: str) -> bool:
        """Whether *tag* may not be moved to *digest*, because it is immutable and names another image."""
        with lock:
            found = _find(registry, repository)
            return found is not None and _is_immutable(found, tag) and _tagged(found, tag) not in (None, digest)

    def add(self, registry: RegistryId, repository: str, tag: str | None, manifest: Manifest) -> None:
        """Record a push; an image whose last tag moves away stays, untagged."""
        with lock:
            found = _find(registry, repository)
            if found is not None:
                _put(found, tag, manifest)


patches = Patches()


@patches.wrap(ECRResponse, "get_authorization_token")
def get_authorization_token(original: Callable[..., Any], self: Any) -> ActionResult:
    """A token opens the region's registry."""
    data = []
    for registry_id in self._get_param("registryIds") or [self.current_account]:
        with lock:
            token = tokens.issue(self.current_account)
        data.append(
            {
                "authorizationToken": base64.b64encode(f"AWS:{token.password}".encode()).decode(),
                "expiresAt": datetime.fromtimestamp(token.expires_at, UTC),
                "proxyEndpoint": f"https://{RegistryId(registry_id, self.region).host}",
            }
        )
    return ActionResult({"authorizationData": data})


@patches.wrap(ECRResponse, "describe_images")
def describe_images(original: Callable[..., Any], self: Any) -> ActionResult:
    """AWS filters by tag status; moto does so for ListImages only."""
    answer: ActionResult = original(self)
    status = (self._get_param("filter") or {}).get("tagStatus", "ANY")
    if status != "ANY":
        images = answer.result["imageDetails"]
        wanted = [image for image in images if hasattr(image, "image_tags") == (status == "TAGGED")]
        answer.result["imageDetails"] = wanted
    return answer


@patches.wrap(Image, "get_image_size_in_bytes")
def get_image_size_in_bytes(original: Callable[..., Any], self: Any) -> int | None:
    """AWS adds up configuration and layers."""
    manifest = json.loads(self.image_manifest)
    if "layers" not in manifest:
        return None
    parts = [manifest.get("config", {}), *manifest["layers"]]
    return sum(int(part.get("size", 0)) for part in parts)


@patches.wrap(ECRBackend, "put_image")
def put_image(
    original: Callable[..., Any],
    self: Any,
    repository_name: str,
    image_manifest: str,
    image_tag: str | None,
    image_manifest_mediatype: str | None = None,
    digest: str | None = None,
) -> Any:
    """AWS checks digest, layers and immutable tags, and the registry has the manifest then."""
    if repository_name not in self.repositories:
        raise RepositoryNotFoundException(repository_name, self.account_id)
    repository = self.repositories[repository_name]
    media_type = image_manifest_mediatype or _media_type(image_manifest)
    manifest = Manifest(digest_of(image_manifest.encode()), media_type, image_manifest.encode())
    if digest not in (None, manifest.digest):
        raise AwsError(
            "ImageDigestDoesNotMatchException",
            f"The specified image digest '{digest}' does not match the digest calculated for the provided image "
            f"manifest, which is '{manifest.digest}'",
        )
    _refuse_existing(repository, image_tag, manifest.digest)
    known = any(image.image_digest == manifest.digest for image in repository.images)
    if _store is not None and not known:
        answer = _store(RegistryId(self.account_id, self.region_name), repository_name, manifest)
        if answer.status != 201:
            raise AwsError("LayersNotFoundException", f"The manifest was refused: {answer.body.decode()}")
    return _put(repository, image_tag, manifest)


@patches.wrap(ECRBackend, "batch_delete_image")
def batch_delete_image(
    original: Callable[..., Any],
    self: Any,
    repository_name: str,
    registry_id: str | None = None,
    image_ids: list[dict[str, str]] | None = None,
) -> Any:
    """AWS deletes images without tags too, for which moto has no answer."""
    untagged = []
    repository = self._get_repository(repository_name, registry_id)
    for image_id in image_ids or []:
        image = next((one for one in repository.images if one.image_digest == image_id.get("imageDigest")), None)
        if image is not None and not image.image_tags and "imageTag" not in image_id:
            repository.images.remove(image)
            untagged.append(image_id)
    rest = [image_id for image_id in image_ids or [] if image_id not in untagged]
    if untagged and not rest:
        return {"imageIds": untagged, "failures": []}
    answer = original(self, repository_name, registry_id, rest)
    answer["imageIds"] += untagged
    return answer


def install(store: Store | None = None) -> None:
    """Patch moto's ECR.

    :param store: gives a manifest to the registry's storage (:func:`region.registry.hooks.store`), which knows whether
        its layers exist; C(None) where no registry runs.
    """
    patches.install()
    global _store
    _store = store


def _find(registry: RegistryId, repository: str) -> Any:
    return ecr_backends[registry.account][registry.region].repositories.get(repository)


def _names(principal: Any, account: str) -> bool:
    """Whether a policy's *principal* means *account*."""
    if isinstance(principal, dict):
        principal = principal.get("AWS", [])
    principals = [principal] if isinstance(principal, str) else principal or []
    return any(one in ("*", account) or f"::{account}:" in str(one) for one in principals)


def _is_immutable(repository: Any, tag: str) -> bool:
    filters = repository.image_tag_mutability_exclusion_filters or []
    excluded = any(fnmatch.fnmatchcase(tag, one["filter"]) for one in filters)
    return bool(repository.is_tag_immutable() != excluded)


def _tagged(repository: Any, tag: str) -> str | None:
    """Return the digest of the image that *tag* names."""
    return next((image.image_digest for image in repository.images if tag in image.image_tags), None)


def _refuse_existing(repository: Any, tag: str | None, digest: str) -> None:
    """Refuse what PutImage refuses: an image that is there already, and moving an immutable tag."""
    current = _tagged(repository, tag) if tag else None
    if current == digest:
        raise ImageAlreadyExistsException(repository.name, repository.registry_id, digest, tag or "")
    if tag and current is not None and _is_immutable(repository, tag):
        raise AwsError(
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten "
            "because the tag is immutable.",
        )


def _put(repository: Any, tag: str | None, manifest: Manifest) -> Any:
    """Let *tag* name the image of *manifest*, which is added if it is new."""
    image = next((one for one in repository.images if one.image_digest == manifest.digest), None)
    if image is None:
        image = Image(
            repository.account_id,
            None,
            manifest.content.decode(),
            repository.name,
            manifest.media_type,
            manifest.digest,
        )
        image.image_pushed_at = int(runtime.now())
        image.artifact_media_type = json.loads(manifest.content).get("config", {}).get("mediaType")
        repository.images.append(image)
    if tag is not None:
        for other in repository.images:
            other.remove_tag(tag)
            if not other.image_tags:
                other.image_tag = None
        image.update_tag(tag)
    return image


def _media_type(manifest: str) -> str:
    """Return the media type that a manifest gives for itself."""
    try:
        media_type = json.loads(manifest).get("mediaType")
    except ValueError as exc:
        raise InvalidParameterException(
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
        ) from exc
    if not media_type:
        raise InvalidParameterException("image manifest mediatype not provided in manifest or parameter")
    return str(media_type) or DOCKER_MANIFEST
