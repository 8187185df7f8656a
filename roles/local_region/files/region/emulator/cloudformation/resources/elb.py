# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancers, target groups, listeners and rules."""

from __future__ import annotations

from typing import Any

from region.emulator.cloudformation.provider import (
    Context,
    Properties,
    Provider,
    Steps,
    names,
    only,
    provides,
    tag_changes,
    wait_until,
    without,
)
from region.emulator.cloudformation.resources.ec2_compute import typed


def _arguments(context: Context, operation: str, properties: Properties) -> Properties:
    shape = context.client("elbv2").meta.service_model.operation_model(operation).input_shape
    return {key: typed(value, shape.members[key]) for key, value in properties.items()}


class _Tagged(Provider):
    def _tag(self, context: Context, arn: str, properties: Properties, old: Properties) -> None:
        client = context.client("elbv2")
        gone = tag_changes(context.tags(old), context.tags(properties))
        if gone:
            client.remove_tags(ResourceArns=[arn], TagKeys=gone)
        if context.tags(properties):
            client.add_tags(ResourceArns=[arn], Tags=context.tags(properties))


@provides("AWS::ElasticLoadBalancingV2::LoadBalancer")
class LoadBalancer(_Tagged):
    """A load balancer."""

    immutable = names("Name", "Scheme", "Type")
    changeable = names("IpAddressType", "LoadBalancerAttributes", "SecurityGroups", "SubnetMappings", "Subnets", "Tags")
    attributes = names(
        "CanonicalHostedZoneID",
        "DNSName",
        "LoadBalancerArn",
        "LoadBalancerFullName",
        "LoadBalancerName",
        "SecurityGroups",
    )

    def create(self, context: Context, properties: Properties) -> Steps[str]:
        client = context.client("elbv2")
        arguments = without(properties, "LoadBalancerAttributes")
        arguments.setdefault("Name", context.name(32).rstrip("-"))
        arguments["Tags"] = context.tags(properties, system=True)
        created = client.create_load_balancer(**_arguments(context, "CreateLoadBalancer", arguments))
        arn = str(created["LoadBalancers"][0]["LoadBalancerArn"])
        context.claim(arn)
        self._attributes(context, arn, properties)
        yield from wait_until(
            lambda: self._describe(context, arn)["State"]["Code"] == "active", "the load balancer starts"
        )
        return arn

    def _attributes(self, context: Context, arn: str, properties: Properties) -> None:
        if properties.get("LoadBalancerAttributes"):
            arguments = _arguments(
                context, "ModifyLoadBalancerAttributes", {"Attributes": properties["LoadBalancerAttributes"]}
            )
            context.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=arn, **arguments)

    def _describe(self, context: Context, arn: str) -> dict[str, Any]:
        answer = context.client("elbv2").describe_load_balancers(LoadBalancerArns=[arn])
        described: dict[str, Any] = answer["LoadBalancers"][0]
        return described

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        client = context.client("elbv2")
        if "SubnetMappings" in changed or "IpAddressType" in changed:
            raise NotImplementedError(
                "AWS::ElasticLoadBalancingV2::LoadBalancer: changing SubnetMappings, IpAddressType"
            )
        if "Subnets" in changed:
            client.set_subnets(LoadBalancerArn=physical_id, Subnets=properties["Subnets"])
        if "SecurityGroups" in changed:
            client.set_security_groups(LoadBalancerArn=physical_id, SecurityGroups=properties["SecurityGroups"])
        self._attributes(context, physical_id, properties)
        self._tag(context, physical_id, properties, old)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("elbv2").delete_load_balancer(LoadBalancerArn=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        if name == "LoadBalancerFullName":
            return physical_id.split("loadbalancer/", 1)[-1]
        key = {"CanonicalHostedZoneID": "CanonicalHostedZoneId"}.get(name, name)
        return self._describe(context, physical_id)[key]


HEALTH_CHECK = (
    "HealthCheckEnabled",
    "HealthCheckIntervalSeconds",
    "HealthCheckPath",
    "HealthCheckPort",
    "HealthCheckProtocol",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "Matcher",
    "UnhealthyThresholdCount",
)


@provides("AWS::ElasticLoadBalancingV2::TargetGroup")
class TargetGroup(_Tagged):
    """A target group."""

    immutable = names("IpAddressType", "Name", "Port", "Protocol", "ProtocolVersion", "TargetType", "VpcId")
    changeable = names(*HEALTH_CHECK, "Tags", "TargetGroupAttributes", "Targets")
    attributes = names("LoadBalancerArns", "TargetGroupArn", "TargetGroupFullName", "TargetGroupName")

    def create(self, context: Context, properties: Properties) -> str:
        client = context.client("elbv2")
        arguments = without(properties, "TargetGroupAttributes", "Targets")
        arguments.setdefault("Name", context.name(32).rstrip("-"))
        arguments["Tags"] = context.tags(properties, system=True)
        created = client.create_target_group(**_arguments(context, "CreateTargetGroup", arguments))
        arn = str(created["TargetGroups"][0]["TargetGroupArn"])
        self._attributes(context, arn, properties)
        if properties.get("Targets"):
            targets = _arguments(context, "RegisterTargets", {"Targets": properties["Targets"]})
            client.register_targets(TargetGroupArn=arn, **targets)
        return arn

    def _attributes(self, context: Context, arn: str, properties: Properties) -> None:
        if properties.get("TargetGroupAttributes"):
            arguments = _arguments(
                context, "ModifyTargetGroupAttributes", {"Attributes": properties["TargetGroupAttributes"]}
            )
            context.client("elbv2").modify_target_group_attributes(TargetGroupArn=arn, **arguments)

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        if "Targets" in changed:
            raise NotImplementedError("AWS::ElasticLoadBalancingV2::TargetGroup: changing Targets")
        check = only(properties, *HEALTH_CHECK)
        if changed & set(HEALTH_CHECK):
            arguments = _arguments(context, "ModifyTargetGroup", check)
            context.client("elbv2").modify_target_group(TargetGroupArn=physical_id, **arguments)
        self._attributes(context, physical_id, properties)
        self._tag(context, physical_id, properties, old)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("elbv2").delete_target_group(TargetGroupArn=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        if name == "TargetGroupFullName":
            return physical_id.rsplit(":", 1)[-1]
        answer = context.client("elbv2").describe_target_groups(TargetGroupArns=[physical_id])
        return answer["TargetGroups"][0][name]


@provides("AWS::ElasticLoadBalancingV2::Listener")
class Listener(_Tagged):
    """A listener."""

    immutable = names("LoadBalancerArn")
    changeable = names("AlpnPolicy", "Certificates", "DefaultActions", "Port", "Protocol", "SslPolicy")
    attributes = names("ListenerArn")

    def create(self, context: Context, properties: Properties) -> str:
        arguments = _arguments(context, "CreateListener", properties)
        created = context.client("elbv2").create_listener(**arguments)
        return str(created["Listeners"][0]["ListenerArn"])

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        arguments = _arguments(context, "ModifyListener", without(properties, "LoadBalancerArn"))
        context.client("elbv2").modify_listener(ListenerArn=physical_id, **arguments)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("elbv2").delete_listener(ListenerArn=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return physical_id


@provides("AWS::ElasticLoadBalancingV2::ListenerRule")
class ListenerRule(Provider):
    """A rule of a listener."""

    immutable = names("ListenerArn")
    changeable = names("Actions", "Conditions", "Priority")
    attributes = names("RuleArn", "IsDefault")

    def create(self, context: Context, properties: Properties) -> str:
        created = context.client("elbv2").create_rule(**_arguments(context, "CreateRule", properties))
        return str(created["Rules"][0]["RuleArn"])

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        client = context.client("elbv2")
        if "Priority" in changed:
            priorities = [{"RuleArn": physical_id, "Priority": int(properties["Priority"])}]
            client.set_rule_priorities(RulePriorities=priorities)
        arguments = _arguments(context, "ModifyRule", only(properties, "Actions", "Conditions"))
        client.modify_rule(RuleArn=physical_id, **arguments)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("elbv2").delete_rule(RuleArn=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return physical_id if name == "RuleArn" else False
