# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch: alarms that look at their metrics, and act."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import Alarm, CloudWatchBackend, cloudwatch_backends

from region.emulator import client
from region.emulator.autoscaling import groups, scaling
from region.emulator.patching import Patches
from region.emulator.state import runtime

log = logging.getLogger(__name__)
# An alarm that stays on goes on telling its scaling policies so, once a minute.
REPEAT_SECONDS = 60.0
EVALUATE_SECONDS = 5.0
# So many data points are kept; the oldest go first.
KEPT_DATA = 50_000
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


def put(namespace: str, name: str, value: float, dimensions: dict[str, str], region: str | None = None) -> None:
    """Add one data point, as AWS's own services do (namespaces C(AWS/…) included), with the time of now."""
    config = runtime.settings
    datum = {
        "MetricName": name,
        "Value": value,
        "Dimensions": [{"Name": key, "Value": one} for key, one in dimensions.items()],
        "Timestamp": _now(),
    }
    cloudwatch_backends[config.account][region or config.region].put_metric_data(namespace, [datum])


def put_cpu(instance_id: str, percent: float, region: str | None = None) -> None:
    """Add an instance's CPU load, for itself and for its Auto Scaling group."""
    put("AWS/EC2", "CPUUtilization", percent, {"InstanceId": instance_id}, region)
    for group in groups.all_groups(region or runtime.settings.region):
        if instance_id in group.members:
            put("AWS/EC2", "CPUUtilization", percent, {"AutoScalingGroupName": group.name}, region)


patches = Patches()


@patches.wrap(Alarm, "__init__")
def new_alarm(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    """AWS knows nothing about a new alarm's metric; moto calls it OK."""
    original(self, *args, **kwargs)
    self.state_value = "INSUFFICIENT_DATA"
    self.evaluated_at = self.acted_at = 0.0


@patches.wrap(CloudWatchBackend, "put_metric_alarm")
def put_metric_alarm(original: Any, self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """Changing an alarm keeps its state in AWS; in moto it starts anew."""
    before = self.alarms.get(name)
    alarm = original(self, name, *args, **kwargs)
    if before is not None:
        alarm.state_value, alarm.acted_at = before.state_value, before.acted_at
    return alarm


@patches.wrap(CloudWatchBackend, "put_metric_data")
def put_metric_data(original: Any, self: Any, namespace: str, metric_data: list[dict[str, Any]]) -> None:
    """Data without a time of their own have the emulator's."""
    for one in metric_data:
        if one.get("Timestamp") is None:
            one["Timestamp"] = _now()
    original(self, namespace, metric_data)
    del self.metric_data[:-KEPT_DATA]


@patches.wrap(Alarm, "update_state")
def update_state(original: Any, self: Any, reason: str, reason_data: str, state_value: str) -> None:
    """In AWS a change of state, SetAlarmState's too, starts the alarm's actions; in moto nothing happens."""
    changed = self.state_value != state_value
    original(self, reason, reason_data, state_value)
    if changed:
        _act(self, runtime.now())


def install() -> None:
    """Patch moto's CloudWatch."""
    patches.install()


def tick(now: float) -> None:
    """Evaluate alarms that are due, and repeat what alarms that stay on tell their scaling policies."""
    for dummy, dummy, backend in cloudwatch_backends.iter_backends():
        for alarm in list(backend.alarms.values()):  # type: ignore[attr-defined]
            if alarm.metric_name and now - alarm.evaluated_at >= EVALUATE_SECONDS:
                alarm.evaluated_at = now
                _evaluate(backend, alarm, now)
            if alarm.state_value == "ALARM" and now - alarm.acted_at >= REPEAT_SECONDS:
                _act(alarm, now)


def _now() -> datetime:
    return datetime.fromtimestamp(runtime.now(), tz=UTC).replace(tzinfo=None)


def _values(backend: Any, alarm: Any, now: float) -> list[float | None]:
    """Return the alarm's statistic for each of its periods, latest first; None where there are no data."""
    wanted = {(one.name, one.value) for one in alarm.dimensions}
    periods: list[list[Any]] = [[] for dummy in range(int(alarm.evaluation_periods))]
    for datum in backend.metric_data:
        if datum.namespace != alarm.namespace or datum.name != alarm.metric_name or not hasattr(datum, "value"):
            continue
        if {(one.name, one.value) for one in datum.dimensions} != wanted:
            continue
        age = now - _seconds(datum.timestamp)
        index = int(age // int(alarm.period))
        if age >= 0 and index < len(periods):
            periods[index].append(float(datum.value))
    return [_statistic(str(alarm.statistic), values) for values in periods]


def _seconds(timestamp: datetime) -> float:
    return (timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)).timestamp()


def _statistic(name: str, values: list[float]) -> float | None:
    if not values:
        return None
    statistics: dict[str, Callable[[list[float]], float]] = {
        "Average": lambda numbers: sum(numbers) / len(numbers),
        "Maximum": max,
        "Minimum": min,
        "SampleCount": len,
        "Sum": sum,
    }
    return statistics.get(name, statistics["Average"])(values)


def _evaluate(backend: Any, alarm: Any, now: float) -> None:
    values = _values(backend, alarm, now)
    compare = COMPARISONS.get(alarm.comparison_operator)
    if compare is None:
        return
    missing = alarm.treat_missing_data or "missing"
    needed = int(alarm.datapoints_to_alarm or alarm.evaluation_periods)
    known = [one for one in values if one is not None]
    breaches = sum(1 for one in known if compare(one, float(alarm.threshold)))
    fine = len(known) - breaches
    gaps = len(values) - len(known)
    if missing == "breaching":
        breaches += gaps
    elif missing == "notBreaching":
        fine += gaps
    if breaches >= needed:
        state = "ALARM"
    elif fine:
        state = "OK"
    elif not known and missing == "missing":
        state = "INSUFFICIENT_DATA"
    else:
        return
    alarm.latest_value = known[0] if known else None
    if state != alarm.state_value:
        reason = f"Threshold Crossed: {breaches} out of {len(values)} datapoints compared to {alarm.threshold}"
        alarm.update_state(reason, "{}", state)


def _act(alarm: Any, now: float) -> None:
    if not alarm.actions_enabled:
        return
    actions = {
        "ALARM": alarm.alarm_actions,
        "OK": alarm.ok_actions,
        "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
    }[alarm.state_value]
    first = alarm.acted_at == 0.0 or now - alarm.acted_at < REPEAT_SECONDS
    alarm.acted_at = now
    for arn in actions or []:
        if ":autoscaling:" in arn:
            _scale(alarm, arn, now)
        elif ":sns:" in arn and first:
            _publish(alarm, arn)


def _scale(alarm: Any, arn: str, now: float) -> None:
    for group in groups.all_groups():
        for policy in group.policies.values():
            if policy.arn == arn and group.runs("AlarmNotification"):
                value = getattr(alarm, "latest_value", None)
                scaling.on_alarm(policy, value, float(alarm.threshold), now)


def _publish(alarm: Any, arn: str) -> None:
    subject = f'{alarm.state_value}: "{alarm.name}"'
    try:
        client.for_service("sns", "cloudwatch", alarm.region_name).publish(
            TopicArn=arn, Subject=subject[:100], Message=alarm.state_reason
        )
    except Exception as exc:
        log.warning("alarm %s cannot publish to %s: %s", alarm.name, arn, exc)
