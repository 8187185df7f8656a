# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What calls to EC2 must be allowed: each resource that they name or make, tags at creation, roles that are passed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.utils import convert_tag_spec

from region.emulator.authorization.need import Need, passing, request_tags, resource_tags, strings, tags_of_request
from region.emulator.credentials import roles_in
from region.emulator.ec2 import launch
from region.middleware.requests import Call

# Action → kinds of resources that it is judged on, those with * always (Service Authorization Reference, Amazon EC2).
# CreateTags and DeleteTags take any kind; actions that stand nowhere here are judged on no resource.
KINDS = {
    "AllocateAddress": "elastic-ip*",
    "AssociateAddress": "elastic-ip instance network-interface",
    "AssociateIamInstanceProfile": "instance*",
    "AssociateRouteTable": "route-table* internet-gateway subnet",
    "AttachInternetGateway": "internet-gateway* vpc*",
    "AttachVolume": "instance* volume*",
    "AuthorizeSecurityGroupEgress": "security-group* security-group-rule",
    "AuthorizeSecurityGroupIngress": "security-group* security-group-rule",
    "CopyImage": "image* snapshot*",
    "CreateImage": "image* instance* snapshot*",
    "CreateInstanceConnectEndpoint": "instance-connect-endpoint* subnet* security-group",
    "CreateInternetGateway": "internet-gateway*",
    "CreateKeyPair": "key-pair*",
    "CreateLaunchTemplate": "launch-template*",
    "CreateLaunchTemplateVersion": "launch-template*",
    "CreateNatGateway": "natgateway* subnet* elastic-ip",
    "CreateNetworkInterface": "network-interface* subnet* security-group",
    "CreateRoute": "route-table*",
    "CreateRouteTable": "route-table* vpc*",
    "CreateSecurityGroup": "security-group* vpc",
    "CreateSnapshot": "snapshot* volume*",
    "CreateSubnet": "subnet* vpc*",
    "CreateVolume": "volume* snapshot",
    "CreateVpc": "vpc*",
    "CreateVpcEndpoint": "vpc* vpc-endpoint* route-table security-group subnet",
    "DeleteInstanceConnectEndpoint": "instance-connect-endpoint*",
    "DeleteInternetGateway": "internet-gateway*",
    "DeleteKeyPair": "key-pair",
    "DeleteLaunchTemplate": "launch-template*",
    "DeleteNatGateway": "natgateway*",
    "DeleteNetworkInterface": "network-interface*",
    "DeleteRoute": "route-table*",
    "DeleteRouteTable": "route-table*",
    "DeleteSecurityGroup": "security-group*",
    "DeleteSnapshot": "snapshot*",
    "DeleteSubnet": "subnet*",
    "DeleteVolume": "volume*",
    "DeleteVpc": "vpc*",
    "DeleteVpcEndpoints": "vpc-endpoint*",
    "DeregisterImage": "image*",
    "DescribeImageAttribute": "image*",
    "DescribeInstanceAttribute": "instance*",
    "DescribeSnapshotAttribute": "snapshot*",
    "DescribeVpcAttribute": "vpc*",
    "DetachInternetGateway": "internet-gateway* vpc*",
    "DetachVolume": "volume* instance",
    "DisassociateAddress": "elastic-ip network-interface",
    "DisassociateIamInstanceProfile": "instance*",
    "DisassociateRouteTable": "internet-gateway route-table subnet",
    "EnableImageDeprecation": "image*",
    "GetConsoleOutput": "instance*",
    "ImportKeyPair": "key-pair*",
    "ModifyImageAttribute": "image*",
    "ModifyInstanceAttribute": "instance* security-group volume",
    "ModifyInstanceMetadataOptions": "instance*",
    "ModifyLaunchTemplate": "launch-template*",
    "ModifySnapshotAttribute": "snapshot*",
    "ModifySubnetAttribute": "subnet*",
    "ModifyVolume": "volume*",
    "ModifyVpcAttribute": "vpc*",
    "ModifyVpcEndpoint": "vpc-endpoint* route-table security-group subnet",
    "RebootInstances": "instance*",
    "ReleaseAddress": "elastic-ip",
    "ReplaceRoute": "route-table*",
    "ReplaceRouteTableAssociation": "route-table* internet-gateway subnet",
    "RevokeSecurityGroupEgress": "security-group*",
    "RevokeSecurityGroupIngress": "security-group*",
    # The reference calls volumes optional; every image of ours has one.
    "RunInstances": "image* instance* network-interface* security-group* subnet* volume* key-pair launch-template",
    "StartInstances": "instance*",
    "StopInstances": "instance*",
    "TerminateInstances": "instance*",
    "UpdateSecurityGroupRuleDescriptionsEgress": "security-group*",
    "UpdateSecurityGroupRuleDescriptionsIngress": "security-group*",
}
_PREFIXES = {
    "ami": "image",
    "eice": "instance-connect-endpoint",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "i": "instance",
    "igw": "internet-gateway",
    "lt": "launch-template",
    "nat": "natgateway",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "snap": "snapshot",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
_ID = re.compile(rf"({'|'.join(_PREFIXES)})-[0-9a-f]+")
# Kinds whose ARNs name no account: they may belong to somebody else.
_OF_NO_ACCOUNT = ("image", "snapshot")


def needs(call: Call, account: str) -> Iterator[Need]:
    """Yield what a call to EC2 must be allowed."""
    given = call.parameters
    if call.action in ("CreateTags", "DeleteTags"):
        tags = tags_of_request(given.get("Tags"))
        for one in given.get("Resources") or ["*"]:
            kind = kind_of(one)
            context = {**tags_of(one, call.region, account), **request_tags(tags)}
            yield Need(f"ec2:{call.action}", _arn(kind, one, call.region, account) if kind else "*", context)
        return
    if call.action not in KINDS:
        yield Need(f"ec2:{call.action}", "*")
        return
    yield from _judged(call.action, given, call.region, account)


def _judged(action: str, given: Mapping[str, Any], region: str, account: str) -> Iterator[Need]:
    """Yield the action on each resource that it names or makes, the tags that it gives, and the role that it passes."""
    kinds = KINDS[action].split()
    known = {kind.rstrip("*"): kind.endswith("*") for kind in kinds}
    ids = _named(action, given, region, account)
    tags = convert_tag_spec(given.get("TagSpecifications") or [])
    for kind, always in known.items():
        # What it makes has no id yet, and gets the tags of the request; a copy is made of another of its kind.
        made = not ids.get(kind) or (action, kind) == ("CopyImage", "image")
        facts = _facts(kind, given, region, account)
        for one in ids.get(kind, []):
            yield Need(f"ec2:{action}", _arn(kind, one, region, account), {**tags_of(one, region, account), **facts})
        if made and (always or kind in tags):
            context = {**request_tags(tags.get(kind, {})), **facts}
            yield Need(f"ec2:{action}", _arn(kind, "*", region, account), context)
    for kind, own in tags.items():
        if own:
            yield Need(
                "ec2:CreateTags", _arn(kind, "*", region, account), {**request_tags(own), "ec2:CreateAction": action}
            )
    profile = given.get("IamInstanceProfile") or {}
    if action in ("RunInstances", "AssociateIamInstanceProfile") and profile:
        yield from (passing(role.arn) for role in roles_in(profile, account))


def launch_needs(data: Mapping[str, Any], region: str, account: str) -> Iterator[Need]:
    """Yield what must be allowed to whoever lets Auto Scaling start instances from a launch template's data.

    Auto Scaling User Guide, "Control Amazon EC2 launch template usage": the caller needs ec2:RunInstances for what
    the template holds, and iam:PassRole for its profile.
    """
    yield from _judged("RunInstances", data, region, account)


def kind_of(resource_id: str) -> str:
    """Return the kind of a resource by its id, "" when nothing is known of such ids."""
    match = _ID.fullmatch(resource_id)
    return _PREFIXES[match[1]] if match else ""


def instance_arn(instance_id: str, region: str, account: str) -> str:
    """Return the ARN of an instance."""
    return _arn("instance", instance_id, region, account)


def tags_of(resource_id: str, region: str, account: str) -> dict[str, str | list[str]]:
    """Return the tags of a resource of EC2 as condition keys."""
    tags = ec2_backends[account][region].tags.get(resource_id, {})
    return resource_tags({str(key): str(value) for key, value in tags.items()}, "ec2:ResourceTag")


def _named(action: str, given: Mapping[str, Any], region: str, account: str) -> dict[str, list[str]]:
    """Return kind → ids of the resources that a request names, directly or through an association."""
    found: dict[str, list[str]] = {}
    backend = ec2_backends[account][region]
    for text in dict.fromkeys(strings({key: value for key, value in given.items() if key != "TagSpecifications"})):
        kind = kind_of(text)
        if kind:
            found.setdefault(kind, []).append(text)
        elif text.startswith("rtbassoc-"):
            tables = [table.id for table in backend.route_tables.values() if text in table.associations]
            found.setdefault("route-table", []).extend(tables)
        elif text.startswith("eipassoc-"):
            held = [one.allocation_id for one in backend.addresses.values() if one.association_id == text]
            found.setdefault("elastic-ip", []).extend(held)
    key = given.get("KeyName")
    if key:
        found["key-pair"] = [str(key)]
    if action in ("CreateImage", "CopyImage"):
        found.pop("snapshot", None)
    name = (given.get("LaunchTemplate") or {}).get("LaunchTemplateName") or given.get("LaunchTemplateName")
    ids = backend.launch_template_name_to_ids
    if name and not found.get("launch-template") and name in ids:
        found["launch-template"] = [ids[name]]
    return found


def _facts(kind: str, given: Mapping[str, Any], region: str, account: str) -> dict[str, str]:
    """Return what conditions may ask of an instance or volume that is to be made."""
    if kind == "instance":
        facts = {"ec2:InstanceType": str(given.get("InstanceType") or "")}
        tokens = (given.get("MetadataOptions") or {}).get("HttpTokens")
        facts["ec2:MetadataHttpTokens"] = str(tokens or "optional")
        return {key: value for key, value in facts.items() if value}
    if kind == "volume":
        image = ec2_backends[account][region].amis.get(str(given.get("ImageId")))
        devices = launch.block_devices(image, given.get("BlockDeviceMappings") or []) if image else []
        disks = [one["Ebs"] for one in devices if "Ebs" in one]
        encrypted = bool(disks) and all(str(one.get("Encrypted")).lower() == "true" for one in disks)
        return {"ec2:Encrypted": str(encrypted).lower()}
    return {}


def _arn(kind: str, resource_id: str, region: str, account: str) -> str:
    owner = "" if kind in _OF_NO_ACCOUNT else account
    return f"arn:aws:ec2:{region}:{owner}:{kind}/{resource_id}"
