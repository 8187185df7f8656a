# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch Logs: keys, classes, protection, metric filters that replace each other and emit, tags that die."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from moto.kms.models import kms_backends
from moto.logs.models import LogGroup, LogsBackend, logs_backends
from moto.logs.responses import LogsResponse
from moto.logs.utils import EventMessageFilter

from region.emulator import client
from region.emulator.errors import AwsError
from region.emulator.patching import Patches

CLASSES = ("STANDARD", "INFREQUENT_ACCESS", "DELIVERY")
MAX_FILTERS = 100


def _group(response: Any, name: str | None) -> Any:
    """Return a group by name or ARN.

    :raises AwsError: there is none.
    """
    if name and name.startswith("arn:"):
        name = name.split(":log-group:", 1)[-1].removesuffix(":*")
    group = response.logs_backend.groups.get(name)
    if group is None:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    return group


def _usable_key(response: Any, key: str) -> str:
    """Return a KMS key's ARN.

    :raises AwsError: Logs cannot use it: it is in another region, or there is none.
    """
    parts = key.split(":")
    keys = kms_backends[response.current_account][response.region].keys
    if len(parts) > 5 and parts[3] == response.region and parts[5].removeprefix("key/") in keys:
        return key
    raise AwsError(
        "InvalidParameterException", "The specified KMS key does not exist or is not allowed to be used with LogGroup"
    )


patches = Patches()


@patches.wrap(LogsResponse, "create_log_group")
def create_log_group(original: Any, self: Any) -> Any:
    """AWS keeps class and deletion protection and checks the key; moto does none of it."""
    kind = self._get_param("logGroupClass") or "STANDARD"
    if kind not in CLASSES:
        raise AwsError("InvalidParameterException", f"Value '{kind}' at 'logGroupClass' is not valid.")
    key = self._get_param("kmsKeyId")
    if key:
        _usable_key(self, key)
    answer = original(self)
    group = _group(self, self._get_param("logGroupName"))
    group.group_class = kind
    group.protected = bool(self._get_param("deletionProtectionEnabled"))
    return answer


@patches.wrap(LogGroup, "to_describe_dict")
def to_describe_dict(original: Any, self: Any) -> dict[str, Any]:
    """AWS tells class, protection and how many metric filters there are; moto does not."""
    described: dict[str, Any] = original(self)
    filters = logs_backends[self.account_id][self.region].filters.metric_filters
    described["logGroupClass"] = getattr(self, "group_class", "STANDARD")
    described["metricFilterCount"] = sum(1 for one in filters if one["logGroupName"] == self.name)
    if getattr(self, "protected", False):
        described["deletionProtectionEnabled"] = True
    return described


@patches.wrap(LogsResponse, "describe_log_groups")
def describe_log_groups(original: Any, self: Any) -> str:
    """AWS filters by pattern, class and identifiers too; moto by prefix only."""
    prefix, pattern = self._get_param("logGroupNamePrefix"), self._get_param("logGroupNamePattern")
    if prefix and pattern:
        message = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        raise AwsError("InvalidParameterException", message)
    kind, identifiers = self._get_param("logGroupClass"), self._get_param("logGroupIdentifiers")
    names = [one.split(":log-group:", 1)[-1].removesuffix(":*") for one in identifiers or []]
    limit = int(self._get_param("limit") or 50)
    if limit > 50:
        raise AwsError("InvalidParameterException", f"Value '{limit}' at 'limit' failed to satisfy constraint")
    found = [
        one.to_describe_dict()
        for name, one in sorted(self.logs_backend.groups.items())
        if (not prefix or name.startswith(prefix))
        and (not pattern or fnmatch.fnmatchcase(name.lower(), f"*{pattern.lower()}*"))
        and (not names or name in names)
        and (not kind or getattr(one, "group_class", "STANDARD") == kind)
    ]
    start = int(self._get_param("nextToken") or 0)
    answer: dict[str, Any] = {"logGroups": found[start : start + limit]}
    if start + limit < len(found):
        answer["nextToken"] = str(start + limit)
    return json.dumps(answer)


@patches.wrap(LogsBackend, "delete_log_group")
def delete_log_group(original: Any, self: Any, log_group_name: str) -> None:
    """AWS refuses to delete a protected group; with a group its tags and filters go, in moto they stay."""
    group = self.groups.get(log_group_name)
    if group is not None and getattr(group, "protected", False):
        message = f"Log group {log_group_name} has deletion protection enabled and cannot be deleted."
        raise AwsError("ValidationException", message)
    original(self, log_group_name)
    self.tagger.delete_all_tags_for_resource(group.arn)
    self.filters.metric_filters = [one for one in self.filters.metric_filters if one["logGroupName"] != log_group_name]


