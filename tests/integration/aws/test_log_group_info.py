# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module log_group_info."""

from __future__ import annotations

import time
import typing as t

import pytest
from moto_region import Region

from ansible_collections.apiary.swarm.plugins.modules import log_group, log_group_info

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def task(region: Region, run_module: Run) -> Run:
    """Run log_group_info in a region with three groups, one of them with an event."""
    run_module(
        log_group, retention=30, groups=[{"name": "/a/one", "tags": {"x": "y"}}, {"name": "/a/two"}, {"name": "/b"}]
    )
    logs = region.client("logs")
    logs.create_log_stream(logGroupName="/a/two", logStreamName="s")
    logs.put_log_events(
        logGroupName="/a/two", logStreamName="s", logEvents=[{"timestamp": int(time.time() * 1000), "message": "x"}]
    )
    region.forget()
    return lambda **options: run_module(log_group_info, **options)


def test_by_prefix(region: Region, task: Run) -> None:
    """Everything under a prefix, with tags, in two calls."""
    result = task(prefix="/a/")
    assert [group["log_group_name"] for group in result["log_groups"]] == ["/a/one", "/a/two"]
    assert [group["tags"] for group in result["log_groups"]] == [{"x": "y"}, {}]
    assert result["log_groups"][0]["retention_in_days"] == 30
    assert region.actions() == ["DescribeLogGroups", "GetResources"]


def test_by_name_with_events(region: Region, task: Run) -> None:
    """Named groups, those that are missing left out."""
    result = task(names=["/b", "/a/two", "/none"], tags=False, last_event=True)
    times = {group["log_group_name"]: group["last_event_time"] for group in result["log_groups"]}
    assert set(times) == {"/a/two", "/b"}
    assert times["/b"] is None
    assert times["/a/two"] > 0
    assert "GetResources" not in region.actions()


def test_one_of_names_and_prefix(region: Region, task: Run) -> None:
    """It must be said which groups."""
    assert task()["failed"] is True
    assert task(names=["/a"], prefix="/a")["failed"] is True
