# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Auto Scaling groups, hooks, policies; CloudWatch alarms."""

from __future__ import annotations

from typing import Any

from region.emulator.cloudformation.provider import (
    Context,
    Properties,
    Provider,
    ResourceFailed,
    Steps,
    names,
    provides,
    tag_changes,
    wait_until,
    without,
)

# After so many failed launches in a row CloudFormation calls the group unable to stabilize.
FAILED_LAUNCHES = 3
SIZES = ("MinSize", "MaxSize", "DesiredCapacity")


@provides("AWS::AutoScaling::AutoScalingGroup")
class AutoScalingGroup(Provider):
    """A group; made once its instances are launched, gone once they are terminated."""

    immutable = names("AutoScalingGroupName")
    changeable = names(
        *SIZES,
        "AvailabilityZones",
        "CapacityRebalance",
        "Cooldown",
        "DefaultInstanceWarmup",
        "HealthCheckGracePeriod",
        "HealthCheckType",
        "LaunchTemplate",
        "LifecycleHookSpecificationList",
        "MaxInstanceLifetime",
        "MixedInstancesPolicy",
        "NewInstancesProtectedFromScaleIn",
        "Tags",
        "TargetGroupARNs",
        "TerminationPolicies",
        "VPCZoneIdentifier",
    )
    attributes = names("AutoScalingGroupARN")

    def create(self, context: Context, properties: Properties) -> Steps[str]:
        name = str(properties.get("AutoScalingGroupName") or context.name())
        tags = self._tags(context, name, properties)
        context.call(
            "autoscaling", "create_auto_scaling_group", _given(properties), AutoScalingGroupName=name, Tags=tags
        )
        context.claim(name)
        yield from self._stabilize(context, name)
        return name

    def _tags(self, context: Context, name: str, properties: Properties) -> list[dict[str, Any]]:
        own = {tag["Key"]: tag for tag in properties.get("Tags", [])}
        return [
            {
                "ResourceId": name,
                "ResourceType": "auto-scaling-group",
                "Key": tag["Key"],
                "Value": tag["Value"],
                "PropagateAtLaunch": str(own.get(tag["Key"], {}).get("PropagateAtLaunch", True)).lower() == "true",
            }
            for tag in context.tags(properties, system=True)
        ]

    def _describe(self, context: Context, name: str) -> dict[str, Any] | None:
        answer = context.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        found: list[dict[str, Any]] = answer["AutoScalingGroups"]
        return found[0] if found else None

    def _stabilize(self, context: Context, name: str) -> Steps[None]:
        def stable() -> bool:
            group = self._describe(context, name)
            if group is None:
                raise ResourceFailed(f"Group {name} has been deleted while it was made")
            alive = [one for one in group["Instances"] if not one["LifecycleState"].startswith("Terminating")]
            if len(alive) >= group["DesiredCapacity"] and all(one["LifecycleState"] != "Pending" for one in alive):
                return True
            answer = context.client("autoscaling").describe_scaling_activities(AutoScalingGroupName=name)
            latest = answer["Activities"][:FAILED_LAUNCHES]
            if len(latest) == FAILED_LAUNCHES and all(one["StatusCode"] == "Failed" for one in latest):
                sizes = f"{len(alive)}/{group['MinSize']}/{group['MaxSize']}"
                raise ResourceFailed(
                    f"Group did not stabilize. {{current/minSize/maxSize}} group size = {{{sizes}}}. "
                    f"Failed Scaling Activity: {latest[0]['StatusMessage']}"
                )
            return False

        yield from wait_until(stable, "the group launches its instances")

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> Steps[None]:
        unknown = set(context.update_policy) - {"AutoScalingScheduledAction"}
        if unknown:
            raise NotImplementedError(
                f"AWS::AutoScaling::AutoScalingGroup with UpdatePolicy {', '.join(sorted(unknown))}"
            )
        client = context.client("autoscaling")
        given = without(_given(properties), "TargetGroupARNs", "LifecycleHookSpecificationList")
        given = without(given, *self._kept(context, changed))
        context.call("autoscaling", "update_auto_scaling_group", given, AutoScalingGroupName=physical_id)
        self._update_tags(context, physical_id, properties, old)
        before, after = set(old.get("TargetGroupARNs", [])), set(properties.get("TargetGroupARNs", []))
        if after - before:
            arns = sorted(after - before)
            client.attach_load_balancer_target_groups(AutoScalingGroupName=physical_id, TargetGroupARNs=arns)
        if before - after:
            arns = sorted(before - after)
            client.detach_load_balancer_target_groups(AutoScalingGroupName=physical_id, TargetGroupARNs=arns)
        if "LifecycleHookSpecificationList" in changed:
            self._update_hooks(context, physical_id, properties, old)
        yield from self._stabilize(context, physical_id)

    def _kept(self, context: Context, changed: set[str]) -> tuple[str, ...]:
        """Return the sizes that the update policy leaves as scaling has set them."""
        policy = context.update_policy.get("AutoScalingScheduledAction", {})
        ignore = str(policy.get("IgnoreUnmodifiedGroupSizeProperties", "")).lower() == "true"
        return tuple(one for one in SIZES if ignore and one not in changed)

    def _update_tags(self, context: Context, name: str, properties: Properties, old: Properties) -> None:
        client, new = context.client("autoscaling"), self._tags(context, name, properties)
        gone = tag_changes(self._tags(context, name, old), new)
        if gone:
            kind = "auto-scaling-group"
            client.delete_tags(Tags=[{"ResourceId": name, "ResourceType": kind, "Key": key} for key in gone])
        client.create_or_update_tags(Tags=new)

    def _update_hooks(self, context: Context, name: str, properties: Properties, old: Properties) -> None:
        client = context.client("autoscaling")
        hooks = properties.get("LifecycleHookSpecificationList", [])
        kept = {one["LifecycleHookName"] for one in hooks}
        for one in old.get("LifecycleHookSpecificationList", []):
            if one["LifecycleHookName"] not in kept:
                client.delete_lifecycle_hook(AutoScalingGroupName=name, LifecycleHookName=one["LifecycleHookName"])
        for one in hooks:
            context.call("autoscaling", "put_lifecycle_hook", one, AutoScalingGroupName=name)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> Steps[None]:
        if self._describe(context, physical_id) is None:
            return
        client = context.client("autoscaling")
        client.update_auto_scaling_group(AutoScalingGroupName=physical_id, MinSize=0, MaxSize=0, DesiredCapacity=0)

        def empty() -> bool:
            group = self._describe(context, physical_id)
            return group is None or not group["Instances"]

        yield from wait_until(empty, "the group terminates its instances", 7200.0)
        if self._describe(context, physical_id) is not None:
            client.delete_auto_scaling_group(AutoScalingGroupName=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return (self._describe(context, physical_id) or {}).get("AutoScalingGroupARN", "")


def _given(properties: Properties) -> Properties:
    """Return the properties of a group as its API names them."""
    given = without(properties, "Tags", "Cooldown", "AutoScalingGroupName")
    if "Cooldown" in properties:
        given["DefaultCooldown"] = properties["Cooldown"]
    if "VPCZoneIdentifier" in given:
        given["VPCZoneIdentifier"] = ",".join(given["VPCZoneIdentifier"])
    return given


@provides("AWS::AutoScaling::LifecycleHook")
class LifecycleHook(Provider):
    """A lifecycle hook."""

    immutable = names("AutoScalingGroupName", "LifecycleHookName")
    changeable = names(
        "DefaultResult",
        "HeartbeatTimeout",
        "LifecycleTransition",
        "NotificationMetadata",
        "NotificationTargetARN",
        "RoleARN",
    )

    def create(self, context: Context, properties: Properties) -> str:
        name = str(properties.get("LifecycleHookName") or context.name())
        self._put(context, name, properties)
        return name

    def _put(self, context: Context, name: str, properties: Properties) -> None:
        context.call("autoscaling", "put_lifecycle_hook", {**properties, "LifecycleHookName": name})

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        self._put(context, physical_id, properties)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        group = properties["AutoScalingGroupName"]
        context.client("autoscaling").delete_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName=physical_id)


