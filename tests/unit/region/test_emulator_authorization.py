# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call must be allowed: each resource that it names or makes, tags at creation, roles that are passed."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import demo.account
import pytest
from botocore.exceptions import ClientError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from demo.people import DOCUMENTS, SAMPLE, People
from region.emulator.authorization.ec2 import KINDS
from region.emulator.cloudformation import provider

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # parliament imports a deprecated interface of setuptools
    import parliament

ACCOUNT, REGION = "123456789012", "us-east-1"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
IMAGE = "ami-0deb1a00000000013"
PROVIDERS = Path(provider.__file__).parent / "resources"


def role(account: Any, *statements: dict[str, Any], name: str = "worker") -> dict[str, str]:
    """Make a role with these statements, let policies decide, and return credentials of a session of it."""
    iam = account.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    if statements:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    return session(account, name)


def session(account: Any, name: str) -> dict[str, str]:
    account.app.control.enforce = "roles"
    held = account.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="test")
    found = held["Credentials"]
    return {"key": found["AccessKeyId"], "secret": found["SecretAccessKey"], "token": found["SessionToken"]}


def allow(action: str | list[str], *resources: str, **conditions: dict[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": list(resources) or "*"}
    return {**statement, "Condition": conditions} if conditions else statement


def run(ec2: Any, **options: Any) -> str:
    made = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.small", MinCount=1, MaxCount=1, **options)
    return str(made["Instances"][0]["InstanceId"])


def tagged(kind: str, **tags: str) -> dict[str, Any]:
    return {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def test_ec2_is_judged_on_the_resources_that_aws_documents() -> None:
    definition = json.loads((Path(parliament.__file__).parent / "iam_definition.json").read_text())
    (ec2,) = [one for one in definition if one["prefix"] == "ec2"]
    documented = {
        one["privilege"]: {kind["resource_type"] for kind in one["resource_types"]} for one in ec2["privileges"]
    }
    for action, kinds in KINDS.items():
        own = {kind for kind in kinds.split() if (action, kind) != ("RunInstances", "volume*")}
        must = {kind for kind in documented[action] if kind.endswith("*")}
        assert own <= documented[action] and must <= own, action


def test_a_role_without_a_policy_may_ask_who_it_is_and_nothing_else(account: Any) -> None:
    own = role(account)
    assert "assumed-role/worker/test" in account.client("sts", **own).get_caller_identity()["Arn"]
    with pytest.raises(ClientError, match=r"not authorized to perform: ec2:DescribeInstances on resource: \* because"):
        account.client("ec2", **own).describe_instances()
    assert account.client("ec2").describe_instances()["Reservations"] == []


def test_an_instance_is_started_as_its_conditions_say(account: Any) -> None:
    machine = allow(
        "ec2:RunInstances",
        f"{ARN}:instance/*",
        StringEquals={"aws:RequestTag/team": "a", "ec2:MetadataHttpTokens": "required"},
        StringLike={"ec2:InstanceType": "t3.*"},
    )
    others = [f"{ARN}:{kind}/*" for kind in ("network-interface", "security-group", "subnet")]
    disk = allow("ec2:RunInstances", f"{ARN}:volume/*", Bool={"ec2:Encrypted": "true"})
    rest = allow("ec2:RunInstances", *others, f"arn:aws:ec2:{REGION}::image/*")
    tags = allow("ec2:CreateTags", f"{ARN}:instance/*", StringEquals={"ec2:CreateAction": "RunInstances"})
    ec2 = account.client("ec2", **role(account, machine, disk, rest, tags))
    given: dict[str, Any] = {
        "TagSpecifications": [tagged("instance", team="a")],
        "MetadataOptions": {"HttpTokens": "required"},
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}],
    }
    run(ec2, **given)
    for key, other, refused in (
        ("TagSpecifications", [tagged("instance", team="b")], "ec2:RunInstances on resource: .*instance/"),
        ("TagSpecifications", [], "ec2:RunInstances on resource: .*instance/"),
        ("MetadataOptions", {}, "ec2:RunInstances on resource: .*instance/"),
        ("BlockDeviceMappings", [], "ec2:RunInstances on resource: .*volume/"),
        (
            "TagSpecifications",
            [tagged("instance", team="a"), tagged("volume", team="a")],
            "ec2:CreateTags on resource: .*volume/",
        ),
    ):
        with pytest.raises(ClientError, match=rf"\(UnauthorizedOperation\).*{refused}"):
            run(ec2, **{**given, key: other})


def test_volumes_are_as_the_image_has_them_where_the_request_says_nothing(account: Any) -> None:
    admin = account.client("ec2")
    encrypted = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}]
    source = run(admin, BlockDeviceMappings=encrypted)
    account.wait(2)
    image = admin.create_image(InstanceId=source, Name="encrypted")["ImageId"]
    account.wait(2)
    kinds = [f"{ARN}:{kind}/*" for kind in ("instance", "network-interface", "security-group", "subnet")]
    rest = allow("ec2:RunInstances", *kinds, f"arn:aws:ec2:{REGION}::image/*")
    disk = allow("ec2:RunInstances", f"{ARN}:volume/*", Bool={"ec2:Encrypted": "true"})
    ec2 = account.client("ec2", **role(account, rest, disk))
    ec2.run_instances(ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1)
    with pytest.raises(ClientError, match=r"\(UnauthorizedOperation\).*ec2:RunInstances on resource: .*volume/"):
        run(ec2)


