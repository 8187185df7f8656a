# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudWatch Logs, one function per API call; every function raises :class:`AwsError` when the call fails."""

from __future__ import annotations

import typing as t

from ..errors import api_call

Json = dict[str, t.Any]


@api_call("list the log groups under {prefix}", permission="logs:DescribeLogGroups")
def describe_log_groups(client: t.Any, prefix: str) -> list[Json]:
    """Return every log group whose name begins with *prefix* (``""``: all), as AWS describes it."""
    query = {"logGroupNamePrefix": prefix} if prefix else {}
    pages = client.get_paginator("describe_log_groups").paginate(**query, PaginationConfig={"PageSize": 50})
    return [group for page in pages for group in page["logGroups"]]


@api_call("create the log group {name}", permission="logs:CreateLogGroup")
def create_log_group(client: t.Any, name: str, settings: Json) -> None:
    """Create *name* with *settings*, which may hold ``kmsKeyId``, ``tags`` and ``logGroupClass``."""
    client.create_log_group(logGroupName=name, **settings)


@api_call("delete the log group {name}", permission="logs:DeleteLogGroup", missing=False)
def delete_log_group(client: t.Any, name: str) -> bool:
    """Delete *name* with all its logs; return whether it was there."""
    client.delete_log_group(logGroupName=name)
    return True


@api_call("set the retention of the log group {name}", permission="logs:PutRetentionPolicy")
def put_retention(client: t.Any, name: str, days: int) -> None:
    """Keep the events of *name* for *days*."""
    client.put_retention_policy(logGroupName=name, retentionInDays=days)


@api_call("remove the retention of the log group {name}", permission="logs:DeleteRetentionPolicy")
def delete_retention(client: t.Any, name: str) -> None:
    """Keep the events of *name* for ever."""
    client.delete_retention_policy(logGroupName=name)


@api_call("set the KMS key of the log group {name}", permission="logs:AssociateKmsKey")
def associate_kms_key(client: t.Any, name: str, key: str) -> None:
    """Encrypt what arrives in *name* from now on with *key* (an ARN)."""
    client.associate_kms_key(logGroupName=name, kmsKeyId=key)


@api_call("remove the KMS key of the log group {name}", permission="logs:DisassociateKmsKey")
def disassociate_kms_key(client: t.Any, name: str) -> None:
    """Encrypt what arrives in *name* from now on with the service's own key."""
    client.disassociate_kms_key(logGroupName=name)


@api_call("change the deletion protection of the log group {name}", permission="logs:PutLogGroupDeletionProtection")
def put_deletion_protection(client: t.Any, name: str, enabled: bool) -> None:
    """Let AWS refuse the deletion of *name*, or not."""
    client.put_log_group_deletion_protection(logGroupIdentifier=name, deletionProtectionEnabled=enabled)


@api_call("read the tags of {arn}", permission="logs:ListTagsForResource")
def list_tags(client: t.Any, arn: str) -> dict[str, str]:
    """Return the tags of the log group *arn*."""
    return t.cast("dict[str, str]", client.list_tags_for_resource(resourceArn=arn).get("tags") or {})


@api_call("tag {arn}", permission="logs:TagResource")
def tag(client: t.Any, arn: str, tags: dict[str, str]) -> None:
    """Set *tags* on the log group *arn*; other tags stay."""
    client.tag_resource(resourceArn=arn, tags=tags)


@api_call("remove tags of {arn}", permission="logs:UntagResource")
def untag(client: t.Any, arn: str, keys: list[str]) -> None:
    """Remove the tags *keys* from the log group *arn*."""
    client.untag_resource(resourceArn=arn, tagKeys=keys)


@api_call("list the tags of the log groups", permission="tag:GetResources")
def tags_of_all(client: t.Any, arns: list[str]) -> dict[str, dict[str, str]]:
    """Return the tags of each of *arns* that has any, through the tagging API (a client of it is *client*).

    That index serves 100 resources a call, but may be some seconds behind the truth.
    """
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(arns), 100):
        query: Json = {"ResourceARNList": arns[start : start + 100]}
        while query:
            answer = client.get_resources(**query)
            for item in answer["ResourceTagMappingList"]:
                found[item["ResourceARN"]] = {pair["Key"]: pair["Value"] for pair in item["Tags"]}
            # A list of ARNs is answered in one page by AWS, but in several by its emulators.
            token = answer.get("PaginationToken")
            query = {"PaginationToken": token} if token else {}
    return found


@api_call("list the metric filters of {name}", permission="logs:DescribeMetricFilters")
def describe_metric_filters(client: t.Any, name: str) -> list[Json]:
    """Return every metric filter of the log group *name*."""
    pages = client.get_paginator("describe_metric_filters").paginate(logGroupName=name)
    return [item for page in pages for item in page["metricFilters"]]


@api_call("set a metric filter of {name}", permission="logs:PutMetricFilter")
def put_metric_filter(client: t.Any, name: str, settings: Json) -> None:
    """Make or replace the metric filter ``settings["filterName"]`` of the log group *name*."""
    client.put_metric_filter(logGroupName=name, **settings)


@api_call("delete the metric filter {filter_name} of {name}", permission="logs:DeleteMetricFilter")
def delete_metric_filter(client: t.Any, name: str, filter_name: str) -> None:
    """Delete the metric filter with exactly the name *filter_name*."""
    client.delete_metric_filter(logGroupName=name, filterName=filter_name)


@api_call("list the subscription filters of {name}", permission="logs:DescribeSubscriptionFilters")
def describe_subscription_filters(client: t.Any, name: str) -> list[Json]:
    """Return every subscription filter of the log group *name*."""
    pages = client.get_paginator("describe_subscription_filters").paginate(logGroupName=name)
    return [item for page in pages for item in page["subscriptionFilters"]]


@api_call("set a subscription filter of {name}", permission="logs:PutSubscriptionFilter")
def put_subscription_filter(client: t.Any, name: str, settings: Json) -> None:
    """Make or replace the subscription filter ``settings["filterName"]`` of the log group *name*."""
    client.put_subscription_filter(logGroupName=name, **settings)


@api_call("delete the subscription filter {filter_name} of {name}", permission="logs:DeleteSubscriptionFilter")
def delete_subscription_filter(client: t.Any, name: str, filter_name: str) -> None:
    """Delete the subscription filter with exactly the name *filter_name*."""
    client.delete_subscription_filter(logGroupName=name, filterName=filter_name)


@api_call("read the newest stream of {name}", permission="logs:DescribeLogStreams")
def last_event_time(client: t.Any, name: str) -> int | None:
    """Return when the newest event of *name* happened (milliseconds since 1970), or ``None`` if it has none."""
    answer = client.describe_log_streams(logGroupName=name, orderBy="LastEventTime", descending=True, limit=1)
    for stream in answer["logStreams"]:
        moment = stream.get("lastIngestionTime") or stream.get("lastEventTimestamp")
        return int(moment) if moment else None
    return None
