# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What calls must be allowed, service by service (Service Authorization Reference)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from moto.iam.models import iam_backends

from region.emulator.authorization import ec2
from region.emulator.authorization.need import Need, named, passing, request_tags, resource_tags, tags_of_request
from region.emulator.autoscaling import groups
from region.middleware.record import resource_arns
from region.middleware.requests import Call

# botocore's service names whose IAM prefix differs.
IAM_PREFIXES = {
    "elbv2": "elasticloadbalancing",
    "elb": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tag",
    "stepfunctions": "states",
}
# Calls that are judged under the name of another action.
_ACTIONS = {
    "s3": {
        "HeadObject": "GetObject",
        "ListObjectsV2": "ListBucket",
        "ListObjects": "ListBucket",
        "HeadBucket": "ListBucket",
        "CreateMultipartUpload": "PutObject",
        "UploadPart": "PutObject",
        "CompleteMultipartUpload": "PutObject",
    }
}
# What a call needs beside its own action when it brings tags ("tag on create").
_TAGGING = {
    ("autoscaling", "CreateAutoScalingGroup"): "autoscaling:CreateOrUpdateTags",
    ("cloudformation", "CreateStack"): "cloudformation:TagResource",
    ("cloudwatch", "PutMetricAlarm"): "cloudwatch:TagResource",
    ("ecr", "CreateRepository"): "ecr:TagResource",
    ("elbv2", "CreateListener"): "elasticloadbalancing:AddTags",
    ("elbv2", "CreateLoadBalancer"): "elasticloadbalancing:AddTags",
    ("elbv2", "CreateTargetGroup"): "elasticloadbalancing:AddTags",
    ("iam", "CreateInstanceProfile"): "iam:TagInstanceProfile",
    ("iam", "CreateRole"): "iam:TagRole",
    ("logs", "CreateLogGroup"): "logs:TagResource",
    ("ssm", "PutParameter"): "ssm:AddTagsToResource",
}
Resources = Callable[[Call, str], list[str]]


def needs(call: Call, account: str) -> Iterator[Need]:
    """Yield every permission that a call needs."""
    if call.service == "ec2":
        yield from ec2.needs(call, account)
        return
    if call.service == "ec2-instance-connect":
        yield from _instance_connect(call, account)
        return
    tags = tags_of_request(call.parameters.get("Tags", call.parameters.get("tags")))
    action, tagging = action_name(call), _TAGGING.get((call.service, call.action))
    for arn in resources_of(call, account):
        context = {**_tags_of(call, arn), **request_tags(tags)}
        yield Need(action, arn, context)
        if tagging and tags:
            yield Need(tagging, arn, context)
    yield from _beside(call, account)


def action_name(call: Call) -> str:
    """Return the call's name in policies, e.g. C(ssm:GetParameter)."""
    action = _ACTIONS.get(call.service, {}).get(call.action, call.action)
    return f"{IAM_PREFIXES.get(call.service, call.service)}:{action}"


def resources_of(call: Call, account: str) -> list[str]:
    """Return the ARNs that policies of the call are about; C(*) where the action takes no resource."""
    name = _RESOURCES.get(call.service)
    found = name(call, account) if name else resource_arns(call.parameters)
    return found or ["*"]


def _instance_connect(call: Call, account: str) -> Iterator[Need]:
    given = call.parameters
    if call.action == "OpenTunnel":
        # The tunnel is judged on its endpoint alone; whose node it leads to is for the key and the security groups.
        endpoint = str(given.get("instanceConnectEndpointId", "*"))
        arn = f"arn:aws:ec2:{call.region}:{account}:instance-connect-endpoint/{endpoint}"
        context: dict[str, str | list[str]] = {
            "ec2-instance-connect:remotePort": str(given.get("remotePort", "")),
            "ec2-instance-connect:privateIpAddress": str(given.get("privateIpAddress", "")),
            "ec2-instance-connect:maxTunnelDuration": str(given.get("maxTunnelDuration", 3600)),
        }
        yield Need(f"{call.service}:OpenTunnel", arn, {**context, **ec2.tags_of(endpoint, call.region, account)})
        return
    instance = str(given.get("InstanceId", "*"))
    context = {"ec2:osuser": str(given.get("InstanceOSUser", "")), **ec2.tags_of(instance, call.region, account)}
    yield Need(f"{call.service}:{call.action}", ec2.instance_arn(instance, call.region, account), context)


def _beside(call: Call, account: str) -> Iterator[Need]:
    """Yield what a call needs beside its own action: to start what it lets others start, to pass a role."""
    given = call.parameters
    if call.service == "autoscaling" and call.action in ("CreateAutoScalingGroup", "UpdateAutoScalingGroup"):
        data = groups.launched_with(call.region, given)
        if data is not None:
            yield from ec2.launch_needs(data, call.region, account)
    if call.service == "iam" and call.action == "AddRoleToInstanceProfile":
        yield passing(_role(account, str(given.get("RoleName"))))


def _ssm(call: Call, account: str) -> list[str]:
    if call.action.startswith("Describe"):
        return []
    given = named(call.parameters, "Name", "Names", "Path")
    if call.parameters.get("ResourceType") == "Parameter":
        given += named(call.parameters, "ResourceId")
    return [f"arn:aws:ssm:{call.region}:{account}:parameter/{name.split(':')[0].strip('/')}" for name in given]


