# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``ecr_repository`` does, from its options to its result."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace

from ..._errors import InvalidInput
from ..options import merged_tags, settings_of
from ..reconcile import Outcome, carry_out, reports, result
from ..session import AwsSession
from ..threads import in_threads
from . import api as ecr
from .keeping import kept_tag
from .repositories import Repository, WantedRepository, check, lifecycle_of, plan_absent, plan_present, protected

Params = t.Mapping[str, t.Any]


def wanted_repositories(params: Params) -> list[WantedRepository]:
    """Return the repositories that the module's options ask for.

    :raises InvalidInput: if options of an entry exclude one another.
    """
    if params.get("name"):
        return [_wanted(params, params)]
    return [_wanted(entry, params) for entry in params.get("repositories") or []]


def _wanted(entry: Params, common: Params) -> WantedRepository:
    setting = settings_of(entry, common)
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
    tags = merged_tags(entry, common)
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
        outcomes = carry_out(self._client, plans, self._check_mode)
        return {
            **result(outcomes, "failed_repositories"),
            "repositories": reports(_with_identity(one) for one in outcomes),
        }

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


def _with_identity(outcome: Outcome[Repository]) -> Outcome[Repository]:
    """Return an outcome where a repository that was just made carries what AWS gave it: ARN and address."""
    if outcome.thing is None or outcome.made is None:
        return outcome
    made = Repository.from_api(outcome.made)
    return replace(outcome, thing=replace(outcome.thing, arn=made.arn, uri=made.uri))


def _document(text: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads(text)) if text else {}