def test_own_instances_are_ended_by_their_tag(account: Any) -> None:
    own, other = (run(account.client("ec2"), TagSpecifications=[tagged("instance", team=team)]) for team in "ab")
    end = allow("ec2:TerminateInstances", f"{ARN}:instance/*", StringEquals={"aws:ResourceTag/team": "a"})
    ec2 = account.client("ec2", **role(account, end))
    ec2.terminate_instances(InstanceIds=[own])
    with pytest.raises(ClientError, match=f"instance/{other}"):
        ec2.terminate_instances(InstanceIds=[other])


def test_tags_are_written_at_creation_alone_when_the_policy_says_so(account: Any) -> None:
    at_creation = allow("ec2:CreateTags", f"{ARN}:vpc/*", StringEquals={"ec2:CreateAction": "CreateVpc"})
    ec2 = account.client("ec2", **role(account, allow("ec2:CreateVpc", f"{ARN}:vpc/*"), at_creation))
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[tagged("vpc", team="a")])["Vpc"]["VpcId"]
    with pytest.raises(ClientError, match=f"ec2:CreateTags on resource: {ARN}:vpc/{made}"):
        ec2.create_tags(Resources=[made], Tags=[{"Key": "team", "Value": "b"}])


def test_a_role_is_passed_by_whoever_may(account: Any) -> None:
    iam = account.client("iam")
    iam.create_role(RoleName="node", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_instance_profile(InstanceProfileName="node")
    iam.add_role_to_instance_profile(InstanceProfileName="node", RoleName="node")
    ec2 = account.client("ec2", **role(account, allow("ec2:RunInstances")))
    run(ec2)
    with pytest.raises(ClientError, match=r"iam:PassRole on resource: .*role/node because"):
        run(ec2, IamInstanceProfile={"Name": "node"})


def test_who_makes_a_group_may_start_what_its_template_says(account: Any) -> None:
    """Auto Scaling User Guide: ec2:RunInstances and iam:PassRole are the caller's, not Auto Scaling's."""
    ec2 = account.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    made = ec2.create_launch_template(
        LaunchTemplateName="nodes", LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "t3.small"}
    )
    launched = {"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"}
    given = {"MinSize": 0, "MaxSize": 0, "VPCZoneIdentifier": subnet, "LaunchTemplate": launched}
    scaling = account.client("autoscaling", **role(account, allow("autoscaling:CreateAutoScalingGroup")))
    with pytest.raises(ClientError, match=r"\(AccessDenied\).*ec2:RunInstances"):
        scaling.create_auto_scaling_group(AutoScalingGroupName="nodes", **given)
    both = allow(["autoscaling:CreateAutoScalingGroup", "ec2:RunInstances"])
    scaling = account.client("autoscaling", **role(account, both, name="second"))
    scaling.create_auto_scaling_group(AutoScalingGroupName="nodes", **given)


