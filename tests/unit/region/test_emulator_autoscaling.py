# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Auto Scaling groups: capacity, zones, hooks, health, refreshes, policies."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from region import emulator
from region.emulator import view
from region.machines import metadata

DEBIAN = "ami-0deb1a00000000013"
LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"


def make(account: Any, **options: Any) -> Any:
    """Make a launch template, three subnets and group "web" over them; return the client."""
    ec2, client = account.client("ec2"), account.client("autoscaling")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{index}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for index, zone in enumerate("abc")
    ]
    data = {"ImageId": DEBIAN, "InstanceType": "t3.small"}
    ec2.create_launch_template(LaunchTemplateName="node", LaunchTemplateData=data)
    client.create_auto_scaling_group(
        **{
            "AutoScalingGroupName": "web",
            "MinSize": 0,
            "MaxSize": 6,
            "DesiredCapacity": 3,
            "VPCZoneIdentifier": ",".join(subnets),
            "LaunchTemplate": {"LaunchTemplateName": "node", "Version": "$Latest"},
            **options,
        }
    )
    emulator.tick(account.clock.now)
    return client


def group(account: Any) -> dict[str, Any]:
    """The group as it is described."""
    answer = account.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["web"])
    found: dict[str, Any] = answer["AutoScalingGroups"][0]
    return found


def states(account: Any) -> list[str]:
    """The lifecycle states of the group's instances."""
    return sorted(one["LifecycleState"] for one in group(account)["Instances"])


def ids(account: Any) -> list[str]:
    """The group's instances."""
    return [one["InstanceId"] for one in group(account)["Instances"]]


def test_instances_spread_over_zones(account: Any) -> None:
    make(account, Tags=[{"Key": "swarm:role", "Value": "worker", "PropagateAtLaunch": True}])
    account.wait(2)
    assert states(account) == ["InService"] * 3
    assert {one.az for one in view.instances()} == {"us-east-1a", "us-east-1b", "us-east-1c"}
    for one in view.instances():
        assert one.tags["aws:autoscaling:groupName"] == "web"
        assert one.tags["swarm:role"] == "worker"


def test_capacity_follows_the_machines(held_account: Any) -> None:
    make(held_account, DesiredCapacity=1)
    assert states(held_account) == ["Pending"]
    view.set_instance_state(ids(held_account)[0], "running")
    emulator.tick(held_account.clock.now)
    assert states(held_account) == ["InService"]


def test_scaling_in_takes_from_the_fullest_zone(account: Any) -> None:
    client = make(account, DesiredCapacity=4)
    account.wait(2)
    client.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    account.wait(3)
    assert len(ids(account)) == 3
    assert {one["AvailabilityZone"] for one in group(account)["Instances"]} == {
        "us-east-1a",
        "us-east-1b",
        "us-east-1c",
    }


def test_hooks_hold_until_completed(account: Any) -> None:
    hooks = [
        {
            "LifecycleHookName": "join",
            "LifecycleTransition": LAUNCHING,
            "HeartbeatTimeout": 60,
            "DefaultResult": "ABANDON",
        },
        {
            "LifecycleHookName": "drain",
            "LifecycleTransition": TERMINATING,
            "HeartbeatTimeout": 60,
            "DefaultResult": "CONTINUE",
        },
    ]
    client = make(account, DesiredCapacity=1, LifecycleHookSpecificationList=hooks)
    account.wait(50)
    assert states(account) == ["Pending:Wait"]
    (instance_id,) = ids(account)
    action = {"AutoScalingGroupName": "web", "InstanceId": instance_id}
    client.record_lifecycle_action_heartbeat(LifecycleHookName="join", **action)
    account.wait(50)
    assert states(account) == ["Pending:Wait"]
    client.complete_lifecycle_action(LifecycleHookName="join", LifecycleActionResult="CONTINUE", **action)
    account.wait(1)
    assert states(account) == ["InService"]
    with pytest.raises(ClientError, match="No active Lifecycle Action found"):
        client.complete_lifecycle_action(LifecycleHookName="join", LifecycleActionResult="CONTINUE", **action)
    client.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=0)
    account.wait(10)
    assert states(account) == ["Terminating:Wait"]
    assert view.instances()[0].state == "running"
    client.complete_lifecycle_action(LifecycleHookName="drain", LifecycleActionResult="CONTINUE", **action)
    account.wait(3)
    assert states(account) == []
    assert view.instances()[0].state == "terminated"


