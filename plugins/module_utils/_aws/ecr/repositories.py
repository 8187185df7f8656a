# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""ECR repositories as objects: what is wanted, what is there, and the steps from one to the other. Pure."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, replace

from ..errors import InvalidInput

Json = dict[str, t.Any]

KEPT_PREFIX = "kept-"
"""How the tags begin that protect the images of kept releases from the lifecycle policy."""
RELEASED_PREFIX = "released-"
"""How the tag begins that an image gets in the place of its last one; no rule protects it."""

_NAME = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")
_KEEPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Repository:
    """A repository as it is, or will be; ``None`` where it was not read."""

    name: str
    arn: str = ""
    uri: str = ""
    mutability: str = "MUTABLE"
    scan_on_push: bool = False
    encryption: str = "AES256"
    kms_key: str = ""
    lifecycle: Json | None = None
    policy: Json | None = None
    tags: t.Mapping[str, str] | None = None
    kept: tuple[str, ...] | None = None

    @classmethod
    def from_api(cls, described: Json) -> Repository:
        """Read one entry of DescribeRepositories."""
        encryption = described.get("encryptionConfiguration") or {}
        return cls(
            name=described["repositoryName"],
            arn=described.get("repositoryArn", ""),
            uri=described.get("repositoryUri", ""),
            mutability=described.get("imageTagMutability", "MUTABLE"),
            scan_on_push=bool((described.get("imageScanningConfiguration") or {}).get("scanOnPush")),
            encryption=encryption.get("encryptionType", "AES256"),
            kms_key=encryption.get("kmsKey", ""),
        )

    def settings(self) -> Json:
        """Return what a user can set, under the module's option names; what was not read is left out."""
        shown: Json = {
            "image_tag_mutability": self.mutability.lower(),
            "scan_on_push": self.scan_on_push,
            "encryption_type": self.encryption,
        }
        for name, value in (
            ("lifecycle_policy", self.lifecycle),
            ("policy", self.policy),
            ("tags", None if self.tags is None else dict(self.tags)),
            ("kept_digests", None if self.kept is None else sorted(self.kept)),
        ):
            if value is not None:
                shown[name] = value
        return shown

    def report(self) -> Json:
        """Return the repository as the module returns it."""
        return {"name": self.name, "repository_arn": self.arn, "repository_uri": self.uri, **self.settings()}


@dataclass(frozen=True)
class WantedRepository:
    """A repository as the user wants it; ``None`` leaves a setting as it is, ``{}`` removes a policy."""

    name: str
    mutability: str | None = None
    scan_on_push: bool | None = None
    kms_key: str | None = None
    lifecycle: Json | None = None
    policy: Json | None = None
    tags: t.Mapping[str, str] | None = None
    purge_tags: bool = True
    kept: tuple[str, ...] | None = None
    kept_by: str = ""


@dataclass(frozen=True)
class Step:
    """One write: *call* names a function of :mod:`.api`, ``keep`` or ``release`` the protection of images."""

    call: str
    arguments: tuple[t.Any, ...] = ()
    setting: str = ""


@dataclass(frozen=True)
class Plan:
    """The steps for one repository, and the repository before and after them (``None``: not there)."""

    name: str
    before: Repository | None
    after: Repository | None
    steps: tuple[Step, ...] = ()


def kept_tag(digest: str, keeper: str = "") -> str:
    """Return the tag by which *keeper*, such as a cluster, protects the image *digest*.

    Clusters share repositories, so each has tags of its own: what one lets go, another may still need.
    """
    return KEPT_PREFIX + (f"{keeper}-" if keeper else "") + digest.partition(":")[2][:24]


def released_tag(digest: str) -> str:
    """Return the tag that the image *digest* gets when no other is left to it."""
    return RELEASED_PREFIX + digest.partition(":")[2][:24]


