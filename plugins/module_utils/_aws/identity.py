# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose credentials these are."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .errors import api_call


@dataclass(frozen=True)
class Caller:
    """Who the credentials belong to."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """The part of AWS that the account lives in: ``aws``, ``aws-cn``, ``aws-us-gov`` ..."""
        return self.arn.split(":")[1]


@api_call("find out whose credentials these are", permission="sts:GetCallerIdentity")
def get_caller(client: t.Any) -> Caller:
    """Return whom AWS takes the caller for."""
    found = client.get_caller_identity()
    return Caller(account=str(found["Account"]), arn=str(found["Arn"]))
