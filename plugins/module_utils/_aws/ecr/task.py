# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""What the module ``ecr_repository`` does, from its options to its result."""

from __future__ import annotations

import contextlib
import json
import typing as t
from dataclasses import replace

from ..errors import AlreadyExists, AwsError, InvalidInput, NotFound
from ..session import AwsSession
from ..threads import in_threads
from . import api as ecr
from .repositories import (
    Plan,
    Repository,
    WantedRepository,
    check,
    kept_tag,
    lifecycle_of,
    only_kept,
    plan_absent,
    plan_present,
    protected,
    released_tag,
)

Params = t.Mapping[str, t.Any]


def wanted_repositories(params: Params) -> list[WantedRepository]:
    """Return the repositories that the module's options ask for.

    :raises InvalidInput: if options of an entry exclude one another.
    """
    if params.get("name"):
        return [_wanted(params, params)]
    return [_wanted(entry, params) for entry in params.get("repositories") or []]


def _wanted(entry: Params, common: Params) -> WantedRepository:
    def setting(key: str, default: t.Any = None) -> t.Any:
        for source in (entry, common):
            if source.get(key) is not None:
                return source[key]
        return default

    name = str(entry["name"])
    lifecycle = setting("lifecycle_policy")
    days, count = setting("expire_untagged_days"), setting("keep_images")
    if lifecycle is not None and (days is not None or count is not None):
        raise InvalidInput(
            f"Repository {name}: lifecycle_policy excludes expire_untagged_days and keep_images; "
            "put all into the policy."
        )
    if days is not None or count is not None:
        lifecycle = lifecycle_of(days, count)
    if setting("purge_lifecycle_policy"):
        lifecycle = {}
    policy = {} if setting("purge_policy") else setting("policy")
    tags = None
    if entry.get("tags") is not None or common.get("tags") is not None:
        tags = {**(common.get("tags") or {}), **(entry.get("tags") or {})}
    kept = entry.get("kept_digests")
    mutability = setting("image_tag_mutability")
    return WantedRepository(
        name=name,
        mutability=mutability.upper() if mutability else None,
        scan_on_push=setting("scan_on_push"),
        kms_key=setting("kms_key"),
        lifecycle=None if lifecycle is None else protected(lifecycle),
        policy=policy,
        tags=None if tags is None else {str(key): str(value) for key, value in tags.items()},
        purge_tags=setting("purge_tags", True),
        kept=None if kept is None else tuple(dict.fromkeys(kept)),
        kept_by=setting("kept_by", ""),
    )


