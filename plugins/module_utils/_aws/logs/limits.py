# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of wanted log groups before anything is written; the limits come from botocore's model of the API."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..._errors import InvalidInput
from ..errors import nearest
from .groups import KEEP_FOR_EVER, WantedLogGroup


@dataclass(frozen=True)
class LogLimits:
    """What the Logs API takes; an empty collection means that the model does not say, and nothing is checked."""

    retention_days: tuple[int, ...]
    classes: tuple[str, ...]
    name_length: int
    name_pattern: str
    tags: int
    tag_key_length: int
    tag_value_length: int
    metric_transformations: int = 1

    @classmethod
    def from_model(cls, model: t.Any) -> LogLimits:
        """Read the limits from *model*, the ``client.meta.service_model`` of a Logs client."""
        name = model.shape_for("LogGroupName").metadata
        return cls(
            retention_days=_documented_numbers(model.shape_for("Days").documentation),
            classes=tuple(_enum(model, "LogGroupClass")),
            name_length=int(name.get("max", 512)),
            name_pattern=str(name.get("pattern", "")),
            tags=int(model.shape_for("Tags").metadata.get("max", 50)),
            tag_key_length=int(model.shape_for("TagKey").metadata.get("max", 128)),
            tag_value_length=int(model.shape_for("TagValue").metadata.get("max", 256)),
            metric_transformations=int(model.shape_for("MetricTransformations").metadata.get("max", 1)),
        )


def _enum(model: t.Any, shape: str) -> t.Iterable[str]:
    """Return the values of an enumeration, none when this botocore is older than it."""
    if shape not in model.shape_names:
        return ()
    return t.cast("t.Iterable[str]", model.shape_for(shape).enum)


def _documented_numbers(documentation: str) -> tuple[int, ...]:
    """Return the numbers after "Possible values are": the model states the days in its text only."""
    found = re.search(r"Possible values are:?\s*([\d,\sand]+)", documentation or "")
    return tuple(int(number) for number in re.findall(r"\d+", found.group(1))) if found else ()


def check_all(wanted: t.Sequence[WantedLogGroup], limits: LogLimits, region: str) -> None:
    """Check every group of *wanted*.

    :param region: where the groups are made; a KMS key must be there too.
    :raises InvalidInput: for the first thing that AWS would refuse.
    """
    seen: set[str] = set()
    for group in wanted:
        if group.name in seen:
            raise InvalidInput(f"Log group {group.name} is given twice; merge the two entries.")
        seen.add(group.name)
        check_name(group.name, limits)
        _check_retention(group, limits)
        _check_class(group, limits)
        _check_key(group, region)
        _check_tags(group, limits)
        _check_filters(group, limits)


def check_name(name: str, limits: LogLimits) -> None:
    """Check the name of a log group.

    :raises InvalidInput: if it is empty, too long or has characters that AWS does not take.
    """
    if not name:
        raise InvalidInput("A log group has an empty name.")
    if len(name) > limits.name_length:
        raise InvalidInput(
            f"The log group name {name[:40]}... has {len(name)} characters; AWS takes {limits.name_length} at most."
        )
    if limits.name_pattern and not re.fullmatch(limits.name_pattern, name):
        raise InvalidInput(
            f"The log group name {name!r} has characters that AWS does not take; "
            "letters, digits, '_', '-', '/', '.' and '#' are allowed."
        )


def _check_retention(group: WantedLogGroup, limits: LogLimits) -> None:
    days = group.retention
    if days is None or days == KEEP_FOR_EVER or not limits.retention_days or days in limits.retention_days:
        return
    raise InvalidInput(
        f"Log group {group.name}: retention {days} is not a number of days that AWS takes; "
        f"take one of {', '.join(str(number) for number in limits.retention_days)} (0: keep for ever)."
    )


def _check_class(group: WantedLogGroup, limits: LogLimits) -> None:
    if group.log_class and limits.classes and group.log_class not in limits.classes:
        raise InvalidInput(
            f"Log group {group.name}: there is no log class {group.log_class!r}"
            f"{nearest(group.log_class.upper(), limits.classes)}; AWS has {', '.join(limits.classes)}."
        )


def _check_key(group: WantedLogGroup, region: str) -> None:
    if not group.kms_key_id:
        return
    parts = group.kms_key_id.split(":")
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "kms" or not parts[5].startswith("key/"):
        raise InvalidInput(
            f"Log group {group.name}: kms_key_id must be the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID), "
            f"not {group.kms_key_id!r}."
        )
    if parts[3] != region:
        raise InvalidInput(
            f"Log group {group.name}: the KMS key is in {parts[3]}, but the log group is in {region}; "
            "take a key of the same region."
        )


def _check_tags(group: WantedLogGroup, limits: LogLimits) -> None:
    tags = group.tags or {}
    if len(tags) > limits.tags:
        raise InvalidInput(f"Log group {group.name} has {len(tags)} tags; AWS takes {limits.tags} at most.")
    for key, value in tags.items():
        if not key or len(key) > limits.tag_key_length:
            raise InvalidInput(
                f"Log group {group.name}: the tag key {key[:40]!r} must have 1 to {limits.tag_key_length} characters."
            )
        if len(value) > limits.tag_value_length:
            raise InvalidInput(
                f"Log group {group.name}: the value of the tag {key!r} has {len(value)} characters; "
                f"AWS takes {limits.tag_value_length} at most."
            )
        if key.lower().startswith("aws:"):
            raise InvalidInput(
                f"Log group {group.name}: the tag key {key!r} begins with aws:, which AWS keeps for itself."
            )


def _check_filters(group: WantedLogGroup, limits: LogLimits) -> None:
    for name, settings in (group.metric_filters or {}).items():
        count = len(settings["metricTransformations"])
        if not 1 <= count <= limits.metric_transformations:
            raise InvalidInput(
                f"Log group {group.name}: the metric filter {name} has {count} transformations; "
                f"AWS takes 1 to {limits.metric_transformations}."
            )
    if len(group.subscription_filters or {}) > 2:
        raise InvalidInput(f"Log group {group.name} has more than two subscription filters, which AWS does not allow.")
