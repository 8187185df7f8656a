# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudFormation stacks: making, changing, failing, taking back, removing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from region.emulator import view

CLUSTER_TEMPLATE = Path(__file__).parents[3] / "roles" / "cluster" / "files" / "cluster.template"
CLUSTER_PARAMETERS = {
    "Cluster": "demo",
    "AvailabilityZones": "us-east-1a,us-east-1b,us-east-1c",
    "ImageId": "ami-0deb1a00000000013",
    "EcrRepositoryArns": "arn:aws:ecr:us-east-1:123456789012:repository/app",
}
SMALL = """
Parameters:
  Retention: {Type: Number, Default: 7, AllowedValues: [7, 30]}
  Suffix: {Type: String, Default: one}
  Secret: {Type: String, NoEcho: true, Default: hidden}
Conditions:
  IsLong: !Equals [!Ref Retention, 30]
Mappings:
  Texts:
    one: {text: first}
    two: {text: second}
Resources:
  Group:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Sub "/swarm/${Suffix}"
      RetentionInDays: !Ref Retention
  Filter:
    Type: AWS::Logs::MetricFilter
    Properties:
      LogGroupName: !Ref Group
      FilterPattern: ERROR
      MetricTransformations:
        - {MetricName: errors, MetricNamespace: swarm, MetricValue: "1"}
  Parameter:
    Type: AWS::SSM::Parameter
    Condition: IsLong
    Properties: {Name: /swarm/long, Type: String, Value: !GetAtt Group.Arn}
Outputs:
  Text: {Value: !FindInMap [Texts, !Ref Suffix, text]}
  Arn: {Value: !Join ["|", [!GetAtt Group.Arn, !Ref Filter]]}
"""
BROKEN = """
  Broken:
    Type: AWS::EC2::Subnet
    DependsOn: Group
    Properties: {VpcId: vpc-00000000, CidrBlock: 10.0.0.0/24}
"""


def parameters(**values: str) -> list[dict[str, str]]:
    """Parameters as CloudFormation takes them."""
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def create(account: Any, body: str = SMALL, name: str = "small", **options: Any) -> str:
    """Create a stack, wait, return its final status."""
    answer = account.client("cloudformation").create_stack(StackName=name, TemplateBody=body, **options)
    return settle(account, answer["StackId"])


def settle(account: Any, name: str = "small", seconds: int = 120) -> str:
    """Wait until nothing is under way any more; return the stack's status."""
    for dummy in range(seconds):
        status = str(stack(account, name)["StackStatus"])
        if not status.endswith("_IN_PROGRESS"):
            return status
        account.wait(1)
    raise AssertionError(f"still {status}")


def stack(account: Any, name: str = "small") -> dict[str, Any]:
    """The stack as it is described."""
    found: dict[str, Any] = account.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return found


def events(account: Any, name: str = "small") -> list[tuple[str, str]]:
    """The stack's events, oldest first."""
    paginator = account.client("cloudformation").get_paginator("describe_stack_events")
    found = paginator.paginate(StackName=name).build_full_result()["StackEvents"]
    return [(one["LogicalResourceId"], one["ResourceStatus"]) for one in reversed(found)]


def log_groups(account: Any) -> list[str]:
    """The names of all log groups."""
    return [one["logGroupName"] for one in account.client("logs").describe_log_groups()["logGroups"]]


def test_functions_conditions_and_outputs(account: Any) -> None:
    assert create(account) == "CREATE_COMPLETE"
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack(account)["Outputs"]}
    assert outputs["Text"] == "first"
    arn, filter_name = outputs["Arn"].split("|")
    assert arn == "arn:aws:logs:us-east-1:123456789012:log-group:/swarm/one:*"
    (described,) = account.client("logs").describe_metric_filters(logGroupName="/swarm/one")["metricFilters"]
    assert described["filterName"] == filter_name
    secret = next(one for one in stack(account)["Parameters"] if one["ParameterKey"] == "Secret")
    assert secret["ParameterValue"] == "****"
    with pytest.raises(ClientError, match="ParameterNotFound"):
        account.client("ssm").get_parameter(Name="/swarm/long")


