# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decision on a call: every permission that it needs, judged by the policies of the caller's role."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from moto.iam.models import iam_backends

from region.emulator.authorization.need import Need
from region.emulator.authorization.services import needs
from region.middleware.iam import Decision, evaluate
from region.middleware.identity import Principal
from region.middleware.requests import Call

# "No permissions are required" (AWS STS API Reference).
_FREE = ("sts:GetCallerIdentity",)


def documents(account: str, role_name: str) -> list[dict[str, Any]]:
    """Return all policy documents of a role, inline and attached.

    :raises KeyError: there is no such role.
    """
    roles = {role.name: role for role in iam_backends[account]["aws"].roles.values()}
    role = roles[role_name]
    inline = list(role.policies.values())
    attached = [
        version.document
        for policy in role.managed_policies.values()
        for version in policy.versions
        if version.version_id == policy.default_version_id
    ]
    return [_load(one) for one in inline + attached]


def missing(call: Call, principal: Principal, via: str = "") -> Need | None:
    """Return the first permission that the call needs and the principal's role does not have, None for none.

    :param via: the AWS service that makes the call for the principal, "" for a call of its own.
    """
    try:
        policies = documents(principal.account, principal.role)
    except KeyError:
        policies = []
    common: dict[str, str | list[str]] = {
        "aws:PrincipalArn": f"arn:aws:iam::{principal.account}:role/{principal.role}",
        "aws:RequestedRegion": call.region,
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "true" if via else "false",
    }
    if principal.instance_id:
        common["ec2:SourceInstanceARN"] = (
            f"arn:aws:ec2:{call.region}:{principal.account}:instance/{principal.instance_id}"
        )
    if via:
        common["aws:CalledVia"] = [f"{via}.amazonaws.com"]
    for need in needs(call, principal.account):
        if need.action in _FREE:
            continue
        if evaluate(policies, need.action, need.resource, {**common, **need.context}) is not Decision.ALLOWED:
            return need
    return None


def _load(document: Any) -> dict[str, Any]:
    if isinstance(document, dict):
        return document
    text = str(document)
    loaded: dict[str, Any] = json.loads(text if text.lstrip().startswith("{") else unquote(text))
    return loaded