def test_a_stack_acts_with_its_callers_rights(account: Any) -> None:
    template = json.dumps(
        {"Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/x"}}}}
    )
    own = role(account, allow(["cloudformation:CreateStack", "cloudformation:DescribeStackEvents"]))
    account.client("cloudformation", **own).create_stack(StackName="one", TemplateBody=template)
    account.wait(20)
    events = account.client("cloudformation").describe_stack_events(StackName="one")["StackEvents"]
    reasons = [one.get("ResourceStatusReason", "") for one in events]
    assert any("is not authorized to perform: logs:CreateLogGroup" in reason for reason in reasons), reasons
    denied = [one for one in account.calls.since(0, action="CreateLogGroup") if one.error]
    assert denied and {(one.role, one.via) for one in denied} == {("worker", "cloudformation")}


def test_keys_and_tunnels_are_judged_by_user_and_port(account: Any) -> None:
    instance = run(account.client("ec2"), TagSpecifications=[tagged("instance", team="a")])
    account.wait(2)
    send = allow(
        "ec2-instance-connect:SendSSHPublicKey",
        f"{ARN}:instance/*",
        StringEquals={"aws:ResourceTag/team": "a", "ec2:osuser": "admin"},
    )
    connect = account.client("ec2-instance-connect", **role(account, send))
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0kNLEbrBY7dEzu2VRuSXZqFqDCkQBTkZlSdAQBkXtR"
    connect.send_ssh_public_key(InstanceId=instance, InstanceOSUser="admin", SSHPublicKey=key)
    with pytest.raises(ClientError, match=r"\(AccessDeniedException\).*ec2-instance-connect:SendSSHPublicKey"):
        connect.send_ssh_public_key(InstanceId=instance, InstanceOSUser="root", SSHPublicKey=key)


@pytest.mark.parametrize(
    "action", ["get_parameter", "get_parameters", "get_parameter_history", "get_parameters_by_path"]
)
def test_each_of_the_four_reads_of_a_token_is_judged(account: Any, action: str) -> None:
    account.client("ssm").put_parameter(Name="/swarm/demo/token/manager", Value="x", Type="String")
    account.client("ssm").put_parameter(Name="/swarm/demo/managers", Value="{}", Type="String")
    prefix = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/swarm/demo"
    reads = [f"ssm:{name}" for name in ("GetParameter", "GetParameters", "GetParameterHistory", "GetParametersByPath")]
    ssm = account.client("ssm", **role(account, allow(reads, f"{prefix}/managers")))
    key = {"get_parameters": "Names", "get_parameters_by_path": "Path"}.get(action, "Name")
    for name in ("/swarm/demo/token/manager", "/swarm/demo/token", "/swarm/demo", "/swarm"):
        with pytest.raises(ClientError, match="is not authorized to perform: ssm:"):
            getattr(ssm, action)(**{key: [name] if key == "Names" else name})


def test_tags_of_a_stack_reach_every_resource_that_takes_tags() -> None:
    """AWS's schemas say which do ("tagging"); without them, policies that ask for a tag would refuse the resource."""
    names = re.findall(r'@provides\("([^"]+)"\)', "".join(file.read_text() for file in PROVIDERS.glob("*.py")))
    assert len(names) > 25
    for name in names:
        kind = provider.find(name)
        assert kind is not None
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema
        takes = bool((schema.get("tagging") or {}).get("taggable"))
        assert ("Tags" in kind.changeable | kind.immutable) is takes, name


def test_the_documents_of_the_demo_are_written_for_its_cluster(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    people = People(demo.account.Account("shop", "eu-central-1"))
    monkeypatch.setattr(demo.account.Account, "client", lambda self, service: account.client(service))
    for names in DOCUMENTS.values():
        for name in names:
            text = people.document(name)
            assert f":{SAMPLE['region']}:" not in text and "/demo" not in text and "shop" in text