@patches.define(LogsResponse)
def put_log_group_deletion_protection(self: Any) -> Any:
    """Absent from moto."""
    _group(self, self._get_param("logGroupIdentifier")).protected = bool(self._get_param("deletionProtectionEnabled"))
    return "{}"


@patches.define(LogsResponse)
def associate_kms_key(self: Any) -> Any:
    """Absent from moto."""
    key = _usable_key(self, self._get_param("kmsKeyId"))
    _group(self, self._get_param("logGroupName") or self._get_param("resourceIdentifier")).kms_key_id = key
    return "{}"


@patches.define(LogsResponse)
def disassociate_kms_key(self: Any) -> Any:
    """Absent from moto."""
    _group(self, self._get_param("logGroupName") or self._get_param("resourceIdentifier")).kms_key_id = None
    return "{}"


@patches.wrap(LogsBackend, "put_metric_filter")
def put_metric_filter(
    original: Any, self: Any, filter_name: str, filter_pattern: str, log_group_name: str, transformations: Any
) -> None:
    """AWS replaces the filter of that name and wants the group to be there; moto piles filters up."""
    if log_group_name not in self.groups:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    self.filters.delete_filter(filter_name, log_group_name)
    own = [one for one in self.filters.metric_filters if one["logGroupName"] == log_group_name]
    if len(own) >= MAX_FILTERS:
        raise AwsError("LimitExceededException", "Resource limit exceeded.")
    original(self, filter_name, filter_pattern, log_group_name, transformations)


@patches.wrap(LogsBackend, "delete_metric_filter")
def delete_metric_filter(original: Any, self: Any, filter_name: str, log_group_name: str | None = None) -> Any:
    """AWS refuses a filter that is not there; moto says nothing."""
    known = [(one["filterName"], one["logGroupName"]) for one in self.filters.metric_filters]
    if (filter_name, log_group_name) not in known:
        raise AwsError("ResourceNotFoundException", "The specified metric filter does not exist.")
    return original(self, filter_name, log_group_name)


@patches.wrap(LogGroup, "put_subscription_filter")
def put_subscription_filter(original: Any, self: Any, filter_name: str, *args: Any, **kwargs: Any) -> None:
    """moto counts the two allowed filters before it looks whether this is one of them."""
    known = self.subscription_filters.pop(filter_name, None)
    try:
        original(self, filter_name, *args, **kwargs)
    except Exception:
        if known is not None:
            self.subscription_filters[filter_name] = known
        raise


@patches.wrap(LogGroup, "put_log_events")
def put_log_events(original: Any, self: Any, log_stream_name: str, log_events: list[dict[str, Any]]) -> Any:
    """AWS feeds metric filters with each event; in moto they emit nothing."""
    answer = original(self, log_stream_name, log_events)
    filters = logs_backends[self.account_id][self.region].filters.metric_filters
    for one in filters:
        if one["logGroupName"] == self.name:
            _emit(self, one, log_events)
    return answer


@patches.wrap(LogsResponse, "list_tags_for_resource")
def list_tags_for_resource(original: Any, self: Any) -> Any:
    """AWS refuses a log group that is not there."""
    return _for_existing(original, self)


@patches.wrap(LogsResponse, "tag_resource")
def tag_resource(original: Any, self: Any) -> Any:
    """AWS refuses a log group that is not there."""
    return _for_existing(original, self)


@patches.wrap(LogsResponse, "untag_resource")
def untag_resource(original: Any, self: Any) -> Any:
    """AWS refuses a log group that is not there."""
    return _for_existing(original, self)


def install() -> None:
    """Patch moto's Logs."""
    patches.install()


def _for_existing(original: Any, response: Any) -> Any:
    """AWS refuses tags for a group that is not there; moto keeps them, and a later group of that name has them."""
    arn = response._get_param("resourceArn")
    if ":log-group:" in arn:
        _group(response, arn)
    return original(response)


def _emit(group: Any, metric_filter: dict[str, Any], events: list[dict[str, Any]]) -> None:
    pattern = metric_filter["filterPattern"]
    matcher = EventMessageFilter(pattern) if pattern else None
    hits = sum(1 for event in events if matcher is None or matcher.matches(event["message"]))
    for transformation in metric_filter["metricTransformations"]:
        value = str(transformation["metricValue"])
        if not hits or value.startswith("$"):
            continue
        datum = {"MetricName": transformation["metricName"], "Values": [float(value)], "Counts": [float(hits)]}
        client.for_service("cloudwatch", "logs", group.region).put_metric_data(
            Namespace=transformation["metricNamespace"], MetricData=[datum]
        )