def test_an_instance_reads_where_it_is_going(account: Any) -> None:
    def read() -> Any:
        (one,) = view.instances()
        return metadata.tree(one)["meta-data"]["autoscaling"]  # type: ignore[index,call-overload]

    hook = {"LifecycleHookName": "drain", "LifecycleTransition": TERMINATING, "HeartbeatTimeout": 60}
    client = make(account, DesiredCapacity=1, LifecycleHookSpecificationList=[hook])
    assert read() == {"target-lifecycle-state": "InService"}
    client.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=0)
    account.wait(10)
    assert states(account) == ["Terminating:Wait"]
    assert read() == {"target-lifecycle-state": "Terminated"}


def test_a_launch_that_nobody_confirms_is_abandoned(account: Any) -> None:
    hook = {"LifecycleHookName": "join", "LifecycleTransition": LAUNCHING, "HeartbeatTimeout": 30}
    client = make(account, DesiredCapacity=1, LifecycleHookSpecificationList=[hook])
    account.wait(2)
    first = ids(account)
    account.wait(40)
    assert ids(account) != first
    assert states(account) == ["Pending:Wait"]
    statuses = [
        one["StatusCode"] for one in client.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    ]
    assert "Cancelled" in statuses


def test_terminated_instance_is_replaced(account: Any) -> None:
    make(account, DesiredCapacity=1)
    account.wait(2)
    first = ids(account)
    account.client("ec2").terminate_instances(InstanceIds=first)
    account.wait(3)
    assert states(account) == ["InService"]
    assert ids(account) != first


def test_unhealthy_instance_is_replaced_unless_suspended(account: Any) -> None:
    client = make(account, DesiredCapacity=1)
    account.wait(2)
    first = ids(account)
    client.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["ReplaceUnhealthy"])
    client.set_instance_health(InstanceId=first[0], HealthStatus="Unhealthy")
    account.wait(3)
    assert ids(account) == first
    client.resume_processes(AutoScalingGroupName="web")
    account.wait(4)
    assert states(account) == ["InService"]
    assert ids(account) != first


def test_protected_instances_are_not_scaled_in(account: Any) -> None:
    client = make(account, NewInstancesProtectedFromScaleIn=True)
    account.wait(2)
    client.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    account.wait(3)
    assert len(ids(account)) == 3
    client.set_instance_protection(AutoScalingGroupName="web", InstanceIds=ids(account)[:1], ProtectedFromScaleIn=False)
    account.wait(3)
    assert len(ids(account)) == 2


def test_failed_launch_is_told(account: Any) -> None:
    client = make(account, DesiredCapacity=0)
    account.client("ec2").create_launch_template_version(
        LaunchTemplateName="node", LaunchTemplateData={"ImageId": "ami-0123456789abcdef0", "InstanceType": "t3.small"}
    )
    client.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    account.wait(2)
    activity = client.describe_scaling_activities(AutoScalingGroupName="web")["Activities"][0]
    assert activity["StatusCode"] == "Failed"
    assert "ami-0123456789abcdef0" in activity["StatusMessage"]


def new_version(account: Any) -> None:
    """Add a second version to the template."""
    account.client("ec2").create_launch_template_version(
        LaunchTemplateName="node", SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.medium"}
    )


def test_refresh_replaces_in_turn(account: Any) -> None:
    client = make(account)
    account.wait(2)
    first = set(ids(account))
    new_version(account)
    started = client.start_instance_refresh(
        AutoScalingGroupName="web", Preferences={"MinHealthyPercentage": 60, "InstanceWarmup": 5}
    )
    fewest, percentages = 3, set()
    for dummy in range(60):
        account.wait(1)
        fewest = min(fewest, states(account).count("InService"))
        (refresh,) = client.describe_instance_refreshes(AutoScalingGroupName="web")["InstanceRefreshes"]
        percentages.add(refresh["PercentageComplete"])
        if refresh["Status"] == "Successful":
            break
    assert refresh["Status"] == "Successful"
    assert refresh["InstanceRefreshId"] == started["InstanceRefreshId"]
    assert fewest == 2
    assert percentages >= {0, 33, 66, 100}
    assert not first & set(ids(account))
    assert {one["InstanceType"] for one in group(account)["Instances"]} == {"t3.medium"}


def test_refresh_that_launches_first_never_falls_below(account: Any) -> None:
    client = make(account, DesiredCapacity=2)
    account.wait(2)
    first = set(ids(account))
    client.start_instance_refresh(
        AutoScalingGroupName="web",
        Preferences={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150, "InstanceWarmup": 3},
    )
    most = 0
    for dummy in range(60):
        account.wait(1)
        assert states(account).count("InService") >= 2
        most = max(most, sum(1 for one in states(account) if not one.startswith("Terminating")))
        if (
            client.describe_instance_refreshes(AutoScalingGroupName="web")["InstanceRefreshes"][0]["Status"]
            == "Successful"
        ):
            break
    assert most == 3
    account.wait(3)
    assert len(ids(account)) == 2
    assert not first & set(ids(account))


