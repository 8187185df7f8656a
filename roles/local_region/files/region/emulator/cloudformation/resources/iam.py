# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, instance profiles and policies."""

from __future__ import annotations

import json
from typing import Any

from region.emulator.cloudformation.provider import Context, Properties, Provider, names, only, provides, tag_changes

TARGETS = (("Roles", "role", "RoleName"), ("Users", "user", "UserName"), ("Groups", "group", "GroupName"))


def _document(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@provides("AWS::IAM::Role")
class Role(Provider):
    """A role with its inline and attached policies."""

    immutable = names("RoleName", "Path")
    changeable = names(
        "AssumeRolePolicyDocument",
        "Description",
        "ManagedPolicyArns",
        "MaxSessionDuration",
        "PermissionsBoundary",
        "Policies",
        "Tags",
    )
    attributes = names("Arn", "RoleId")

    def create(self, context: Context, properties: Properties) -> str:
        iam = context.client("iam")
        name = str(properties.get("RoleName") or context.name(64))
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=_document(properties["AssumeRolePolicyDocument"]),
            Tags=context.tags(properties),
            **only(properties, "Path", "Description", "PermissionsBoundary"),
            **(
                {"MaxSessionDuration": int(properties["MaxSessionDuration"])}
                if "MaxSessionDuration" in properties
                else {}
            ),
        )
        self._policies(iam, name, {}, properties)
        return name

    def _policies(self, iam: Any, name: str, old: Properties, new: Properties) -> None:
        before = {one["PolicyName"] for one in old.get("Policies", [])}
        for one in new.get("Policies", []):
            iam.put_role_policy(
                RoleName=name, PolicyName=one["PolicyName"], PolicyDocument=_document(one["PolicyDocument"])
            )
            before.discard(one["PolicyName"])
        for gone in sorted(before):
            iam.delete_role_policy(RoleName=name, PolicyName=gone)
        attached, wanted = set(old.get("ManagedPolicyArns", [])), set(new.get("ManagedPolicyArns", []))
        for arn in sorted(wanted - attached):
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in sorted(attached - wanted):
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        iam = context.client("iam")
        if "PermissionsBoundary" in changed:
            raise NotImplementedError("AWS::IAM::Role: changing PermissionsBoundary")
        self._policies(iam, physical_id, old, properties)
        if "AssumeRolePolicyDocument" in changed:
            document = _document(properties["AssumeRolePolicyDocument"])
            iam.update_assume_role_policy(RoleName=physical_id, PolicyDocument=document)
        if changed & {"Description", "MaxSessionDuration"}:
            iam.update_role(
                RoleName=physical_id,
                Description=properties.get("Description", ""),
                MaxSessionDuration=int(properties.get("MaxSessionDuration", 3600)),
            )
        gone = tag_changes(context.tags(old), context.tags(properties))
        if gone:
            iam.untag_role(RoleName=physical_id, TagKeys=gone)
        if context.tags(properties):
            iam.tag_role(RoleName=physical_id, Tags=context.tags(properties))

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        iam = context.client("iam")
        self._policies(iam, physical_id, properties, {})
        iam.delete_role(RoleName=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return context.client("iam").get_role(RoleName=physical_id)["Role"][name]


@provides("AWS::IAM::InstanceProfile")
class InstanceProfile(Provider):
    """An instance profile."""

    immutable = names("InstanceProfileName", "Path")
    changeable = names("Roles")
    attributes = names("Arn")

    def create(self, context: Context, properties: Properties) -> str:
        iam = context.client("iam")
        name = str(properties.get("InstanceProfileName") or context.name(128))
        iam.create_instance_profile(InstanceProfileName=name, **only(properties, "Path"))
        self._roles(iam, name, [], properties["Roles"])
        return name

    def _roles(self, iam: Any, name: str, old: list[str], new: list[str]) -> None:
        for role in old:
            if role not in new:
                iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)
        for role in new:
            if role not in old:
                iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        self._roles(context.client("iam"), physical_id, old["Roles"], properties["Roles"])

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        iam = context.client("iam")
        self._roles(iam, physical_id, properties["Roles"], [])
        iam.delete_instance_profile(InstanceProfileName=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return context.client("iam").get_instance_profile(InstanceProfileName=physical_id)["InstanceProfile"]["Arn"]


@provides("AWS::IAM::Policy")
class Policy(Provider):
    """An inline policy of roles, users and groups."""

    changeable = names("PolicyName", "PolicyDocument", "Roles", "Users", "Groups")

    def create(self, context: Context, properties: Properties) -> str:
        self._put(context, properties)
        return context.name()

    def _put(self, context: Context, properties: Properties) -> None:
        for key, kind, parameter in TARGETS:
            for target in properties.get(key, []):
                getattr(context.client("iam"), f"put_{kind}_policy")(
                    **{parameter: target},
                    PolicyName=properties["PolicyName"],
                    PolicyDocument=_document(properties["PolicyDocument"]),
                )

    def _remove(self, context: Context, old: Properties, kept: set[tuple[str, str, str]]) -> None:
        for key, kind, parameter in TARGETS:
            for target in old.get(key, []):
                if (kind, target, old["PolicyName"]) not in kept:
                    remove = getattr(context.client("iam"), f"delete_{kind}_policy")
                    remove(**{parameter: target}, PolicyName=old["PolicyName"])

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        self._put(context, properties)
        kept = {
            (kind, one, properties["PolicyName"]) for key, kind, dummy in TARGETS for one in properties.get(key, [])
        }
        self._remove(context, old, kept)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        self._remove(context, properties, set())


@provides("AWS::IAM::ManagedPolicy")
class ManagedPolicy(Provider):
    """A managed policy, attached to roles."""

    immutable = names("ManagedPolicyName", "Path", "Description")
    changeable = names("PolicyDocument", "Roles")

    def create(self, context: Context, properties: Properties) -> str:
        iam = context.client("iam")
        arn = str(
            iam.create_policy(
                PolicyName=properties.get("ManagedPolicyName") or context.name(128),
                PolicyDocument=_document(properties["PolicyDocument"]),
                **only(properties, "Path", "Description"),
            )["Policy"]["Arn"]
        )
        for role in properties.get("Roles", []):
            iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        return arn

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        iam = context.client("iam")
        if "PolicyDocument" in changed:
            versions = iam.list_policy_versions(PolicyArn=physical_id)["Versions"]
            if len(versions) >= 5:
                oldest = [one for one in versions if not one["IsDefaultVersion"]][-1]
                iam.delete_policy_version(PolicyArn=physical_id, VersionId=oldest["VersionId"])
            document = _document(properties["PolicyDocument"])
            iam.create_policy_version(PolicyArn=physical_id, PolicyDocument=document, SetAsDefault=True)
        before, after = set(old.get("Roles", [])), set(properties.get("Roles", []))
        for role in sorted(after - before):
            iam.attach_role_policy(RoleName=role, PolicyArn=physical_id)
        for role in sorted(before - after):
            iam.detach_role_policy(RoleName=role, PolicyArn=physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        iam = context.client("iam")
        for role in properties.get("Roles", []):
            iam.detach_role_policy(RoleName=role, PolicyArn=physical_id)
        for version in iam.list_policy_versions(PolicyArn=physical_id)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=physical_id, VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=physical_id)