def test_events_tell_the_story_in_order(account: Any) -> None:
    create(account)
    assert events(account) == [
        ("small", "CREATE_IN_PROGRESS"),
        ("Group", "CREATE_IN_PROGRESS"),
        ("Group", "CREATE_IN_PROGRESS"),
        ("Group", "CREATE_COMPLETE"),
        ("Filter", "CREATE_IN_PROGRESS"),
        ("Filter", "CREATE_IN_PROGRESS"),
        ("Filter", "CREATE_COMPLETE"),
        ("small", "CREATE_COMPLETE"),
    ]


def test_update_changes_adds_and_removes(account: Any) -> None:
    create(account, Parameters=parameters(Retention="30"))
    client = account.client("cloudformation")
    assert account.client("ssm").get_parameter(Name="/swarm/long")["Parameter"]["Value"].startswith("arn:aws:logs")
    previous = [{"ParameterKey": "Suffix", "UsePreviousValue": True}]
    client.update_stack(StackName="small", UsePreviousTemplate=True, Parameters=[*previous, *parameters(Retention="7")])
    assert settle(account) == "UPDATE_COMPLETE"
    (group,) = account.client("logs").describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 7
    with pytest.raises(ClientError, match="ParameterNotFound"):
        account.client("ssm").get_parameter(Name="/swarm/long")
    with pytest.raises(ClientError, match="No updates are to be performed"):
        client.update_stack(StackName="small", UsePreviousTemplate=True)


def test_replacement_makes_the_new_before_the_old_goes(account: Any) -> None:
    create(account)
    client = account.client("cloudformation")
    client.update_stack(StackName="small", UsePreviousTemplate=True, Parameters=parameters(Suffix="two"))
    assert settle(account) == "UPDATE_COMPLETE"
    assert log_groups(account) == ["/swarm/two"]
    assert account.client("logs").describe_metric_filters(logGroupName="/swarm/two")["metricFilters"]
    story = events(account)
    assert story.index(("Group", "DELETE_COMPLETE")) > story.index(("small", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"))


def test_failed_creation_is_rolled_back(account: Any) -> None:
    body = SMALL.replace("Outputs:", BROKEN.strip("\n") + "\nOutputs:")
    assert create(account, body) == "ROLLBACK_COMPLETE"
    assert log_groups(account) == []
    assert ("Broken", "CREATE_FAILED") in events(account)
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        account.client("cloudformation").update_stack(StackName="small", TemplateBody=SMALL)
    account.client("cloudformation").delete_stack(StackName="small")
    account.wait(2)
    with pytest.raises(ClientError, match="does not exist"):
        stack(account)


def test_failed_creation_may_stay_or_go(account: Any) -> None:
    body = SMALL.replace("Outputs:", BROKEN.strip("\n") + "\nOutputs:")
    assert create(account, body, "stays", OnFailure="DO_NOTHING") == "CREATE_FAILED"
    assert log_groups(account) == ["/swarm/one"]
    body = body.replace("Default: one", "Default: two")
    assert create(account, body, "goes", OnFailure="DELETE") == "DELETE_COMPLETE"
    assert log_groups(account) == ["/swarm/one"]


def test_failed_update_is_taken_back(account: Any) -> None:
    create(account)
    body = SMALL.replace("Default: 7", "Default: 30").replace("Outputs:", BROKEN.strip("\n") + "\nOutputs:")
    account.client("cloudformation").update_stack(StackName="small", TemplateBody=body)
    assert settle(account) == "UPDATE_ROLLBACK_COMPLETE"
    (group,) = account.client("logs").describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 7
    assert "Broken" not in {
        one["LogicalResourceId"]
        for one in account.client("cloudformation").describe_stack_resources(StackName="small")["StackResources"]
    }
    account.client("cloudformation").update_stack(
        StackName="small", UsePreviousTemplate=True, Parameters=parameters(Retention="30")
    )
    assert settle(account) == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("AWS::Logs::MetricFilter", "AWS::Logs::QueryDefinition"), "not emulated by the local region"),
        (("!Ref Filter", "!Ref Nobody"), r"Unresolved resource dependencies \[Nobody\]"),
        (("Default: 7,", "Default: 8,"), "AllowedValues"),
        (("Resources:", "Ressources:"), "Invalid template property"),
        (
            ("    Type: AWS::Logs::LogGroup\n", "    Type: AWS::Logs::LogGroup\n    DependsOn: Filter\n"),
            "Circular dependency",
        ),
    ],
)
def test_wrong_templates_are_refused(account: Any, change: tuple[str, str], message: str) -> None:
    body = SMALL.replace(*change)
    with pytest.raises(ClientError, match=message):
        account.client("cloudformation").create_stack(StackName="small", TemplateBody=body)
        raise AssertionError(settle(account))


