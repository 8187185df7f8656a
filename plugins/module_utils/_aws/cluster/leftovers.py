# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What outlives a cluster's CloudFormation stack, and how to delete it. One function per API call."""

from __future__ import annotations

import typing as t

from ..errors import api_call
from ..logs.api import describe_log_groups
from ..ssm import names_below

KEPT = ("ami", "bake-lock")
"""Parameters that belong to the images and not to the cluster."""
_BATCH = 10  # DeleteParameters takes no more at once


def list_parameters(client: t.Any, cluster: str) -> list[str]:
    """Return the names of the parameters that the agents of *cluster* wrote, sorted; no value is read.

    Listing the path with GetParametersByPath would take the right to read the tokens.
    """
    prefix = f"/swarm/{cluster}/"
    return [name for name in names_below(client, prefix) if name[len(prefix) :] not in KEPT]


@api_call("delete the SSM parameters {names}", permission="ssm:DeleteParameters")
def delete_parameters(client: t.Any, names: t.Sequence[str]) -> None:
    """Delete the parameters *names*; one that is gone already is no error."""
    for start in range(0, len(names), _BATCH):
        client.delete_parameters(Names=list(names[start : start + _BATCH]))


def list_log_groups(client: t.Any, cluster: str) -> list[str]:
    """Return the names of the log groups of *cluster*, sorted."""
    return sorted(group["logGroupName"] for group in describe_log_groups(client, f"/swarm/{cluster}/"))