def only_kept(image: Json) -> bool:
    """Tell whether *image*, an entry of DescribeImages, has no tag but those that protect it.

    ECR deletes an image with its last tag (BatchDeleteImage, Amazon ECR API Reference: "If you remove the last tag from
    an image, the image is deleted from your repository"). The tags of all keepers count here, for two of them may let
    go at the same time.
    """
    return all(tag.startswith(KEPT_PREFIX) for tag in image.get("imageTags", ()))


def lifecycle_of(expire_untagged_days: int | None, keep_images: int | None) -> Json:
    """Return a lifecycle policy that deletes untagged images after some days, and all but the newest tagged ones."""
    rules: list[Json] = []
    if expire_untagged_days is not None:
        untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
        rules.append(_rule("untagged images", {**untagged, "countNumber": expire_untagged_days}))
    if keep_images is not None:
        rules.append(
            _rule(
                "all but the newest",
                {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep_images},
            )
        )
    return {"rules": [{**rule, "rulePriority": number} for number, rule in enumerate(rules, 1)]}


def protected(policy: Json) -> Json:
    """Return *policy* with a first rule that covers the images of kept releases.

    An image that matches the tags of a rule can be expired by no rule after it; and this one never expires any.
    """
    if not policy.get("rules"):
        return policy
    selection = {
        "tagStatus": "tagged",
        "tagPrefixList": [KEPT_PREFIX],
        "countType": "imageCountMoreThan",
        "countNumber": 100000,
    }
    first = {"rulePriority": 1, **_rule("images of kept releases stay", selection)}
    ordered = sorted(policy["rules"], key=lambda rule: rule.get("rulePriority", 0))
    return {"rules": [first, *({**rule, "rulePriority": number} for number, rule in enumerate(ordered, 2))]}


def _rule(description: str, selection: Json) -> Json:
    return {"description": description, "selection": selection, "action": {"type": "expire"}}


def check(wanted: t.Sequence[WantedRepository]) -> None:
    """Check wanted repositories before any write.

    :raises InvalidInput: for the first thing that AWS would refuse.
    """
    seen: set[str] = set()
    for item in wanted:
        if item.name in seen:
            raise InvalidInput(f"The repository {item.name} is given twice; merge the two entries.")
        seen.add(item.name)
        if not 2 <= len(item.name) <= 256 or not _NAME.fullmatch(item.name):
            raise InvalidInput(
                f"{item.name!r} is no name of a repository: 2 to 256 lower-case letters, digits and single '.', '_', "
                "'-' or '/' between them."
            )
        if item.kept_by and not _KEEPER.fullmatch(item.kept_by):
            raise InvalidInput(
                f"Repository {item.name}: kept_by {item.kept_by!r} fits in no tag; write 1 to 80 letters, digits, '.', "
                "'_' and '-', with a letter or a digit first."
            )
        for digest in item.kept or ():
            if not _DIGEST.fullmatch(digest):
                raise InvalidInput(f"Repository {item.name}: {digest!r} is no digest (sha256:...).")


def plan_present(wanted: WantedRepository, live: Repository | None) -> Plan:
    """Return the steps that make *live* (``None``: no such repository) what is *wanted*.

    :raises InvalidInput: if the encryption of an existing repository would have to change, which AWS does not offer.
    """
    if live is None:
        repository = Repository(
            name=wanted.name,
            mutability=wanted.mutability or "MUTABLE",
            scan_on_push=bool(wanted.scan_on_push),
            encryption="KMS" if wanted.kms_key else "AES256",
            kms_key=wanted.kms_key or "",
            lifecycle=None if wanted.lifecycle is None else {},
            policy=None if wanted.policy is None else {},
            tags=dict(wanted.tags) if wanted.tags else {},
            kept=None if wanted.kept is None else (),
        )
        steps = [Step("create_repository", (_creation(wanted),))]
    else:
        if wanted.kms_key and live.kms_key != wanted.kms_key:
            raise InvalidInput(
                f"Repository {wanted.name} is encrypted with {live.kms_key or live.encryption}, which cannot be "
                "changed: AWS fixes the encryption when the repository is made."
            )
        repository, steps = live, []
    for change in (_mutability, _scanning, _documents, _tags, _kept):
        more, repository = change(wanted, repository)
        steps += more
    return Plan(wanted.name, live, repository, tuple(steps))


