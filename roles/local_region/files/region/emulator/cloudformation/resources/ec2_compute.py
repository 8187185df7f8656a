# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups, their rules, launch templates, key pairs."""

from __future__ import annotations

import copy
from typing import Any

from region.emulator.cloudformation.provider import Context, Properties, Provider, names, only, provides
from region.emulator.cloudformation.resources.ec2_network import Ec2Provider, tagged

RULE = ("IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "Description")


def permission(rule: Properties) -> dict[str, Any]:
    """Return a rule as EC2's API takes it."""
    answer: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    answer.update({key: int(rule[key]) for key in ("FromPort", "ToPort") if key in rule})
    described = only(rule, "Description")
    if "CidrIp" in rule:
        answer["IpRanges"] = [{"CidrIp": rule["CidrIp"], **described}]
    if "CidrIpv6" in rule:
        answer["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **described}]
    peer = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    if peer:
        answer["UserIdGroupPairs"] = [{"GroupId": peer, **described}]
    prefix_list = rule.get("SourcePrefixListId") or rule.get("DestinationPrefixListId")
    if prefix_list:
        answer["PrefixListIds"] = [{"PrefixListId": prefix_list, **described}]
    return answer


@provides("AWS::EC2::SecurityGroup")
class SecurityGroup(Ec2Provider):
    """A security group, with rules of its own."""

    immutable = names("GroupName", "GroupDescription", "VpcId")
    changeable = names("SecurityGroupIngress", "SecurityGroupEgress", "Tags")
    attributes = names("GroupId", "VpcId", "Id")

    def create(self, context: Context, properties: Properties) -> str:
        ec2 = context.client("ec2")
        group_id = str(
            ec2.create_security_group(
                GroupName=properties.get("GroupName") or context.name(),
                Description=properties["GroupDescription"],
                **only(properties, "VpcId"),
                **tagged(context, properties, "security-group"),
            )["GroupId"]
        )
        self._rules(ec2, group_id, {}, properties)
        return group_id

    def _rules(self, ec2: Any, group_id: str, old: Properties, new: Properties) -> None:
        for key, name in (("SecurityGroupIngress", "ingress"), ("SecurityGroupEgress", "egress")):
            before = [permission(rule) for rule in old.get(key, [])]
            after = [permission(rule) for rule in new.get(key, [])]
            if key == "SecurityGroupEgress":
                # A group without egress rules of its own keeps EC2's: everything.
                everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
                before, after = before or everything, after or everything
                if not old and _bare(after) == everything:
                    continue
            gone = [one for one in before if one not in after]
            new_ones = [one for one in after if one not in before]
            if gone:
                getattr(ec2, f"revoke_security_group_{name}")(GroupId=group_id, IpPermissions=_bare(gone))
            if new_ones:
                getattr(ec2, f"authorize_security_group_{name}")(GroupId=group_id, IpPermissions=new_ones)

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        self._rules(context.client("ec2"), physical_id, old, properties)
        super().update(context, physical_id, properties, changed, old)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ec2").delete_security_group(GroupId=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return properties.get("VpcId") if name == "VpcId" else physical_id


def _bare(permissions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return permissions without descriptions, which do not identify a rule."""
    bare = copy.deepcopy(permissions)
    for one in bare:
        for key in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds"):
            for entry in one.get(key, []):
                entry.pop("Description", None)
    return bare


class _Rule(Provider):
    attributes = names("Id")
    direction = ""

    def create(self, context: Context, properties: Properties) -> str:
        call = getattr(context.client("ec2"), f"authorize_security_group_{self.direction}")
        answer = call(GroupId=properties["GroupId"], IpPermissions=[permission(properties)])
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        call = getattr(context.client("ec2"), f"revoke_security_group_{self.direction}")
        call(GroupId=properties["GroupId"], IpPermissions=_bare([permission(properties)]))


@provides("AWS::EC2::SecurityGroupIngress")
class SecurityGroupIngress(_Rule):
    """A rule for what comes in."""

    immutable = names("GroupId", *RULE, "SourceSecurityGroupId", "SourcePrefixListId")
    direction = "ingress"


@provides("AWS::EC2::SecurityGroupEgress")
class SecurityGroupEgress(_Rule):
    """A rule for what goes out."""

    immutable = names("GroupId", *RULE, "DestinationSecurityGroupId", "DestinationPrefixListId")
    direction = "egress"


@provides("AWS::EC2::LaunchTemplate")
class LaunchTemplate(Ec2Provider):
    """A launch template; an update of its data makes a new version."""

    immutable = names("LaunchTemplateName")
    changeable = names("LaunchTemplateData", "VersionDescription", "TagSpecifications")
    attributes = names("LaunchTemplateId", "LatestVersionNumber", "DefaultVersionNumber")
    volatile = names("LatestVersionNumber")

    def create(self, context: Context, properties: Properties) -> str:
        tags = [tag for one in properties.get("TagSpecifications", []) for tag in one.get("Tags", [])]
        answer = context.call(
            "ec2",
            "create_launch_template",
            only(properties, "LaunchTemplateData", "VersionDescription"),
            LaunchTemplateName=properties.get("LaunchTemplateName") or context.name(128),
            **tagged(context, {"Tags": tags}, "launch-template"),
        )
        return str(answer["LaunchTemplate"]["LaunchTemplateId"])

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        if changed & {"LaunchTemplateData", "VersionDescription"}:
            given = only(properties, "LaunchTemplateData", "VersionDescription")
            context.call("ec2", "create_launch_template_version", given, LaunchTemplateId=physical_id)
        if "TagSpecifications" in changed:
            tags = [tag for one in properties.get("TagSpecifications", []) for tag in one.get("Tags", [])]
            before = [tag for one in old.get("TagSpecifications", []) for tag in one.get("Tags", [])]
            super().update(context, physical_id, {"Tags": tags}, changed, {"Tags": before})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ec2").delete_launch_template(LaunchTemplateId=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        if name == "LaunchTemplateId":
            return physical_id
        answer = context.client("ec2").describe_launch_templates(LaunchTemplateIds=[physical_id])
        return str(answer["LaunchTemplates"][0][name])


@provides("AWS::EC2::KeyPair")
class KeyPair(Provider):
    """A key pair made of a public key."""

    immutable = names("KeyName", "PublicKeyMaterial", "Tags")
    attributes = names("KeyPairId", "KeyFingerprint")

    def create(self, context: Context, properties: Properties) -> str:
        if "PublicKeyMaterial" not in properties:
            raise NotImplementedError("AWS::EC2::KeyPair without PublicKeyMaterial")
        context.client("ec2").import_key_pair(
            KeyName=properties["KeyName"],
            PublicKeyMaterial=properties["PublicKeyMaterial"].encode(),
            **tagged(context, properties, "key-pair"),
        )
        return str(properties["KeyName"])

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ec2").delete_key_pair(KeyName=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        pair = context.client("ec2").describe_key_pairs(KeyNames=[physical_id])["KeyPairs"][0]
        return pair[name]