@provides("AWS::AutoScaling::ScalingPolicy")
class ScalingPolicy(Provider):
    """A scaling policy; its physical id is its ARN, as alarms need it."""

    immutable = names("AutoScalingGroupName")
    changeable = names(
        "AdjustmentType",
        "Cooldown",
        "EstimatedInstanceWarmup",
        "MetricAggregationType",
        "MinAdjustmentMagnitude",
        "PolicyType",
        "ScalingAdjustment",
        "StepAdjustments",
        "TargetTrackingConfiguration",
    )
    attributes = names("Arn", "PolicyName")

    def create(self, context: Context, properties: Properties) -> str:
        return self._put(context, context.name(), properties)

    def _put(self, context: Context, name: str, properties: Properties) -> str:
        answer = context.call("autoscaling", "put_scaling_policy", {**properties, "PolicyName": name})
        return str(answer["PolicyARN"])

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        self._put(context, physical_id.rsplit("policyName/", 1)[-1], properties)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("autoscaling").delete_policy(PolicyName=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return physical_id if name == "Arn" else physical_id.rsplit("policyName/", 1)[-1]


@provides("AWS::CloudWatch::Alarm")
class Alarm(Provider):
    """A metric alarm."""

    immutable = names("AlarmName")
    changeable = names(
        "ActionsEnabled",
        "AlarmActions",
        "AlarmDescription",
        "ComparisonOperator",
        "DatapointsToAlarm",
        "Dimensions",
        "EvaluationPeriods",
        "ExtendedStatistic",
        "InsufficientDataActions",
        "MetricName",
        "Metrics",
        "Namespace",
        "OKActions",
        "Period",
        "Statistic",
        "Tags",
        "Threshold",
        "TreatMissingData",
        "Unit",
    )
    attributes = names("Arn")

    def create(self, context: Context, properties: Properties) -> str:
        name = str(properties.get("AlarmName") or context.name())
        self._put(context, name, properties)
        return name

    def _put(self, context: Context, name: str, properties: Properties) -> None:
        merged = {**properties, "AlarmName": name, "Tags": context.tags(properties)}
        given = {key: value for key, value in merged.items() if value != []}
        context.call("cloudwatch", "put_metric_alarm", given)

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        self._put(context, physical_id, properties)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("cloudwatch").delete_alarms(AlarmNames=[physical_id])

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return f"arn:aws:cloudwatch:{context.region}:{context.account}:alarm:{physical_id}"