def plan_absent(name: str, live: Repository | None, force: bool) -> Plan:
    """Return the steps that remove *live*, with its images if *force*."""
    return Plan(name, live, None, (Step("delete_repository", (force,)),) if live else ())


_Change = tuple[list[Step], Repository]


def _creation(wanted: WantedRepository) -> Json:
    settings: Json = {}
    if wanted.mutability:
        settings["imageTagMutability"] = wanted.mutability
    if wanted.scan_on_push is not None:
        settings["imageScanningConfiguration"] = {"scanOnPush": wanted.scan_on_push}
    if wanted.kms_key:
        settings["encryptionConfiguration"] = {"encryptionType": "KMS", "kmsKey": wanted.kms_key}
    if wanted.tags:
        settings["tags"] = [{"Key": key, "Value": value} for key, value in wanted.tags.items()]
    return settings


def _mutability(wanted: WantedRepository, there: Repository) -> _Change:
    if wanted.mutability is None or wanted.mutability == there.mutability:
        return [], there
    step = Step("put_mutability", (wanted.mutability,), "image_tag_mutability")
    return [step], replace(there, mutability=wanted.mutability)


def _scanning(wanted: WantedRepository, there: Repository) -> _Change:
    if wanted.scan_on_push is None or wanted.scan_on_push == there.scan_on_push:
        return [], there
    return [Step("put_scanning", (wanted.scan_on_push,), "scan_on_push")], replace(
        there, scan_on_push=wanted.scan_on_push
    )


def _documents(wanted: WantedRepository, there: Repository) -> _Change:
    steps = []
    if wanted.lifecycle is not None and wanted.lifecycle != (there.lifecycle or {}):
        steps.append(_document("lifecycle", wanted.lifecycle, "lifecycle_policy"))
        there = replace(there, lifecycle=wanted.lifecycle)
    if wanted.policy is not None and wanted.policy != (there.policy or {}):
        steps.append(_document("policy", wanted.policy, "policy"))
        there = replace(there, policy=wanted.policy)
    return steps, there


def _document(kind: str, content: Json, setting: str) -> Step:
    """Return the step that sets a policy, or removes it when it is empty."""
    if not content:
        return Step(f"delete_{kind}", (), setting)
    return Step(f"put_{kind}", (json.dumps(content, sort_keys=True),), setting)


def _tags(wanted: WantedRepository, there: Repository) -> _Change:
    if wanted.tags is None:
        return [], there
    present = dict(there.tags or {})
    set_ = {key: value for key, value in wanted.tags.items() if present.get(key) != value}
    gone = sorted(key for key in present if key not in wanted.tags and not key.startswith("aws:"))
    if not wanted.purge_tags:
        gone = []
    steps = [Step("untag", (gone,), "tags")] if gone else []
    if set_:
        steps.append(Step("tag", (set_,), "tags"))
    return steps, replace(there, tags={key: value for key, value in {**present, **set_}.items() if key not in gone})


def _kept(wanted: WantedRepository, there: Repository) -> _Change:
    if wanted.kept is None:
        return [], there
    asked, present = set(wanted.kept), set(there.kept or ())
    steps = []
    # New images are protected before old ones are let go.
    if asked - present:
        steps.append(Step("keep", (sorted(asked - present), wanted.kept_by), "kept_digests"))
    if present - asked:
        steps.append(Step("release", (sorted(present - asked), wanted.kept_by), "kept_digests"))
    return steps, replace(there, kept=tuple(sorted(asked)))
