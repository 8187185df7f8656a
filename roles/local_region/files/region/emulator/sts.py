# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""STS: roles that exist, sessions that end, and an identity that matches the call record."""

from __future__ import annotations

import datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.sts.responses import TokenResponse

from region.emulator.errors import AwsError
from region.emulator.patching import Patches
from region.emulator.state import runtime
from region.middleware.identity import Principal, principals

patches = Patches()


@patches.wrap(TokenResponse, "assume_role")
def assume_role(original: Any, self: Any) -> ActionResult:
    """AWS refuses a role that does not exist; moto assumes any. Ours also remembers when the session ends."""
    role_arn = self._get_param("RoleArn")
    session = self._get_param("RoleSessionName")
    account = role_arn.split(":")[4]
    roles = iam_backends[account]["aws"].roles.values()
    role = next((one for one in roles if one.arn == role_arn), None)
    if role is None:
        caller = principals.get(self.get_access_key())
        raise AwsError(
            "AccessDenied",
            f"User: {caller.arn if caller else 'anonymous'} is not authorized to perform: sts:AssumeRole "
            f"on resource: {role_arn}",
        )
    expires_at = runtime.now() + float(self._get_param("DurationSeconds") or 3600)
    principal = Principal(
        arn=f"arn:aws:sts::{account}:assumed-role/{role.name}/{session}",
        account=account,
        role=role.name,
        expires_at=expires_at,
        user_id=f"{role.id}:{session}",
    )
    access_key, secret, token = principals.issue(principal)
    return ActionResult(
        {
            "Credentials": {
                "AccessKeyId": access_key,
                "SecretAccessKey": secret,
                "SessionToken": token,
                "Expiration": datetime.datetime.fromtimestamp(expires_at, tz=datetime.UTC),
            },
            "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
            "PackedPolicySize": 0,
        }
    )


@patches.wrap(TokenResponse, "get_caller_identity")
def get_caller_identity(original: Any, self: Any) -> ActionResult:
    """AWS names who really calls; moto knows only the keys that it made itself."""
    principal = principals.get(self.get_access_key())
    if principal is None:
        result: ActionResult = original(self)
        return result
    return ActionResult({"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn})


def install() -> None:
    """Patch moto's STS."""
    patches.install()
