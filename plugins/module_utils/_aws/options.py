# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The AWS options of a module's argument spec (fragment ``apiary.swarm.aws``), and options that many things share."""

from __future__ import annotations

import typing as t

AWS_ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "account": {"type": "str"},
    "region": {"type": "str", "aliases": ["aws_region", "ec2_region"]},
    "profile": {"type": "str", "aliases": ["aws_profile"]},
    "access_key": {"type": "str", "aliases": ["aws_access_key_id", "aws_access_key"], "no_log": True},
    "secret_key": {"type": "str", "aliases": ["aws_secret_access_key", "aws_secret_key"], "no_log": True},
    "session_token": {"type": "str", "aliases": ["aws_session_token"], "no_log": True},
    "endpoint_url": {"type": "str", "aliases": ["aws_endpoint_url"]},
    "aws_ca_bundle": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "assume_role_arn": {"type": "str", "aliases": ["iam_role_arn"]},
    "assume_role_external_id": {"type": "str"},
    "assume_role_session_name": {"type": "str", "default": "apiary-swarm"},
}
"""How a module reaches AWS."""

AWS_EXCLUSIVE: list[tuple[str, ...]] = [("profile", "access_key"), ("profile", "secret_key")]
"""Pairs of these options that exclude one another."""

AWS_TOGETHER: list[tuple[str, ...]] = [("access_key", "secret_key")]
"""Options that must be given together."""

Params = t.Mapping[str, t.Any]


def settings_of(entry: Params, common: Params) -> t.Callable[..., t.Any]:
    """Return a function (option, default) → the value in *entry*, else in *common*, else the default (``None``)."""

    def setting(key: str, default: t.Any = None) -> t.Any:
        return next((source[key] for source in (entry, common) if source.get(key) is not None), default)

    return setting


def merged_tags(entry: Params, common: Params) -> dict[t.Any, t.Any] | None:
    """Return the tags of *common* and *entry*, whose values win; ``None`` when neither gives ``tags``."""
    given = [source["tags"] for source in (common, entry) if source.get("tags") is not None]
    return {key: value for tags in given for key, value in tags.items()} if given else None
