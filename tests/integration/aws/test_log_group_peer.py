# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Four defects of amazon.aws.cloudwatchlogs_log_group and its metric filter module that log_group does not have."""

from __future__ import annotations

import time
import typing as t

import pytest
from moto_region import Region

from ansible_collections.apiary.swarm.plugins.modules import log_group

NAME = "/swarm/demo/shop/gate"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def task(region: Region, run_module: Run) -> Run:
    """Run log_group in a region where the group exists, with logs, retention 14 and metric filters err and errors."""
    logs = region.client("logs")
    logs.create_log_group(logGroupName=NAME)
    logs.put_retention_policy(logGroupName=NAME, retentionInDays=14)
    logs.create_log_stream(logGroupName=NAME, logStreamName="s")
    logs.put_log_events(
        logGroupName=NAME, logStreamName="s", logEvents=[{"timestamp": int(time.time() * 1000), "message": "precious"}]
    )
    for name in ("err", "errors"):
        logs.put_metric_filter(
            logGroupName=NAME, filterName=name, filterPattern=name, metricTransformations=[metric(name)["api"]]
        )
    region.forget()
    return lambda **options: run_module(log_group, **{"name": NAME, **options})


def metric(name: str) -> dict[str, t.Any]:
    """Return a metric transformation as the API and as the module takes it."""
    return {
        "api": {"metricName": name, "metricNamespace": "shop", "metricValue": "1"},
        "module": {"metric_name": name, "metric_namespace": "shop"},
    }


def messages(region: Region) -> list[str]:
    """Return the messages in the group's stream."""
    events = region.client("logs").get_log_events(logGroupName=NAME, logStreamName="s", startFromHead=True)["events"]
    return [event["message"] for event in events]


@pytest.mark.parametrize("retention", [1096, 2192, 2557, 2922, 3288, 1000])
def test_1_a_group_is_never_deleted_for_its_retention(region: Region, task: Run, retention: int) -> None:
    """The peer deletes an existing group with all its logs when the retention is not on its own, stale list."""
    result = task(retention=retention)
    assert result.get("failed", False) is (retention == 1000)
    assert messages(region) == ["precious"]
    assert "DeleteLogGroup" not in region.actions()


def test_2_check_mode_writes_nothing(region: Region, task: Run) -> None:
    """The peer changes the retention in check mode."""
    assert task(retention=30, check=True)["changed"] is True
    assert region.writes() == []
    (group,) = region.client("logs").describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 14


def test_3_the_kms_key_of_an_existing_group_is_set(region: Region, task: Run) -> None:
    """The peer reports ok and leaves the group unencrypted."""
    assert task(kms_key_id=KEY)["changed"] is True
    (group,) = region.client("logs").describe_log_groups()["logGroups"]
    assert group["kmsKeyId"] == KEY
    assert task(kms_key_id=KEY)["changed"] is False


def test_4_metric_filters_go_by_their_exact_names(region: Region, task: Run) -> None:
    """The peer's filter err is never idempotent and cannot be removed beside a filter errors."""
    same = [{"filter_name": "err", "filter_pattern": "err", "metric_transformations": [metric("err")["module"]]}]
    assert task(metric_filters=same)["changed"] is False
    only = [
        {
            **same[0],
            "filter_name": "errors",
            "filter_pattern": "errors",
            "metric_transformations": [metric("errors")["module"]],
        }
    ]
    assert task(metric_filters=only, purge_metric_filters=True)["changed"] is True
    left = region.client("logs").describe_metric_filters(logGroupName=NAME)["metricFilters"]
    assert [item["filterName"] for item in left] == ["errors"]
