# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ECR repositories as objects: what is wanted, what is there, and the steps from one to the other. Pure."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass

from ..._errors import InvalidInput
from ..reconcile import Draft, Plan, plan_deletion
from . import api as ecr
from .keeping import KEPT_PREFIX, keep, release

Json = dict[str, t.Any]
_Write = t.Callable[..., None]

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
                f"{item.name!r} cannot be the name of a repository: 2 to 256 lower-case letters, digits and single "
                "'.', '_', '-' or '/' between them."
            )
        if item.kept_by and not _KEEPER.fullmatch(item.kept_by):
            raise InvalidInput(
                f"Repository {item.name}: kept_by {item.kept_by!r} fits in no tag; write 1 to 80 letters, digits, '.', "
                "'_' and '-', with a letter or a digit first."
            )
        for digest in item.kept or ():
            if not _DIGEST.fullmatch(digest):
                raise InvalidInput(f"Repository {item.name}: {digest!r} is not a digest (sha256:...).")


def plan_present(wanted: WantedRepository, live: Repository | None) -> Plan[Repository]:
    """Return the steps that make *live* (``None``: no such repository) what is *wanted*.

    :raises InvalidInput: if the encryption of an existing repository would have to change, which AWS does not offer.
    """
    name, draft = wanted.name, Draft(wanted.name, live)
    if live is None:
        draft.make(_created(wanted), ecr.create_repository, name, _creation(wanted))
    elif wanted.kms_key and live.kms_key != wanted.kms_key:
        raise InvalidInput(
            f"Repository {name} is encrypted with {live.kms_key or live.encryption}, which cannot be "
            "changed: AWS fixes the encryption when the repository is made."
        )
    there = draft.now
    if wanted.mutability not in (None, there.mutability):
        draft.do("image_tag_mutability", ecr.put_mutability, name, wanted.mutability, mutability=wanted.mutability)
    if wanted.scan_on_push not in (None, there.scan_on_push):
        draft.do("scan_on_push", ecr.put_scanning, name, wanted.scan_on_push, scan_on_push=wanted.scan_on_push)
    if wanted.lifecycle not in (None, there.lifecycle or {}):
        write = _document(name, wanted.lifecycle, ecr.put_lifecycle, ecr.delete_lifecycle)
        draft.do("lifecycle_policy", *write, lifecycle=wanted.lifecycle)
    if wanted.policy not in (None, there.policy or {}):
        draft.do("policy", *_document(name, wanted.policy, ecr.put_policy, ecr.delete_policy), policy=wanted.policy)
    draft.tag(wanted.tags, wanted.purge_tags, there.tags, ecr.tag, ecr.untag, there.arn)
    if wanted.kept is not None:
        _keep(draft, set(wanted.kept), set(there.kept or ()), wanted.kept_by)
    return draft.plan()


def plan_absent(name: str, live: Repository | None, force: bool) -> Plan[Repository]:
    """Return the steps that remove *live*, with its images if *force*."""
    return plan_deletion(name, live, ecr.delete_repository, force)


def _created(wanted: WantedRepository) -> Repository:
    """Return the repository as it is right after its creation: no policies, nothing kept."""
    return Repository(
        name=wanted.name,
        mutability=wanted.mutability or "MUTABLE",
        scan_on_push=bool(wanted.scan_on_push),
        encryption="KMS" if wanted.kms_key else "AES256",
        kms_key=wanted.kms_key or "",
        lifecycle=None if wanted.lifecycle is None else {},
        policy=None if wanted.policy is None else {},
        tags=dict(wanted.tags or {}),
        kept=None if wanted.kept is None else (),
    )


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


def _document(name: str, content: Json | None, put: _Write, delete: _Write) -> tuple[t.Any, ...]:
    """Return the call that sets a policy, or removes it when it is empty."""
    return (put, name, json.dumps(content, sort_keys=True)) if content else (delete, name)


def _keep(draft: Draft[Repository], asked: set[str], present: set[str], keeper: str) -> None:
    """Add the writes that protect images; new ones are protected before old ones are let go."""
    new, gone = sorted(asked - present), sorted(present - asked)
    if new:
        draft.do("kept_digests", keep, draft.now.name, new, keeper, kept=tuple(sorted(asked | present)))
    if gone:
        draft.do("kept_digests", release, draft.now.name, gone, keeper, kept=tuple(sorted(asked)))
