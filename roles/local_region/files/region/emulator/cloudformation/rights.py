# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With whose rights a stack acts: its caller's, or those of the role that it was given."""

from __future__ import annotations

from typing import Any

from region.emulator import client
from region.emulator.cloudformation.model import Stack
from region.middleware.identity import Principal, principals

SERVICE = "cloudformation"


def client_of(stack: Stack, service: str) -> Any:
    """Return a boto3 client of *service* with the stack's rights."""
    access_key, token = stack.credentials
    return client.for_caller(service, access_key, token, stack.region, SERVICE)


def of_caller(access_key: str, token: str, role_arn: str, account: str) -> tuple[str, str]:
    """Return the access key and token with which a stack shall act.

    An operation goes on when its caller's own token ends, as in AWS: the stack gets credentials of its own.
    """
    caller = principals.get(access_key)
    if role_arn:
        name = role_arn.rsplit("/", 1)[-1]
        arn = f"arn:aws:sts::{account}:assumed-role/{name}/AWSCloudFormation"
        caller = Principal(arn=arn, account=account, role=name)
    elif caller is None or caller.expires_at is None:
        return access_key, token
    assert caller is not None
    lasting = Principal(arn=caller.arn, account=caller.account, role=caller.role, user_id=caller.user_id)
    key, dummy, session = principals.issue(lasting)
    return key, session