def test_unknown_property_fails_the_stack(account: Any) -> None:
    body = SMALL.replace("      FilterPattern: ERROR\n", "      FilterPattern: ERROR\n      Colour: red\n")
    assert create(account, body) == "ROLLBACK_COMPLETE"
    answer = account.client("cloudformation").describe_stack_events(StackName="small")["StackEvents"]
    reasons = [one.get("ResourceStatusReason", "") for one in answer]
    assert any("not emulated by the local region: AWS::Logs::MetricFilter with Colour" in one for one in reasons)


def test_unknown_parameters_are_refused(account: Any) -> None:
    with pytest.raises(ClientError, match=r"Parameters: \[Colour\] do not exist in the template"):
        create(account, Parameters=parameters(Colour="red"))


def test_iam_needs_a_capability(account: Any) -> None:
    body = "Resources: {Profile: {Type: 'AWS::IAM::InstanceProfile', Properties: {Roles: []}}}"
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_IAM\]"):
        create(account, body)


def test_change_set_tells_what_would_happen_and_does_nothing(account: Any) -> None:
    create(account)
    client = account.client("cloudformation")
    client.create_change_set(
        StackName="small",
        ChangeSetName="try",
        UsePreviousTemplate=True,
        Parameters=parameters(Suffix="two", Retention="30"),
    )
    described = client.describe_change_set(StackName="small", ChangeSetName="try")
    changes = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in described["Changes"]}
    assert changes["Group"]["Action"] == "Modify"
    assert changes["Group"]["Replacement"] == "True"
    assert changes["Filter"]["Replacement"] == "Conditional"
    assert changes["Parameter"]["Action"] == "Add"
    assert log_groups(account) == ["/swarm/one"]
    client.execute_change_set(StackName="small", ChangeSetName="try")
    assert settle(account) == "UPDATE_COMPLETE"
    assert log_groups(account) == ["/swarm/two"]


def test_change_set_without_changes_has_failed(account: Any) -> None:
    create(account)
    client = account.client("cloudformation")
    client.create_change_set(StackName="small", ChangeSetName="try", UsePreviousTemplate=True)
    described = client.describe_change_set(StackName="small", ChangeSetName="try")
    assert described["Status"] == "FAILED"
    assert "didn't contain changes" in described["StatusReason"]
    client.delete_change_set(StackName="small", ChangeSetName="try")
    assert client.list_change_sets(StackName="small")["Summaries"] == []


def test_change_set_of_a_new_stack(account: Any) -> None:
    client = account.client("cloudformation")
    client.create_change_set(StackName="small", ChangeSetName="try", ChangeSetType="CREATE", TemplateBody=SMALL)
    assert stack(account)["StackStatus"] == "REVIEW_IN_PROGRESS"
    actions = [
        one["ResourceChange"]["Action"]
        for one in client.describe_change_set(StackName="small", ChangeSetName="try")["Changes"]
    ]
    assert actions == ["Add", "Add"]
    client.execute_change_set(StackName="small", ChangeSetName="try")
    assert settle(account) == "CREATE_COMPLETE"


def test_retained_resource_stays(account: Any) -> None:
    create(
        account,
        SMALL.replace("    Type: AWS::Logs::LogGroup\n", "    Type: AWS::Logs::LogGroup\n    DeletionPolicy: Retain\n"),
    )
    account.client("cloudformation").delete_stack(StackName="small")
    account.wait(2)
    assert log_groups(account) == ["/swarm/one"]


def test_exports_are_shared_and_guarded(account: Any) -> None:
    body = SMALL.replace("[Texts, !Ref Suffix, text]}", "[Texts, !Ref Suffix, text], Export: {Name: group-text}}")
    assert create(account, body) == "CREATE_COMPLETE"
    user = "Resources: {P: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: !ImportValue group-text}}}"
    assert create(account, user, "user") == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="cannot be deleted as it is in use by user"):
        account.client("cloudformation").delete_stack(StackName="small")


