# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch Logs and CloudWatch."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from region import emulator


def group(account: Any, name: str) -> dict[str, Any]:
    """One log group as it is described."""
    found = account.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next(one for one in found if one["logGroupName"] == name)


def key(account: Any, region: str | None = None) -> str:
    """The ARN of a new KMS key."""
    return str(account.client("kms", region=region).create_key()["KeyMetadata"]["Arn"])


def put_filter(account: Any, name: str, pattern: str) -> None:
    """Put a metric filter on group /app."""
    account.client("logs").put_metric_filter(
        logGroupName="/app",
        filterName=name,
        filterPattern=pattern,
        metricTransformations=[{"metricName": "errors", "metricNamespace": "app", "metricValue": "1"}],
    )


def test_key_is_set_changed_and_removed(account: Any) -> None:
    logs, first, second = account.client("logs"), key(account), key(account)
    logs.create_log_group(logGroupName="/app", kmsKeyId=first)
    assert group(account, "/app")["kmsKeyId"] == first
    logs.associate_kms_key(logGroupName="/app", kmsKeyId=second)
    assert group(account, "/app")["kmsKeyId"] == second
    logs.disassociate_kms_key(logGroupName="/app")
    assert "kmsKeyId" not in group(account, "/app")


def test_key_of_another_region_is_refused(account: Any) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        account.client("logs").create_log_group(logGroupName="/app", kmsKeyId=key(account, "eu-west-1"))
    assert account.client("logs").describe_log_groups()["logGroups"] == []


def test_protected_group_is_not_deleted(account: Any) -> None:
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/app", deletionProtectionEnabled=True)
    assert group(account, "/app")["deletionProtectionEnabled"] is True
    with pytest.raises(ClientError, match="deletion protection"):
        logs.delete_log_group(logGroupName="/app")
    logs.put_log_group_deletion_protection(logGroupIdentifier="/app", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="/app")
    assert logs.describe_log_groups()["logGroups"] == []


def test_filters_of_descriptions(account: Any) -> None:
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/swarm/a", logGroupClass="INFREQUENT_ACCESS")
    logs.create_log_group(logGroupName="/swarm/b")
    assert len(logs.describe_log_groups(logGroupNamePattern="WARM")["logGroups"]) == 2
    (one,) = logs.describe_log_groups(logGroupClass="INFREQUENT_ACCESS")["logGroups"]
    assert one["logGroupName"] == "/swarm/a"
    (one,) = logs.describe_log_groups(logGroupIdentifiers=["/swarm/b"])["logGroups"]
    assert one["logGroupName"] == "/swarm/b"
    assert len(logs.get_paginator("describe_log_groups").paginate(limit=1).build_full_result()["logGroups"]) == 2


def test_metric_filters_replace_each_other_by_exact_name(account: Any) -> None:
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/app")
    put_filter(account, "err", "ERROR")
    put_filter(account, "errors", "ERROR")
    put_filter(account, "err", "FATAL")
    found = logs.describe_metric_filters(logGroupName="/app")["metricFilters"]
    assert sorted((one["filterName"], one["filterPattern"]) for one in found) == [("err", "FATAL"), ("errors", "ERROR")]
    assert group(account, "/app")["metricFilterCount"] == 2
    logs.delete_metric_filter(logGroupName="/app", filterName="err")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.delete_metric_filter(logGroupName="/app", filterName="err")


def test_metric_filter_emits(account: Any) -> None:
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="one")
    put_filter(account, "err", "ERROR")
    now = int(time.time() * 1000)
    logs.put_log_events(
        logGroupName="/app",
        logStreamName="one",
        logEvents=[{"timestamp": now, "message": text} for text in ("ERROR a", "fine", "ERROR b")],
    )
    answer = account.client("cloudwatch").get_metric_statistics(
        Namespace="app",
        MetricName="errors",
        StartTime=account.clock.now - 60,
        EndTime=account.clock.now + 60,
        Period=60,
        Statistics=["Sum"],
    )
    assert sum(one["Sum"] for one in answer["Datapoints"]) == 2