class RepositoryTask:
    """One run.

    :param check_mode: make no call that writes; the result is that of the real run.
    """

    def __init__(self, session: AwsSession, params: Params, *, check_mode: bool) -> None:
        self._params = params
        self._check_mode = check_mode
        self._client = session.client("ecr")

    def run(self) -> dict[str, t.Any]:
        """Do the task and return the module's result; ``failed_repositories`` is in it when some failed.

        :raises AwsError: if nothing could be done, as for bad input.
        """
        wanted = wanted_repositories(self._params)
        check(wanted)
        described = ecr.describe_repositories(self._client)
        live = {name: Repository.from_api(item) for name, item in described.items()}
        if self._params["state"] == "absent":
            force = bool(self._params["force_absent"])
            plans = [plan_absent(item.name, live.get(item.name), force) for item in wanted]
        else:
            read = in_threads(lambda item: self._read(item, live.get(item.name)), wanted)
            plans = [plan_present(item, there) for item, there in zip(wanted, read)]
        return self._result(in_threads(self._apply, plans))

    def _read(self, wanted: WantedRepository, there: Repository | None) -> Repository | None:
        """Return the repository with those parts that the task speaks of."""
        if there is None:
            return None
        if wanted.lifecycle is not None:
            there = replace(there, lifecycle=_document(ecr.get_lifecycle(self._client, there.name)))
        if wanted.policy is not None:
            there = replace(there, policy=_document(ecr.get_policy(self._client, there.name)))
        if wanted.tags is not None:
            there = replace(there, tags=ecr.list_tags(self._client, there.arn))
        if wanted.kept is not None:
            images = ecr.describe_images(self._client, there.name)
            kept = [
                item["imageDigest"]
                for item in images
                if kept_tag(item["imageDigest"], wanted.kept_by) in item.get("imageTags", ())
            ]
            there = replace(there, kept=tuple(kept))
        return there

    def _apply(self, plan: Plan) -> tuple[Plan, Repository | None, list[str], AwsError | None]:
        """Carry *plan* out; return the repository after it, what was done, and the error that stopped it."""
        names = {"create_repository": "created", "delete_repository": "deleted"}
        done: list[str] = []
        after = plan.after
        identity = plan.before
        for step in plan.steps:
            if not self._check_mode:
                try:
                    made = self._call(plan.name, identity.arn if identity else "", step.call, step.arguments)
                except AwsError as error:
                    return plan, identity, done, error
                if made is not None:
                    identity = Repository.from_api(made)
            done.append(names.get(step.call, step.setting))
        if after is not None and identity is not None:
            after = replace(after, arn=identity.arn, uri=identity.uri)
        return plan, after, list(dict.fromkeys(done)), None

    def _call(self, name: str, arn: str, call: str, arguments: tuple[t.Any, ...]) -> dict[str, t.Any] | None:
        """Make one write; return what AWS made, if it made a repository."""
        if call == "keep":
            self._keep(name, *arguments)
            return None
        if call == "release":
            self._release(name, *arguments)
            return None
        target = arn if call in ("tag", "untag") else name
        answer = getattr(ecr, call)(self._client, target, *arguments)
        return answer if call == "create_repository" else None

    def _keep(self, name: str, digests: list[str], keeper: str) -> None:
        """Give each of *digests* its protecting tag.

        :raises NotFound: if an image does not exist.
        """
        self._tag(name, {digest: kept_tag(digest, keeper) for digest in digests})

    def _release(self, name: str, digests: list[str], keeper: str) -> None:
        """Take the protecting tags of *keeper* from *digests*, leaving each image a tag, for ECR would delete it."""
        images = ecr.describe_images(self._client, name)
        bare = [item["imageDigest"] for item in images if item["imageDigest"] in digests and only_kept(item)]
        self._tag(name, {digest: released_tag(digest) for digest in bare})
        ecr.delete_image_tags(self._client, name, [kept_tag(digest, keeper) for digest in digests])

    def _tag(self, name: str, tags: t.Mapping[str, str]) -> None:
        """Give images one more tag each, by digest."""
        if not tags:
            return
        digests = list(tags)
        found = ecr.get_images(self._client, name, [{"imageDigest": digest} for digest in digests])
        by_digest = {item["imageId"]["imageDigest"]: item for item in found}
        for digest in digests:
            if digest not in by_digest:
                raise NotFound(f"Repository {name} has no image {digest}, so it cannot be kept.")
            with contextlib.suppress(AlreadyExists):  # somebody else has just done it
                ecr.put_image_tag(self._client, name, by_digest[digest], tags[digest])

    def _result(self, outcomes: list[tuple[Plan, Repository | None, list[str], AwsError | None]]) -> dict[str, t.Any]:
        changed = [(plan, after) for plan, after, done, _error in outcomes if done]
        result: dict[str, t.Any] = {
            "changed": bool(changed),
            "repositories": [
                {**after.report(), "changes": done} for _plan, after, done, _error in outcomes if after is not None
            ],
            "diff": {
                "before": {plan.name: plan.before.settings() if plan.before else {} for plan, dummy in changed},
                "after": {plan.name: after.settings() if after else {} for plan, after in changed},
            },
        }
        failed = {plan.name: error.message for plan, _after, _done, error in outcomes if error is not None}
        if failed:
            result["failed_repositories"] = failed
        return result


def _document(text: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads(text)) if text else {}
