# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log groups and metric filters, parameters, secrets, keys, buckets, repositories."""

from __future__ import annotations

import json
import secrets as random
import string
from typing import Any

from region.emulator.cloudformation.provider import (
    Context,
    Properties,
    Provider,
    names,
    only,
    provides,
    tag_changes,
    true,
    without,
)


@provides("AWS::Logs::LogGroup")
class LogGroup(Provider):
    """A log group."""

    immutable = names("LogGroupName", "LogGroupClass")
    changeable = names("KmsKeyId", "RetentionInDays", "Tags", "DeletionProtectionEnabled")
    attributes = names("Arn")

    def create(self, context: Context, properties: Properties) -> str:
        logs = context.client("logs")
        name = str(properties.get("LogGroupName") or context.name())
        options = {"kmsKeyId": properties.get("KmsKeyId"), "logGroupClass": properties.get("LogGroupClass")}
        tags = {tag["Key"]: tag["Value"] for tag in context.tags(properties)}
        given = {key: value for key, value in options.items() if value}
        if true(properties.get("DeletionProtectionEnabled", False)):
            given["deletionProtectionEnabled"] = True
        logs.create_log_group(logGroupName=name, **given, **({"tags": tags} if tags else {}))
        if "RetentionInDays" in properties:
            logs.put_retention_policy(logGroupName=name, retentionInDays=int(properties["RetentionInDays"]))
        return name

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        logs = context.client("logs")
        if "RetentionInDays" in properties:
            logs.put_retention_policy(logGroupName=physical_id, retentionInDays=int(properties["RetentionInDays"]))
        elif "RetentionInDays" in changed:
            logs.delete_retention_policy(logGroupName=physical_id)
        if "KmsKeyId" in changed:
            if properties.get("KmsKeyId"):
                logs.associate_kms_key(logGroupName=physical_id, kmsKeyId=properties["KmsKeyId"])
            else:
                logs.disassociate_kms_key(logGroupName=physical_id)
        if "DeletionProtectionEnabled" in changed:
            enabled = true(properties.get("DeletionProtectionEnabled", False))
            logs.put_log_group_deletion_protection(logGroupIdentifier=physical_id, deletionProtectionEnabled=enabled)
        arn = self.attribute(context, physical_id, properties, "Arn").removesuffix(":*")
        gone = tag_changes(context.tags(old), context.tags(properties))
        if gone:
            logs.untag_resource(resourceArn=arn, tagKeys=gone)
        tags = {tag["Key"]: tag["Value"] for tag in context.tags(properties)}
        if tags:
            logs.tag_resource(resourceArn=arn, tags=tags)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("logs").delete_log_group(logGroupName=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return f"arn:aws:logs:{context.region}:{context.account}:log-group:{physical_id}:*"


@provides("AWS::Logs::MetricFilter")
class MetricFilter(Provider):
    """A metric filter."""

    immutable = names("FilterName", "LogGroupName")
    changeable = names("FilterPattern", "MetricTransformations", "ApplyOnTransformedLogs")

    def create(self, context: Context, properties: Properties) -> str:
        name = str(properties.get("FilterName") or context.name())
        self._put(context, name, properties)
        return name

    def _put(self, context: Context, name: str, properties: Properties) -> None:
        lowered = {key[0].lower() + key[1:]: value for key, value in properties.items()}
        lowered["metricTransformations"] = [_lower(one) for one in properties["MetricTransformations"]]
        context.call("logs", "put_metric_filter", {**lowered, "filterName": name})

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        self._put(context, physical_id, properties)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        group = properties["LogGroupName"]
        context.client("logs").delete_metric_filter(logGroupName=group, filterName=physical_id)


def _lower(transformation: Properties) -> Properties:
    lowered = {key[0].lower() + key[1:]: value for key, value in transformation.items()}
    if "dimensions" in lowered:
        lowered["dimensions"] = {one["Key"]: one["Value"] for one in lowered["dimensions"]}
    return lowered


@provides("AWS::SSM::Parameter")
class SsmParameter(Provider):
    """A parameter; CloudFormation makes no secure ones."""

    immutable = names("Name", "DataType")
    changeable = names("AllowedPattern", "Description", "Policies", "Tags", "Tier", "Type", "Value")
    attributes = names("Type", "Value")
    volatile = attributes

    def create(self, context: Context, properties: Properties) -> str:
        name = str(properties.get("Name") or context.name())
        tags = [{"Key": key, "Value": value} for key, value in properties.get("Tags", {}).items()]
        arguments = {**without(properties, "Tags"), "Name": name}
        given = {"Tags": tags} if tags else {}
        context.client("ssm").put_parameter(**arguments, **given)
        return name

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        arguments = {**without(properties, "Tags"), "Name": physical_id, "Overwrite": True}
        context.client("ssm").put_parameter(**arguments)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ssm").delete_parameter(Name=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return context.client("ssm").get_parameter(Name=physical_id)["Parameter"][name]


@provides("AWS::SecretsManager::Secret")
class Secret(Provider):
    """A secret, given or generated."""

    immutable = names("Name")
    changeable = names("Description", "GenerateSecretString", "KmsKeyId", "SecretString", "Tags")
    attributes = names("Id")

    def create(self, context: Context, properties: Properties) -> str:
        name = str(properties.get("Name") or f"{context.logical_id}-{context.name()[-12:]}")
        value = properties.get("SecretString")
        if value is None and "GenerateSecretString" in properties:
            value = _generate(properties["GenerateSecretString"])
        given = {"SecretString": value} if value is not None else {}
        tags = context.tags(properties)
        answer = context.client("secretsmanager").create_secret(
            Name=name, **only(properties, "Description", "KmsKeyId"), **given, **({"Tags": tags} if tags else {})
        )
        return str(answer["ARN"])

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        arguments = only(properties, "Description", "KmsKeyId", "SecretString")
        if "GenerateSecretString" in changed and "SecretString" not in properties:
            arguments["SecretString"] = _generate(properties["GenerateSecretString"])
        context.client("secretsmanager").update_secret(SecretId=physical_id, **arguments)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        client = context.client("secretsmanager")
        client.delete_secret(SecretId=physical_id, ForceDeleteWithoutRecovery=True)


def _generate(options: Properties) -> str:
    letters = "".join(
        alphabet
        for alphabet, key in (
            (string.ascii_lowercase, "ExcludeLowercase"),
            (string.ascii_uppercase, "ExcludeUppercase"),
            (string.digits, "ExcludeNumbers"),
            (string.punctuation, "ExcludePunctuation"),
        )
        if not true(options.get(key, False))
    )
    allowed = [one for one in letters if one not in options.get("ExcludeCharacters", "")]
    password = "".join(random.choice(allowed) for dummy in range(int(options.get("PasswordLength", 32))))
    if "GenerateStringKey" not in options:
        return password
    return json.dumps({**json.loads(options.get("SecretStringTemplate", "{}")), options["GenerateStringKey"]: password})


@provides("AWS::KMS::Key")
class KmsKey(Provider):
    """A key."""

    immutable = names("KeySpec", "KeyUsage", "MultiRegion")
    changeable = names("Description", "EnableKeyRotation", "KeyPolicy", "PendingWindowInDays", "Tags")
    attributes = names("Arn", "KeyId")

    def create(self, context: Context, properties: Properties) -> str:
        kms = context.client("kms")
        policy = {"Policy": json.dumps(properties["KeyPolicy"])} if "KeyPolicy" in properties else {}
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in context.tags(properties)]
        key_id = str(
            kms.create_key(**only(properties, "Description", "KeySpec", "KeyUsage"), **policy, Tags=tags)[
                "KeyMetadata"
            ]["KeyId"]
        )
        if true(properties.get("EnableKeyRotation", False)):
            kms.enable_key_rotation(KeyId=key_id)
        return key_id

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        kms = context.client("kms")
        if "KeyPolicy" in changed:
            kms.put_key_policy(KeyId=physical_id, PolicyName="default", Policy=json.dumps(properties["KeyPolicy"]))
        if "Description" in changed:
            kms.update_key_description(KeyId=physical_id, Description=properties.get("Description", ""))
        if "EnableKeyRotation" in changed:
            rotate = true(properties.get("EnableKeyRotation", False))
            (kms.enable_key_rotation if rotate else kms.disable_key_rotation)(KeyId=physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        days = int(properties.get("PendingWindowInDays", 30))
        context.client("kms").schedule_key_deletion(KeyId=physical_id, PendingWindowInDays=days)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return context.client("kms").describe_key(KeyId=physical_id)["KeyMetadata"][name]


@provides("AWS::KMS::Alias")
class KmsAlias(Provider):
    """A key's alias."""

    immutable = names("AliasName")
    changeable = names("TargetKeyId")

    def create(self, context: Context, properties: Properties) -> str:
        context.client("kms").create_alias(**properties)
        return str(properties["AliasName"])

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        context.client("kms").update_alias(**properties)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("kms").delete_alias(AliasName=physical_id)


@provides("AWS::S3::Bucket")
class Bucket(Provider):
    """A bucket, with the settings that harden it."""

    immutable = names("BucketName")
    changeable = names("BucketEncryption", "PublicAccessBlockConfiguration", "Tags", "VersioningConfiguration")
    attributes = names("Arn", "DomainName", "RegionalDomainName")

    def create(self, context: Context, properties: Properties) -> str:
        s3 = context.client("s3")
        name = str(properties.get("BucketName") or context.name(63, lower=True))
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": context.region}}
        s3.create_bucket(Bucket=name, **({} if context.region == "us-east-1" else elsewhere))
        self._settings(context, name, properties)
        return name

    def _settings(self, context: Context, name: str, properties: Properties) -> None:
        s3 = context.client("s3")
        if "VersioningConfiguration" in properties:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
        if "PublicAccessBlockConfiguration" in properties:
            block = {key: true(value) for key, value in properties["PublicAccessBlockConfiguration"].items()}
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
        if "BucketEncryption" in properties:
            rules = [
                {"ApplyServerSideEncryptionByDefault": one["ServerSideEncryptionByDefault"]}
                for one in properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            ]
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
        if context.tags(properties):
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": context.tags(properties)})

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        self._settings(context, physical_id, properties)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("s3").delete_bucket(Bucket=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        if name == "Arn":
            return f"arn:aws:s3:::{physical_id}"
        host = f"s3.{context.region}" if name == "RegionalDomainName" else "s3"
        return f"{physical_id}.{host}.amazonaws.com"


@provides("AWS::ECR::Repository")
class Repository(Provider):
    """An ECR repository."""

    immutable = names("RepositoryName", "EncryptionConfiguration")
    changeable = names("EmptyOnDelete", "ImageScanningConfiguration", "ImageTagMutability", "LifecyclePolicy", "Tags")
    attributes = names("Arn", "RepositoryUri")

    def create(self, context: Context, properties: Properties) -> str:
        name = str(properties.get("RepositoryName") or context.name(256, lower=True))
        options: dict[str, Any] = {}
        if "ImageTagMutability" in properties:
            options["imageTagMutability"] = properties["ImageTagMutability"]
        if "ImageScanningConfiguration" in properties:
            scan = true(properties["ImageScanningConfiguration"].get("ScanOnPush", False))
            options["imageScanningConfiguration"] = {"scanOnPush": scan}
        context.client("ecr").create_repository(repositoryName=name, tags=context.tags(properties), **options)
        self._lifecycle(context, name, properties)
        return name

    def _lifecycle(self, context: Context, name: str, properties: Properties) -> None:
        text = properties.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
        if text:
            context.client("ecr").put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        client = context.client("ecr")
        if "ImageTagMutability" in changed:
            mutability = properties.get("ImageTagMutability", "MUTABLE")
            client.put_image_tag_mutability(repositoryName=physical_id, imageTagMutability=mutability)
        if "ImageScanningConfiguration" in changed:
            scan = true(properties.get("ImageScanningConfiguration", {}).get("ScanOnPush", False))
            client.put_image_scanning_configuration(
                repositoryName=physical_id, imageScanningConfiguration={"scanOnPush": scan}
            )
        self._lifecycle(context, physical_id, properties)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        force = true(properties.get("EmptyOnDelete", False))
        context.client("ecr").delete_repository(repositoryName=physical_id, force=force)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        answer = context.client("ecr").describe_repositories(repositoryNames=[physical_id])
        return answer["repositories"][0]["repositoryArn" if name == "Arn" else "repositoryUri"]