def test_refresh_to_a_version_rolls_back(account: Any) -> None:
    client = make(account, DesiredCapacity=2, LaunchTemplate={"LaunchTemplateName": "node", "Version": "1"})
    account.wait(2)
    new_version(account)
    client.start_instance_refresh(
        AutoScalingGroupName="web",
        DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateName": "node", "Version": "2"}},
        Preferences={"InstanceWarmup": 2, "SkipMatching": True},
    )
    account.wait(4)
    assert "2" in {one["LaunchTemplate"]["Version"] for one in group(account)["Instances"]}
    client.rollback_instance_refresh(AutoScalingGroupName="web")
    account.wait(30)
    assert (
        client.describe_instance_refreshes(AutoScalingGroupName="web")["InstanceRefreshes"][0]["Status"]
        == "RollbackSuccessful"
    )
    assert {one["LaunchTemplate"]["Version"] for one in group(account)["Instances"]} == {"1"}
    assert group(account)["LaunchTemplate"]["Version"] == "1"


def test_one_refresh_at_a_time(account: Any) -> None:
    client = make(account)
    client.start_instance_refresh(AutoScalingGroupName="web")
    with pytest.raises(ClientError, match="InstanceRefreshInProgress"):
        client.start_instance_refresh(AutoScalingGroupName="web")
    client.cancel_instance_refresh(AutoScalingGroupName="web")
    with pytest.raises(ClientError, match="ActiveInstanceRefreshNotFound"):
        client.cancel_instance_refresh(AutoScalingGroupName="web")


def test_policies(account: Any) -> None:
    client = make(account, DesiredCapacity=2)
    put = client.put_scaling_policy(
        AutoScalingGroupName="web", PolicyName="out", AdjustmentType="PercentChangeInCapacity", ScalingAdjustment=50
    )
    assert put["PolicyARN"].endswith("policyName/out")
    client.execute_policy(AutoScalingGroupName="web", PolicyName="out")
    assert group(account)["DesiredCapacity"] == 3
    steps = [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 2},
    ]
    client.put_scaling_policy(
        AutoScalingGroupName="web",
        PolicyName="step",
        PolicyType="StepScaling",
        AdjustmentType="ChangeInCapacity",
        StepAdjustments=steps,
    )
    client.execute_policy(AutoScalingGroupName="web", PolicyName="step", MetricValue=75, BreachThreshold=60)
    assert group(account)["DesiredCapacity"] == 5


def test_group_with_instances_is_not_deleted_by_accident(account: Any) -> None:
    client = make(account)
    account.wait(2)
    with pytest.raises(ClientError, match="ResourceInUse"):
        client.delete_auto_scaling_group(AutoScalingGroupName="web")
    client.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    assert group(account)["Status"] == "Delete in progress"
    account.wait(3)
    assert client.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert {one.state for one in view.instances()} == {"terminated"}


def test_changes_reach_only_new_instances(account: Any) -> None:
    client = make(account, DesiredCapacity=1)
    account.wait(2)
    new_version(account)
    client.create_or_update_tags(
        Tags=[
            {
                "ResourceId": "web",
                "ResourceType": "auto-scaling-group",
                "Key": "late",
                "Value": "1",
                "PropagateAtLaunch": True,
            }
        ]
    )
    client.update_auto_scaling_group(AutoScalingGroupName="web", DesiredCapacity=2)
    account.wait(2)
    assert sorted(one["InstanceType"] for one in group(account)["Instances"]) == ["t3.medium", "t3.small"]
    assert sorted("late" in one.tags for one in view.instances()) == [False, True]


def test_what_is_not_emulated_says_so(account: Any) -> None:
    with pytest.raises(ClientError, match=r"NotEmulated.*autoscaling.PutWarmPool") as caught:
        make(account).put_warm_pool(AutoScalingGroupName="web")
    assert caught.value.response["Error"]["Code"] == "NotEmulated"


def test_target_group_follows_the_members(account: Any) -> None:
    elb, ec2 = account.client("elbv2"), account.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    arn = elb.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
    client = make(account, DesiredCapacity=2, TargetGroupARNs=[arn])
    account.wait(2)

    def targets() -> set[str]:
        found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {one["Target"]["Id"] for one in found if one["TargetHealth"]["State"] != "draining"}

    assert targets() == set(ids(account))
    client.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    account.wait(4)
    assert targets() == set(ids(account))
    assert len(targets()) == 1
