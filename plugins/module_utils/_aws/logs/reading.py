# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading many log groups with few calls."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..errors import AwsError
from ..reconcile import Outcome, tag_changes
from ..threads import in_threads
from . import api as logs
from .groups import LogGroup, WantedLogGroup


def common_prefixes(names: t.Iterable[str]) -> list[str]:
    """Return few prefixes that cover all *names* without covering a whole account.

    Names are taken together by their first two path segments: ``/swarm/demo/shop/gate`` and ``/swarm/demo/edge``
    are covered by ``/swarm/demo/``.
    """
    together: dict[str, list[str]] = {}
    for name in names:
        segments = name.split("/")
        key = "/".join(segments[:3]) if len(segments) > 3 else name
        together.setdefault(key, []).append(name)
    return sorted(_shared_start(group) for group in together.values())


def _shared_start(names: t.Sequence[str]) -> str:
    """Return the longest text that all *names* begin with; of the first and the last in order, all others share it."""
    first, last = min(names), max(names)
    length = next((index for index, pair in enumerate(zip(first, last)) if pair[0] != pair[1]), len(first))
    return first[:length]


def read_groups(client: t.Any, names: t.Collection[str]) -> dict[str, LogGroup]:
    """Return the existing ones of the log groups *names*, without tags and filters."""
    pages = in_threads(lambda prefix: logs.describe_log_groups(client, prefix), common_prefixes(names))
    groups = (LogGroup.from_api(item) for page in pages for item in page)
    wanted = set(names)
    return {group.name: group for group in groups if group.name in wanted}


def with_tags(client: t.Any, tagging: t.Any, groups: t.Mapping[str, LogGroup]) -> dict[str, LogGroup]:
    """Return *groups* with their tags, read through the tagging index when the caller may, else one by one.

    :param tagging: a client of ``resourcegroupstaggingapi``.
    """
    arns = [group.arn for group in groups.values()]
    try:
        found = logs.tags_of_all(tagging, arns) if arns else {}
    except AwsError:
        # No permission for the index, or a region without it: the calls of the Logs API always work.
        found = dict(zip(arns, in_threads(lambda arn: logs.list_tags(client, arn), arns)))
    return {name: replace(group, tags=found.get(group.arn, {})) for name, group in groups.items()}


def confirm_tags(
    client: t.Any, groups: t.Mapping[str, LogGroup], wanted: t.Iterable[WantedLogGroup]
) -> dict[str, LogGroup]:
    """Return *groups*, where those whose tags seem to differ from the *wanted* ones have them read again.

    The tagging index may be behind by some seconds; a second run right after the first must not write again.
    """
    doubtful = [
        groups[item.name]
        for item in wanted
        if item.name in groups and any(tag_changes(item.tags, item.purge_tags, groups[item.name].tags))
    ]
    found = in_threads(lambda group: logs.list_tags(client, group.arn), doubtful)
    confirmed = dict(groups)
    for group, tags in zip(doubtful, found):
        confirmed[group.name] = replace(group, tags=tags)
    return confirmed


def with_filters(client: t.Any, group: LogGroup, wanted: WantedLogGroup) -> LogGroup:
    """Return *group* with those kinds of filters that *wanted* speaks of."""
    if wanted.metric_filters is not None:
        found = logs.describe_metric_filters(client, group.name)
        group = replace(group, metric_filters={item["filterName"]: metric_settings(item) for item in found})
    if wanted.subscription_filters is not None:
        found = logs.describe_subscription_filters(client, group.name)
        group = replace(group, subscription_filters={item["filterName"]: subscription_settings(item) for item in found})
    return group


def metric_settings(described: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what PutMetricFilter takes out of what DescribeMetricFilters gives, without defaults of AWS."""
    transformations = [
        {key: value for key, value in item.items() if value not in (None, {}, "None") or key == "metricValue"}
        for item in described.get("metricTransformations", [])
    ]
    return {"filterPattern": described.get("filterPattern") or "", "metricTransformations": transformations}


def subscription_settings(described: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what PutSubscriptionFilter takes out of what DescribeSubscriptionFilters gives."""
    settings = {
        "filterPattern": described.get("filterPattern") or "",
        "destinationArn": described.get("destinationArn") or "",
    }
    if described.get("roleArn"):
        settings["roleArn"] = described["roleArn"]
    if described.get("distribution", "ByLogStream") != "ByLogStream":
        settings["distribution"] = described["distribution"]
    return settings


def read_back(client: t.Any, outcomes: t.Sequence[Outcome[LogGroup]]) -> list[Outcome[LogGroup]]:
    """Return *outcomes* where groups that were just made carry what AWS gave them: ARN and time of creation."""
    made = [one.plan.name for one in outcomes if one.thing is not None and not one.thing.arn]
    fresh = read_groups(client, made) if made else {}
    return [_with_identity(one, fresh.get(one.plan.name)) for one in outcomes]


def _with_identity(outcome: Outcome[LogGroup], fresh: LogGroup | None) -> Outcome[LogGroup]:
    if outcome.thing is None or fresh is None:
        return outcome
    return replace(outcome, thing=replace(outcome.thing, arn=fresh.arn, creation_time=fresh.creation_time))
