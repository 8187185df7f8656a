# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of the module ``log_group`` to wanted log groups. Pure."""

from __future__ import annotations

import typing as t

from ..._errors import InvalidInput
from ..options import merged_tags, settings_of
from .groups import KEEP_FOR_EVER, WantedLogGroup

Params = t.Mapping[str, t.Any]

_TRANSFORMATION: dict[str, dict[str, t.Any]] = {
    "metric_name": {"type": "str", "required": True},
    "metric_namespace": {"type": "str", "required": True},
    "metric_value": {"type": "str", "default": "1"},
    "default_value": {"type": "float"},
    "unit": {"type": "str"},
    "dimensions": {"type": "dict"},
}
_METRIC_FILTER: dict[str, dict[str, t.Any]] = {
    "filter_name": {"type": "str", "required": True},
    "filter_pattern": {"type": "str", "default": ""},
    "metric_transformations": {"type": "list", "elements": "dict", "required": True, "options": _TRANSFORMATION},
}
_SUBSCRIPTION_FILTER: dict[str, dict[str, t.Any]] = {
    "filter_name": {"type": "str", "required": True},
    "filter_pattern": {"type": "str", "default": ""},
    "destination_arn": {"type": "str", "required": True},
    "role_arn": {"type": "str"},
    "distribution": {"type": "str", "choices": ["ByLogStream", "Random"]},
}
SETTINGS: dict[str, dict[str, t.Any]] = {
    "retention_in_days": {"type": "int", "aliases": ["retention"]},
    "purge_retention_policy": {"type": "bool"},
    "kms_key_id": {"type": "str"},
    "log_class": {"type": "str", "aliases": ["log_group_class"]},
    "deletion_protection": {"type": "bool"},
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool"},
    "metric_filters": {"type": "list", "elements": "dict", "options": _METRIC_FILTER},
    "purge_metric_filters": {"type": "bool"},
    "subscription_filters": {"type": "list", "elements": "dict", "options": _SUBSCRIPTION_FILTER},
    "purge_subscription_filters": {"type": "bool"},
}
"""Options of one log group; given beside ``groups`` they are defaults for all of its entries."""

_API_NAMES = {
    "metric_name": "metricName",
    "metric_namespace": "metricNamespace",
    "metric_value": "metricValue",
    "default_value": "defaultValue",
    "unit": "unit",
    "dimensions": "dimensions",
}


def wanted_groups(params: Params) -> list[WantedLogGroup]:
    """Return the groups that *params* ask for.

    :param params: the module's options: ``name``, ``names`` or ``groups``, and the :data:`SETTINGS`.
    :raises InvalidInput: if an entry contradicts itself.
    """
    names = [params["name"]] if params.get("name") else params.get("names")
    if names:
        return [_wanted(str(name), params, {}) for name in names]
    return [_wanted(str(entry["name"]), entry, params) for entry in params.get("groups") or []]


def _wanted(name: str, entry: Params, common: Params) -> WantedLogGroup:
    setting, tags = settings_of(entry, common), merged_tags(entry, common)
    return WantedLogGroup(
        name=name,
        retention=_retention(name, entry) if _has_retention(entry) else _retention(name, common),
        kms_key_id=setting("kms_key_id"),
        log_class=setting("log_class"),
        deletion_protection=setting("deletion_protection"),
        tags=None if tags is None else {str(key): _tag_value(value) for key, value in tags.items()},
        purge_tags=setting("purge_tags", True),
        metric_filters=_metric_filters(name, setting("metric_filters")),
        purge_metric_filters=setting("purge_metric_filters", False),
        subscription_filters=_subscription_filters(name, setting("subscription_filters")),
        purge_subscription_filters=setting("purge_subscription_filters", False),
    )


def _has_retention(source: Params) -> bool:
    return source.get("retention_in_days") is not None or bool(source.get("purge_retention_policy"))


def _retention(name: str, source: Params) -> int | None:
    days = source.get("retention_in_days")
    if not source.get("purge_retention_policy"):
        return None if days is None else int(days)
    if days:
        raise InvalidInput(f"Log group {name}: retention_in_days and purge_retention_policy exclude one another.")
    return KEEP_FOR_EVER


def _tag_value(value: t.Any) -> str:
    """Return *value* as AWS stores it; YAML's true and 1 become text."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _metric_filters(name: str, filters: t.Sequence[Params] | None) -> dict[str, t.Any] | None:
    return _by_name(
        name,
        "metric filter",
        filters,
        lambda item: {
            "filterPattern": item["filter_pattern"],
            "metricTransformations": [
                {_API_NAMES[key]: value for key, value in entry.items() if value not in (None, {})}
                for entry in item["metric_transformations"]
            ],
        },
    )


def _subscription_filters(name: str, filters: t.Sequence[Params] | None) -> dict[str, t.Any] | None:
    def settings(item: Params) -> dict[str, t.Any]:
        wanted = {"filterPattern": item["filter_pattern"], "destinationArn": item["destination_arn"]}
        if item.get("role_arn"):
            wanted["roleArn"] = item["role_arn"]
        # ByLogStream is AWS's default and is not reported back by it.
        if item.get("distribution") == "Random":
            wanted["distribution"] = "Random"
        return wanted

    return _by_name(name, "subscription filter", filters, settings)


def _by_name(
    group: str, kind: str, filters: t.Sequence[Params] | None, settings: t.Callable[[Params], dict[str, t.Any]]
) -> dict[str, t.Any] | None:
    if filters is None:
        return None
    found: dict[str, t.Any] = {}
    for item in filters:
        if item["filter_name"] in found:
            raise InvalidInput(f"Log group {group}: the {kind} {item['filter_name']} is given twice.")
        found[item["filter_name"]] = settings(item)
    return found
