# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IAM policies of a role, and the resources and tags that a call is about, so that policies can really decide."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from moto.iam.models import iam_backends

from region.middleware.iam import Decision, evaluate
from region.middleware.identity import Principal
from region.middleware.record import resource_arns
from region.middleware.requests import Call

# botocore's service names whose IAM prefix differs.
IAM_PREFIXES = {
    "elbv2": "elasticloadbalancing",
    "elb": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tag",
    "stepfunctions": "states",
}
Resources = Callable[[Call, str], list[str]]


def documents(account: str, role_name: str) -> list[dict[str, Any]]:
    """Return all policy documents of a role, inline and attached.

    :raises KeyError: there is no such role.
    """
    roles = {role.name: role for role in iam_backends[account]["aws"].roles.values()}
    role = roles[role_name]
    inline = list(role.policies.values())
    attached = [policy.document for policy in role.managed_policies.values()]
    return [_load(one) for one in inline + attached]


def action_name(call: Call) -> str:
    """Return the call's name in policies, e.g. C(ssm:GetParameter)."""
    return f"{IAM_PREFIXES.get(call.service, call.service)}:{_S3_ACTIONS.get(call.action, call.action)}"


def resources_of(call: Call, account: str) -> list[str]:
    """Return the ARNs that policies of the call are about; C(*) where the action takes no resource."""
    name = _RESOURCES.get(call.service)
    found = name(call, account) if name else []
    return found or resource_arns(call.parameters) or ["*"]


def allows(call: Call, principal: Principal) -> bool:
    """Say whether the principal's role allows the call, on each of the resources that it names."""
    try:
        policies = documents(principal.account, principal.role)
    except KeyError:
        return False
    context = {
        "aws:PrincipalArn": f"arn:aws:iam::{principal.account}:role/{principal.role}",
        "aws:RequestedRegion": call.region,
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
        "ec2:SourceInstanceARN": f"arn:aws:ec2:{call.region}:{principal.account}:instance/{principal.instance_id}",
    }
    action = action_name(call)
    return all(
        evaluate(policies, action, arn, {**context, **_resource_tags(call, arn)}) is Decision.ALLOWED
        for arn in resources_of(call, principal.account)
    )


def _load(document: Any) -> dict[str, Any]:
    if isinstance(document, dict):
        return document
    text = str(document)
    loaded: dict[str, Any] = json.loads(text if text.lstrip().startswith("{") else unquote(text))
    return loaded


def _named(call: Call, *keys: str) -> list[str]:
    found: list[str] = []
    for key in keys:
        value = call.parameters.get(key)
        found += [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []
    return found


def _ssm(call: Call, account: str) -> list[str]:
    names = _named(call, "Name", "Names", "Path")
    if call.action.startswith("Describe"):
        return []
    return [f"arn:aws:ssm:{call.region}:{account}:parameter/{name.split(':')[0].strip('/')}" for name in names]


def _logs(call: Call, account: str) -> list[str]:
    prefix = f"arn:aws:logs:{call.region}:{account}:log-group:"
    groups = _named(call, "logGroupName")
    if call.action in ("PutLogEvents", "GetLogEvents", "DeleteLogStream"):
        return [f"{prefix}{group}:log-stream:{call.parameters.get('logStreamName', '')}" for group in groups]
    if call.action.startswith("Describe") and not groups:
        return [f"{prefix}*"] if call.action == "DescribeLogGroups" else []
    return [f"{prefix}{group}:*" if call.action == "CreateLogStream" else f"{prefix}{group}" for group in groups]


def _ecr(call: Call, account: str) -> list[str]:
    registry = call.parameters.get("registryId") or account
    names = _named(call, "repositoryName", "repositoryNames")
    return [f"arn:aws:ecr:{call.region}:{registry}:repository/{name}" for name in names]


def _autoscaling(call: Call, account: str) -> list[str]:
    if call.action.startswith("Describe"):
        return []
    groups = _named(call, "AutoScalingGroupName")
    prefix = f"arn:aws:autoscaling:{call.region}:{account}:autoScalingGroup:*:autoScalingGroupName/"
    return [prefix + group for group in groups]


def _secrets(call: Call, account: str) -> list[str]:
    names = _named(call, "SecretId")
    prefix = f"arn:aws:secretsmanager:{call.region}:{account}:secret:"
    return [name if name.startswith("arn:") else f"{prefix}{name}-??????" for name in names]


def _s3(call: Call, account: str) -> list[str]:
    bucket, key = call.parameters.get("Bucket"), call.parameters.get("Key")
    if not bucket:
        return []
    return [f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"]


_S3_ACTIONS = {
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "ListObjects": "ListBucket",
    "HeadBucket": "ListBucket",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
}
_RESOURCES: dict[str, Resources] = {
    "ssm": _ssm,
    "logs": _logs,
    "ecr": _ecr,
    "autoscaling": _autoscaling,
    "secretsmanager": _secrets,
    "s3": _s3,
}


def _resource_tags(call: Call, arn: str) -> dict[str, str]:
    """Return the tags of the resource as condition keys, for the services whose policies use them."""
    if call.service != "autoscaling" or "autoScalingGroupName/" not in arn:
        return {}
    from region.emulator.autoscaling import groups

    tags = groups.tags_of(call.region, arn.rsplit("/", 1)[-1])
    pairs = [(f"{prefix}:ResourceTag/{key}", value) for key, value in tags.items() for prefix in ("aws", "autoscaling")]
    return dict(pairs)
