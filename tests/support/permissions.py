# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded calls held against the documents of C(docs/iam)."""

from __future__ import annotations

import fnmatch
import json
import typing as t
from pathlib import Path

from moto_region import ACCOUNT, Call

FOLDER = Path(__file__).resolve().parents[2] / "docs/iam"
PREFIXES = {"tagging": "tag", "monitoring": "cloudwatch"}
"""Prefixes of IAM's actions where requests are signed for another name."""
FREE = frozenset({"sts:GetCallerIdentity"})
"""What everybody may do: "No permissions are required" (AWS STS API Reference)."""


CLUSTER = ("cluster", "cluster-network", "cluster-nodes")
"""Who makes clusters needs all of these."""


def allowed(name: str) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Yield (action, statement) for everything that a document allows."""
    for statement in json.loads((FOLDER / f"{name}.json").read_text())["Statement"]:
        assert statement["Effect"] == "Allow"
        yield from ((action, statement) for action in _list(statement["Action"]))


def missing(calls: t.Iterable[Call], *documents: str) -> list[str]:
    """Return the calls that no statement of *documents* allows, each once.

    Resources are compared where the request names them by itself: parameters of SSM and log groups. Conditions are the
    local region's to judge.
    """
    statements = [one for name in documents for one in json.loads((FOLDER / f"{name}.json").read_text())["Statement"]]
    refused = {
        f"{action} on {resource}"
        for call in calls
        for action in [f"{PREFIXES.get(call.service, call.service)}:{call.action}"]
        for resource in resources_of(call) or ["any"]
        if action not in FREE and not any(_allows(statement, action, resource) for statement in statements)
    }
    return sorted(refused)


def resources_of(call: Call) -> list[str]:
    """Return the ARNs that *call* names, none where it names none or says so in another way."""
    if call.service not in ("ssm", "logs") or not call.body:
        return []
    given = json.loads(call.body)
    if call.service == "ssm":
        names = given.get("Names") or [given[key] for key in ("Name", "Path") if key in given]
        return [f"arn:aws:ssm:{call.region}:{ACCOUNT}:parameter{name}" for name in names]
    if call.action == "DescribeLogGroups":
        return []
    if "resourceArn" in given:
        return [given["resourceArn"].removesuffix(":*")]
    name = given.get("logGroupName")
    return [f"arn:aws:logs:{call.region}:{ACCOUNT}:log-group:{name}"] if name else []


def _allows(statement: dict[str, t.Any], action: str, resource: str) -> bool:
    actions, patterns = _list(statement["Action"]), _list(statement["Resource"])
    return action in actions and (resource == "any" or any(fnmatch.fnmatchcase(resource, one) for one in patterns))


def _list(value: t.Any) -> list[str]:
    return value if isinstance(value, list) else [value]