def test_tags_go_with_their_group(account: Any) -> None:
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/app", tags={"team": "a"})
    arn = group(account, "/app")["logGroupArn"]
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "a"}
    logs.delete_log_group(logGroupName="/app")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.tag_resource(resourceArn=arn, tags={"team": "b"})
    logs.create_log_group(logGroupName="/app")
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {}


def alarm(account: Any, name: str = "high") -> str:
    """An alarm's state."""
    return str(account.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])


def scaling_on_cpu(account: Any, group_options: dict[str, int], policy: dict[str, Any], alarm: dict[str, Any]) -> None:
    """Make group web, and a policy that acts while the alarm on its instances' CPU lasts."""
    ec2, scaling, cloudwatch = (account.client(one) for one in ("ec2", "autoscaling", "cloudwatch"))
    data = {"ImageId": "ami-0deb1a00000000013", "InstanceType": "t3.small"}
    ec2.create_launch_template(LaunchTemplateName="node", LaunchTemplateData=data)
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        VPCZoneIdentifier=ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        LaunchTemplate={"LaunchTemplateName": "node"},
        **group_options,
    )
    account.wait(2)
    arn = scaling.put_scaling_policy(AutoScalingGroupName="web", AdjustmentType="ChangeInCapacity", **policy)
    cloudwatch.put_metric_alarm(
        Namespace="AWS/EC2",
        MetricName="CPUUtilization",
        Dimensions=[{"Name": "AutoScalingGroupName", "Value": "web"}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        AlarmActions=[arn["PolicyARN"]],
        **alarm,
    )


def desired(account: Any) -> int:
    """How many instances group web should have."""
    return int(account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]["DesiredCapacity"])


def instances(account: Any) -> list[str]:
    """Ids of the instances of all groups."""
    found = account.client("autoscaling").describe_auto_scaling_instances()["AutoScalingInstances"]
    return [one["InstanceId"] for one in found]


def test_alarm_follows_its_metric_and_scales(account: Any) -> None:
    steps = [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 15, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 15, "ScalingAdjustment": 2},
    ]
    scaling_on_cpu(
        account,
        {"MinSize": 1, "MaxSize": 5},
        {"PolicyName": "out", "PolicyType": "StepScaling", "EstimatedInstanceWarmup": 30, "StepAdjustments": steps},
        {"AlarmName": "high", "Threshold": 80, "ComparisonOperator": "GreaterThanThreshold"},
    )
    account.wait(10)
    assert alarm(account) == "INSUFFICIENT_DATA"
    (instance_id,) = instances(account)
    for dummy in range(3):
        emulator.cloudwatch.put_cpu(instance_id, 40.0)
        account.wait(60)
    assert alarm(account) == "OK"
    for dummy in range(3):
        emulator.cloudwatch.put_cpu(instance_id, 99.0)
        account.wait(60)
    assert alarm(account) == "ALARM"
    assert desired(account) in (3, 5)


def test_scale_in_waits_for_its_cooldown_while_the_alarm_lasts(account: Any) -> None:
    scaling_on_cpu(
        account,
        {"MinSize": 1, "MaxSize": 6, "DesiredCapacity": 6},
        {"PolicyName": "in", "PolicyType": "SimpleScaling", "ScalingAdjustment": -1, "Cooldown": 300},
        {"AlarmName": "low", "Threshold": 5, "ComparisonOperator": "LessThanThreshold"},
    )
    for dummy in range(10):  # ten idle minutes are two cooldowns
        for instance_id in instances(account):
            emulator.cloudwatch.put_cpu(instance_id, 1.0)
        account.wait(60)
    assert alarm(account, "low") == "ALARM"
    assert desired(account) == 4


def test_alarm_set_by_hand_acts(account: Any) -> None:
    sns, sqs, cloudwatch = (account.client(one) for one in ("sns", "sqs", "cloudwatch"))
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:alarms")
    cloudwatch.put_metric_alarm(
        AlarmName="high",
        Namespace="app",
        MetricName="errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    cloudwatch.set_alarm_state(AlarmName="high", StateValue="ALARM", StateReason="test")
    assert len(sqs.receive_message(QueueUrl=queue)["Messages"]) == 1