def _logs(call: Call, account: str) -> list[str]:
    prefix = f"arn:aws:logs:{call.region}:{account}:log-group:"
    given = call.parameters
    groups = named(given, "logGroupName")
    groups += [
        one.split(":log-group:")[-1].removesuffix(":*") for one in named(given, "resourceArn", "logGroupIdentifier")
    ]
    if call.action in ("PutLogEvents", "GetLogEvents", "DeleteLogStream"):
        return [f"{prefix}{group}:log-stream:{given.get('logStreamName', '')}" for group in groups]
    if call.action.startswith("Describe") and not groups:
        return [f"{prefix}*"] if call.action == "DescribeLogGroups" else []
    return [f"{prefix}{group}:*" if call.action == "CreateLogStream" else f"{prefix}{group}" for group in groups]


def _ecr(call: Call, account: str) -> list[str]:
    registry = call.parameters.get("registryId") or account
    names = named(call.parameters, "repositoryName", "repositoryNames")
    if not names and call.action == "DescribeRepositories":
        names = ["*"]
    return [f"arn:aws:ecr:{call.region}:{registry}:repository/{name}" for name in names]


def _autoscaling(call: Call, account: str) -> list[str]:
    if call.action.startswith("Describe"):
        return []
    given = named(call.parameters, "AutoScalingGroupName")
    if call.action in ("CreateOrUpdateTags", "DeleteTags"):
        given = list(dict.fromkeys(str(tag.get("ResourceId")) for tag in call.parameters.get("Tags") or []))
    prefix = f"arn:aws:autoscaling:{call.region}:{account}:autoScalingGroup:*:autoScalingGroupName/"
    return [prefix + group for group in given]


def _secrets(call: Call, account: str) -> list[str]:
    prefix = f"arn:aws:secretsmanager:{call.region}:{account}:secret:"
    names = named(call.parameters, "SecretId")
    return [name if name.startswith("arn:") else f"{prefix}{name}-??????" for name in names]


def _s3(call: Call, account: str) -> list[str]:
    bucket, key = call.parameters.get("Bucket"), call.parameters.get("Key")
    if not bucket:
        return []
    return [f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"]


def _cloudformation(call: Call, account: str) -> list[str]:
    prefix = f"arn:aws:cloudformation:{call.region}:{account}:stack/"
    name = str(call.parameters.get("StackName") or "")
    if not name:  # a change set may be named by its ARN alone; it is judged as its stack
        change_set = str(call.parameters.get("ChangeSetName") or "")
        return [f"{prefix}*"] if change_set or call.action == "DescribeStacks" else []
    return [name if name.startswith("arn:") else f"{prefix}{name}/*"]


def _load_balancing(call: Call, account: str) -> list[str]:
    if call.action.startswith("Describe"):
        return []
    prefix = f"arn:aws:elasticloadbalancing:{call.region}:{account}:"
    given, name = call.parameters, str(call.parameters.get("Name") or "*")
    if call.action == "CreateLoadBalancer":
        return [f"{prefix}loadbalancer/{'net' if given.get('Type') == 'network' else 'app'}/{name}/*"]
    if call.action == "CreateTargetGroup":
        return [f"{prefix}targetgroup/{name}/*"]
    if call.action == "CreateListener":  # judged on its load balancer, and on what it will be
        balancer = str(given.get("LoadBalancerArn"))
        return [balancer, balancer.replace(":loadbalancer/", ":listener/", 1) + "/*"]
    named_by = ("ListenerArn", "LoadBalancerArn", "TargetGroupArn", "RuleArn", "ResourceArns")
    return named(given, *named_by)


def _iam(call: Call, account: str) -> list[str]:
    given = call.parameters
    if call.action == "CreateServiceLinkedRole":
        return [f"arn:aws:iam::{account}:role/aws-service-role/{given.get('AWSServiceName')}/*"]
    found = [f"arn:aws:iam::{account}:instance-profile/{name}" for name in named(given, "InstanceProfileName")]
    # Putting a role into a profile is judged on the profile; the role is passed.
    return found or [_role(account, name) for name in named(given, "RoleName")]


def _role(account: str, name: str) -> str:
    known = {role.name: str(role.arn) for role in iam_backends[account]["aws"].roles.values()}
    return known.get(name, f"arn:aws:iam::{account}:role/{name}")


def _cloudwatch(call: Call, account: str) -> list[str]:
    prefix = f"arn:aws:cloudwatch:{call.region}:{account}:alarm:"
    names = named(call.parameters, "AlarmName", "AlarmNames")
    if not names and call.action == "DescribeAlarms":
        names = ["*"]
    return named(call.parameters, "ResourceARN") or [prefix + name for name in names]


def _kms(call: Call, account: str) -> list[str]:
    keys = named(call.parameters, "KeyId")
    return [key if key.startswith("arn:") else f"arn:aws:kms:{call.region}:{account}:key/{key}" for key in keys]


_RESOURCES: dict[str, Resources] = {
    "autoscaling": _autoscaling,
    "cloudformation": _cloudformation,
    "cloudwatch": _cloudwatch,
    "ecr": _ecr,
    "elbv2": _load_balancing,
    "iam": _iam,
    "kms": _kms,
    "logs": _logs,
    "resourcegroupstaggingapi": lambda dummy, account: [],
    "s3": _s3,
    "secretsmanager": _secrets,
    "ssm": _ssm,
}


def _tags_of(call: Call, arn: str) -> dict[str, Any]:
    """Return the tags of a resource as condition keys, for the services whose policies ask for them."""
    if call.service == "autoscaling" and "autoScalingGroupName/" in arn:
        return resource_tags(groups.tags_of(call.region, arn.rsplit("/", 1)[-1]), "autoscaling:ResourceTag")
    return {}
