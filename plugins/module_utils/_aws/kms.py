# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of KMS, and who may use them."""

from __future__ import annotations

import typing as t

from .errors import api_call


@api_call("read the KMS key {key_id}", permission="kms:DescribeKey", missing="")
def arn_of(client: t.Any, key_id: str) -> str:
    """Return the ARN of a key, given by ID, ARN or alias; empty when there is none."""
    return str(client.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"])


@api_call("read the policy of the KMS key {key_id}", permission="kms:GetKeyPolicy")
def get_policy(client: t.Any, key_id: str) -> str:
    """Return the policy of a key as JSON."""
    return str(client.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])


@api_call("list the grants of the KMS key {key_id}", permission="kms:ListGrants")
def list_grantees(client: t.Any, key_id: str) -> list[str]:
    """Return whom the grants of a key let use it."""
    pages = client.get_paginator("list_grants").paginate(KeyId=key_id)
    return [str(grant.get("GranteePrincipal", "")) for page in pages for grant in page["Grants"]]
