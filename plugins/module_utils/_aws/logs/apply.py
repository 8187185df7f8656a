# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""Reading many log groups with few calls, and carrying plans out side by side."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..errors import AwsError, NotFound
from ..threads import in_threads
from . import api as logs
from .groups import LogGroup, Plan, Step, WantedLogGroup

_BY_ARN = frozenset({"tag", "untag"})


@dataclass(frozen=True)
class Outcome:
    """What became of one plan: the group after it, and the error that stopped it (``None``: none did)."""

    plan: Plan
    group: LogGroup | None
    done: tuple[Step, ...]
    error: AwsError | None = None


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
        if item.name in groups and item.tags is not None and _tags_differ(item, groups[item.name])
    ]
    found = in_threads(lambda group: logs.list_tags(client, group.arn), doubtful)
    confirmed = dict(groups)
    for group, tags in zip(doubtful, found):
        confirmed[group.name] = replace(group, tags=tags)
    return confirmed


def _tags_differ(wanted: WantedLogGroup, group: LogGroup) -> bool:
    present = {key: value for key, value in (group.tags or {}).items() if not key.startswith("aws:")}
    asked = dict(wanted.tags or {})
    return present != asked if wanted.purge_tags else any(present.get(key) != asked[key] for key in asked)


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


def apply_plans(client: t.Any, plans: t.Sequence[Plan]) -> list[Outcome]:
    """Carry *plans* out, several at a time; the error of one stops that one only."""
    return in_threads(lambda plan: _apply(client, plan), plans)


def _apply(client: t.Any, plan: Plan) -> Outcome:
    arn = plan.before.arn if plan.before else ""
    done: list[Step] = []
    for step in plan.steps:
        try:
            if step.call in _BY_ARN:
                getattr(logs, step.call)(client, arn, *step.arguments)
            else:
                getattr(logs, step.call)(client, plan.name, *step.arguments)
        except AwsError as error:
            return Outcome(plan, plan.before, tuple(done), error)
        done.append(step)
    return Outcome(plan, plan.after, tuple(done))


def read_back(client: t.Any, outcomes: t.Sequence[Outcome]) -> list[Outcome]:
    """Return *outcomes* where groups that were just made carry what AWS gave them: ARN and time of creation."""
    made = [item.plan.name for item in outcomes if item.group is not None and not item.group.arn]
    if not made:
        return list(outcomes)
    try:
        fresh = read_groups(client, made)
    except NotFound:
        fresh = {}
    return [
        replace(item, group=_with_identity(item.group, fresh[item.plan.name]))
        if item.group is not None and item.plan.name in fresh
        else item
        for item in outcomes
    ]


def _with_identity(group: LogGroup, fresh: LogGroup) -> LogGroup:
    return replace(group, arn=fresh.arn, creation_time=fresh.creation_time)
