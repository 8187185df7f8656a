# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of an EC2 instance."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError
from region import emulator
from region.emulator import view

TRIXIE = "/aws/service/debian/release/13/latest/amd64"


def base_image(account: Any) -> str:
    """The id of Debian 13's base AMI."""
    return str(account.client("ssm").get_parameter(Name=TRIXIE)["Parameter"]["Value"])


def run(account: Any, **options: Any) -> dict[str, Any]:
    """Run one instance and return its description."""
    options = {"ImageId": base_image(account), "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1, **options}
    instance: dict[str, Any] = account.client("ec2").run_instances(**options)["Instances"][0]
    return instance


def state(account: Any, instance_id: str) -> str:
    """The instance's state as EC2 describes it."""
    found = account.client("ec2").describe_instances(InstanceIds=[instance_id])
    return str(found["Reservations"][0]["Instances"][0]["State"]["Name"])


def only_view() -> view.InstanceView:
    """The only instance as the reconciler sees it."""
    (one,) = view.instances()
    return one


def test_base_image_is_published_by_debian(account: Any) -> None:
    images = account.client("ec2").describe_images(
        Owners=["136693071363"], Filters=[{"Name": "name", "Values": ["debian-13-*"]}]
    )
    (image,) = images["Images"]
    assert image["ImageId"] == base_image(account)
    assert image["Name"] == "debian-13-amd64-20261101-0000"
    assert image["RootDeviceName"] == "/dev/xvda"
    assert image["Architecture"] == "x86_64"
    assert image["OwnerId"] == "136693071363"


def test_transitions_wait_for_the_machine(held_account: Any) -> None:
    instance_id = run(held_account)["InstanceId"]
    ec2 = held_account.client("ec2")
    assert state(held_account, instance_id) == "pending"
    view.set_instance_state(instance_id, "running")
    assert state(held_account, instance_id) == "running"
    ec2.stop_instances(InstanceIds=[instance_id])
    assert state(held_account, instance_id) == "stopping"
    view.set_instance_state(instance_id, "stopped")
    ec2.start_instances(InstanceIds=[instance_id])
    assert state(held_account, instance_id) == "pending"
    view.set_instance_state(instance_id, "running")
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert state(held_account, instance_id) == "shutting-down"
    assert only_view().private_ip
    view.set_instance_state(instance_id, "terminated")
    assert state(held_account, instance_id) == "terminated"
    assert only_view().private_ip == ""


def test_terminated_instances_are_forgotten_after_an_hour(account: Any) -> None:
    instance_id = run(account)["InstanceId"]
    account.client("ec2").terminate_instances(InstanceIds=[instance_id])
    account.wait(2)
    assert state(account, instance_id) == "terminated"
    account.clock.now += 3600
    account.wait(2)
    with pytest.raises(ClientError, match=r"InvalidInstanceID.NotFound"):
        state(account, instance_id)


def test_a_change_is_signalled(held_account: Any) -> None:
    emulator.events.clear()
    held_account.client("ec2").describe_instances()
    assert not emulator.events.is_set()
    run(held_account)
    assert emulator.events.is_set()


def test_reconciler_sees_what_it_needs(held_account: Any) -> None:
    ec2 = held_account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24", AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
    ec2.create_key_pair(KeyName="ops", KeyType="ed25519")
    run(
        held_account,
        SubnetId=subnet,
        KeyName="ops",
        UserData="#cloud-config\n",
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "InstanceMetadataTags": "enabled"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "one"}]}],
        InstanceInitiatedShutdownBehavior="terminate",
    )
    seen = only_view()
    assert seen.state == "pending"
    assert seen.private_ip == "10.20.1.4"  # EC2 keeps the first four addresses of a subnet
    assert (seen.vpc_cidr, seen.subnet_id, seen.az) == ("10.20.0.0/16", subnet, "us-east-1b")
    assert seen.user_data == b"#cloud-config\n"
    assert seen.imds_tokens_required and seen.imds_tags_enabled and seen.hop_limit == 2
    assert seen.tags == {"Name": "one"}
    assert seen.shutdown_behavior == "terminate"
    assert view.public_key("ops").startswith("ssh-ed25519 ")
    view.set_instance_state(seen.id, "running")
    view.set_instance_state(seen.id, "stopped")  # shut down from inside
    assert only_view().state == "terminated"


def test_addresses_are_given_back(account: Any) -> None:
    first = run(account)
    account.client("ec2").terminate_instances(InstanceIds=[first["InstanceId"]])
    account.wait(1)
    assert run(account)["PrivateIpAddress"] == first["PrivateIpAddress"]


def test_max_count_instances_run(account: Any) -> None:
    run(account, MinCount=1, MaxCount=3)
    assert len(view.instances()) == 3
    assert len({one.private_ip for one in view.instances()}) == 3


def test_client_token_is_idempotent(account: Any) -> None:
    token = {"ClientToken": "once"}
    assert run(account, **token)["InstanceId"] == run(account, **token)["InstanceId"]
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        run(account, InstanceType="t3.large", **token)