def test_calls_are_made_for_the_caller(account: Any) -> None:
    create(account)
    made = account.calls.since(0, service="logs", action="CreateLogGroup")
    assert [(one.principal, one.via) for one in made] == [
        ("arn:aws:iam::123456789012:user/controller", "cloudformation")
    ]


def physical_ids(account: Any, name: str) -> dict[str, str]:
    listed = account.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}


def road_to(account: Any, cluster: str) -> dict[str, str]:
    """Return what the stack tells of the way to a cluster's nodes."""
    value = account.client("ssm").get_parameter(Name=f"/swarm/{cluster}/access")["Parameter"]["Value"]
    return dict(json.loads(value))


def test_the_cluster_template_lives_a_whole_life(account: Any) -> None:
    options = {"Capabilities": ["CAPABILITY_NAMED_IAM"], "Tags": [{"Key": "swarm:cluster", "Value": "demo"}]}
    body = CLUSTER_TEMPLATE.read_text()
    assert create(account, body, "cluster", Parameters=parameters(**CLUSTER_PARAMETERS), **options) == "CREATE_COMPLETE"
    roles = sorted(one.tags["swarm:role"] for one in view.instances())
    assert roles == ["manager"] * 3 + ["worker"] * 2
    assert all(one.profile_arn and one.imds_tokens_required for one in view.instances())
    client = account.client("cloudformation")
    with pytest.raises(ClientError, match="No updates are to be performed"):
        client.update_stack(
            StackName="cluster", TemplateBody=body, Parameters=parameters(**CLUSTER_PARAMETERS), **options
        )
    before = physical_ids(account, "cluster")
    said = {"by": "endpoint", "user": "admin", "key": "sent", "endpoint": before["Endpoint"]}
    assert road_to(account, "demo") == said
    changed = {**CLUSTER_PARAMETERS, "WorkerInstanceType": "t3.large", "WorkersDesired": "3", "Access": "inside"}
    client.update_stack(StackName="cluster", TemplateBody=body, Parameters=parameters(**changed), **options)
    assert settle(account, "cluster") == "UPDATE_COMPLETE"
    # Another way to the nodes (A3) takes its own parts away, and replaces nothing else.
    after = physical_ids(account, "cluster")
    gone, new = before.keys() - after.keys(), after.keys() - before.keys()
    assert gone == {"Endpoint", "EndpointSecurityGroup", "NodeSshFromEndpointIngress"}
    assert new == {"AccessSecurityGroup", "NodeSshFromInsideIngress"}
    assert {name: after[name] for name in before.keys() & after.keys()}.items() <= before.items()
    assert road_to(account, "demo") == {**said, "by": "inside", "endpoint": ""}
    assert sorted(one.instance_type for one in view.instances() if one.tags["swarm:role"] == "worker") == [
        "t3.large",
        "t3.medium",
        "t3.medium",
    ]
    client.delete_stack(StackName="cluster")
    account.wait(10)
    with pytest.raises(ClientError, match="does not exist"):
        stack(account, "cluster")
    assert {one.state for one in view.instances()} == {"terminated"}
    vpcs = account.client("ec2").describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["false"]}])["Vpcs"]
    assert vpcs == []


def test_cancelled_update_is_taken_back(held_account: Any) -> None:
    body = """
Parameters: {Size: {Type: Number, Default: 0}}
Resources:
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {ImageId: ami-0deb1a00000000013, InstanceType: t3.small}}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: 0
      MaxSize: 2
      DesiredCapacity: !Ref Size
      AvailabilityZones: !GetAZs ""
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber}
"""
    assert create(held_account, body) == "CREATE_COMPLETE"
    client = held_account.client("cloudformation")
    client.update_stack(StackName="small", UsePreviousTemplate=True, Parameters=parameters(Size="1"))
    held_account.wait(3)
    assert stack(held_account)["StackStatus"] == "UPDATE_IN_PROGRESS"
    client.cancel_update_stack(StackName="small")
    for dummy in range(10):
        held_account.wait(1)
        for one in view.instances():
            done = {"pending": "running", "shutting-down": "terminated"}.get(one.state)
            if done:
                view.set_instance_state(one.id, done)
    assert settle(held_account) == "UPDATE_ROLLBACK_COMPLETE"
    (group,) = held_account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["DesiredCapacity"] == 0
