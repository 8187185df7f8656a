# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials: the controller's, those of roles that were assumed, and those of instance profiles."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.iam.models import iam_backends

from region.emulator.ec2 import instances
from region.emulator.state import lock, runtime
from region.middleware.identity import CONTROLLER_ACCESS_KEY, CONTROLLER_SECRET_KEY, Principal, principals

# IMDS hands out fresh credentials when less than this part of their life is left.
RENEW_AT = 0.25


@dataclass(frozen=True)
class _Issued:
    role: str
    value: dict[str, str]
    issued_at: float
    expires_at: float


_for_instances: dict[str, _Issued] = {}


def service(name: str) -> str:
    """Return an access key for calls that AWS's service *name* makes by itself, e.g. Auto Scaling's RunInstances."""
    account = runtime.settings.account
    key = f"AKIASERVICE{name.upper().replace('-', ''):0<9.9}"
    arn = f"arn:aws:iam::{account}:role/aws-service-role/{name}.amazonaws.com/AWSServiceRoleFor{name.capitalize()}"
    principals.add(key, Principal(arn=arn, account=account, user_id=name))
    return key


def role_of(instance: Any) -> str:
    """Return the name of the role in the instance's profile, empty for an instance without one."""
    profile = instance.iam_instance_profile
    roles = roles_in(profile, runtime.settings.account) if profile else []
    return str(roles[0].name) if roles else ""


def roles_in(profile: Mapping[str, Any], account: str) -> list[Any]:
    """Return the roles of an instance profile that is given by C(Arn) or C(Name)."""
    known = iam_backends[account]["aws"].instance_profiles.values()
    return [
        role for one in known if one.arn == profile.get("Arn") or one.name == profile.get("Name") for role in one.roles
    ]


def for_instance(instance_id: str) -> dict[str, str] | None:
    """Return what IMDS answers for the instance's role, None when it has no profile with a role.

    Keys: Code, Type, LastUpdated, AccessKeyId, SecretAccessKey, Token, Expiration (ISO 8601) and RoleName.

    :raises KeyError: there is no such instance.
    """
    with lock:
        instance = instances.find(instance_id)
        role = role_of(instance)
        if not role:
            return None
        now = runtime.now()
        issued = _for_instances.get(instance_id)
        if (
            issued
            and issued.role == role
            and issued.expires_at - now > RENEW_AT * (issued.expires_at - issued.issued_at)
        ):
            return dict(issued.value)
        account, expires_at = instance.owner_id, now + runtime.control.role_lifetime
        principal = Principal(
            arn=f"arn:aws:sts::{account}:assumed-role/{role}/{instance_id}",
            account=account,
            role=role,
            instance_id=instance_id,
            expires_at=expires_at,
            user_id=f"{iam_backends[account]['aws'].get_role(role).id}:{instance_id}",
        )
        access_key, secret, token = principals.issue(principal)
        value = {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "LastUpdated": _iso(now),
            "AccessKeyId": access_key,
            "SecretAccessKey": secret,
            "Token": token,
            "Expiration": _iso(expires_at),
            "RoleName": role,
        }
        _for_instances[instance_id] = _Issued(role, value, now, expires_at)
        return dict(value)


def install() -> None:
    """Register the controller's key."""
    account = runtime.settings.account
    principals.clear()
    _for_instances.clear()
    principals.add(
        CONTROLLER_ACCESS_KEY,
        Principal(arn=f"arn:aws:iam::{account}:user/controller", account=account, user_id="AIDALOCALREGION000001"),
        CONTROLLER_SECRET_KEY,
    )


def _iso(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