@pytest.mark.parametrize(
    ("image", "code"), [("ami-0123456789abcdef0", "InvalidAMIID.NotFound"), ("nonsense", "InvalidAMIID.Malformed")]
)
def test_unknown_image_is_refused(account: Any, image: str, code: str) -> None:
    with pytest.raises(ClientError, match=code):
        run(account, ImageId=image)


def test_unknown_key_pair_and_type_are_refused(account: Any) -> None:
    with pytest.raises(ClientError, match=r"InvalidKeyPair.NotFound"):
        run(account, KeyName="missing")
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        run(account, InstanceType="t99.huge")


def test_template_is_honoured_fully(account: Any) -> None:
    ec2, iam = account.client("ec2"), account.client("iam")
    iam.create_role(RoleName="node", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="node")
    iam.add_role_to_instance_profile(InstanceProfileName="node", RoleName="node")
    account.client("ssm").put_parameter(Name="/swarm/demo/ami", Value=base_image(account), Type="String")
    ec2.create_key_pair(KeyName="ops")
    group = ec2.create_security_group(GroupName="nodes", Description="nodes")["GroupId"]
    data = {
        "ImageId": "resolve:ssm:/swarm/demo/ami",
        "InstanceType": "t3.small",
        "KeyName": "ops",
        "SecurityGroupIds": [group],
        "IamInstanceProfile": {"Name": "node"},
        "UserData": base64.b64encode(b"one").decode(),
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "InstanceMetadataTags": "enabled"},
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "swarm:role", "Value": "worker"}]}],
    }
    ec2.create_launch_template(LaunchTemplateName="node", LaunchTemplateData=data)
    ec2.create_launch_template_version(
        LaunchTemplateName="node", SourceVersion="1", LaunchTemplateData={"UserData": base64.b64encode(b"two").decode()}
    )
    ec2.run_instances(
        LaunchTemplate={"LaunchTemplateName": "node", "Version": "$Latest"},
        MinCount=2,
        MaxCount=2,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "w"}]}],
    )
    for one in view.instances():
        assert one.image_id == base_image(account)
        assert one.user_data == b"two"
        assert one.key_name == "ops"
        assert one.security_groups == (group,)
        assert one.profile_arn.endswith("instance-profile/node")
        assert one.imds_tokens_required and one.imds_tags_enabled
        assert one.tags["swarm:role"] == "worker" and one.tags["Name"] == "w"
        assert one.tags["aws:ec2launchtemplate:version"] == "2"


def test_user_data_has_a_limit(account: Any) -> None:
    with pytest.raises(ClientError, match="limited to 16384 bytes"):
        run(account, UserData="x" * 16385)


@pytest.mark.parametrize(
    "filters",
    [
        {"tag:Name": ["o*"]},
        {"instance-state-name": ["running"]},
        {"iam-instance-profile.arn": ["*instance-profile/node"]},
        {"image-id": ["ami-*"]},
        {"tag-key": ["Na?e"]},
    ],
)
def test_filters_take_wildcards(account: Any, filters: dict[str, list[str]]) -> None:
    iam = account.client("iam")
    iam.create_instance_profile(InstanceProfileName="node")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "one"}]}]
    run(account, TagSpecifications=tags, IamInstanceProfile={"Name": "node"})
    asked = [{"Name": name, "Values": values} for name, values in filters.items()]
    assert len(account.client("ec2").describe_instances(Filters=asked)["Reservations"]) == 1


def test_unknown_filter_is_refused(account: Any) -> None:
    with pytest.raises(ClientError, match="The filter 'colour' is invalid"):
        account.client("ec2").describe_instances(Filters=[{"Name": "colour", "Values": ["red"]}])


def test_rule_without_ports(account: Any) -> None:
    ec2 = account.client("ec2")
    group = ec2.create_security_group(GroupName="nodes", Description="nodes")["GroupId"]
    permission = {"IpProtocol": "50", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    (described,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert described["IpProtocol"] == "50"
    assert "FromPort" not in described


def test_what_is_in_use_is_not_deleted(account: Any) -> None:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="nodes", Description="nodes", VpcId=vpc)["GroupId"]
    instance_id = run(account, SubnetId=subnet, SecurityGroupIds=[group])["InstanceId"]
    for delete, options in (
        (ec2.delete_subnet, {"SubnetId": subnet}),
        (ec2.delete_security_group, {"GroupId": group}),
    ):
        with pytest.raises(ClientError, match="DependencyViolation"):
            delete(**options)
    ec2.terminate_instances(InstanceIds=[instance_id])
    account.wait(1)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=subnet)


def test_tags_of_aws_are_reserved(account: Any) -> None:
    with pytest.raises(ClientError, match="reserved for internal use"):
        account.client("ec2").create_tags(
            Resources=[run(account)["InstanceId"]], Tags=[{"Key": "aws:mine", "Value": "no"}]
        )
