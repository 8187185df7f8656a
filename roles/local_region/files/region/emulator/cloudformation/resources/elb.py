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
        arguments = without(properties, "LoadBalancerAttributes")
        arguments.setdefault("Name", context.name(32).rstrip("-"))
        arguments["Tags"] = context.tags(properties, system=True)
        created = context.call("elbv2", "create_load_balancer", arguments)
        arn = str(created["LoadBalancers"][0]["LoadBalancerArn"])
        context.claim(arn)
        self._attributes(context, arn, properties)
        yield from wait_until(
            lambda: self._describe(context, arn)["State"]["Code"] == "active", "the load balancer starts"
        )
        return arn

    def _attributes(self, context: Context, arn: str, properties: Properties) -> None:
        if properties.get("LoadBalancerAttributes"):
            given = {"Attributes": properties["LoadBalancerAttributes"]}
            context.call("elbv2", "modify_load_balancer_attributes", given, LoadBalancerArn=arn)

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
        arguments = without(properties, "TargetGroupAttributes", "Targets")
        arguments.setdefault("Name", context.name(32).rstrip("-"))
        arguments["Tags"] = context.tags(properties, system=True)
        created = context.call("elbv2", "create_target_group", arguments)
        arn = str(created["TargetGroups"][0]["TargetGroupArn"])
        self._attributes(context, arn, properties)
        if properties.get("Targets"):
            context.call("elbv2", "register_targets", only(properties, "Targets"), TargetGroupArn=arn)
        return arn

    def _attributes(self, context: Context, arn: str, properties: Properties) -> None:
        if properties.get("TargetGroupAttributes"):
            given = {"Attributes": properties["TargetGroupAttributes"]}
            context.call("elbv2", "modify_target_group_attributes", given, TargetGroupArn=arn)

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        if "Targets" in changed:
            raise NotImplementedError("AWS::ElasticLoadBalancingV2::TargetGroup: changing Targets")
        if changed & set(HEALTH_CHECK):
            given = only(properties, *HEALTH_CHECK)
            context.call("elbv2", "modify_target_group", given, TargetGroupArn=physical_id)
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
    changeable = names("AlpnPolicy", "Certificates", "DefaultActions", "Port", "Protocol", "SslPolicy", "Tags")
    attributes = names("ListenerArn")

    def create(self, context: Context, properties: Properties) -> str:
        merged = {**properties, "Tags": context.tags(properties, system=True)}
        created = context.call("elbv2", "create_listener", merged)
        return str(created["Listeners"][0]["ListenerArn"])

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        given = without(properties, "LoadBalancerArn", "Tags")
        context.call("elbv2", "modify_listener", given, ListenerArn=physical_id)
        if "Tags" in changed:
            self._tag(context, physical_id, properties, old)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("elbv2").delete_listener(ListenerArn=physical_id)


@provides("AWS::ElasticLoadBalancingV2::ListenerRule")
class ListenerRule(_Tagged):
    """A rule of a listener."""

    immutable = names("ListenerArn")
    changeable = names("Actions", "Conditions", "Priority", "Tags")
    attributes = names("RuleArn", "IsDefault")

    def create(self, context: Context, properties: Properties) -> str:
        merged = {**properties, "Tags": context.tags(properties, system=True)}
        created = context.call("elbv2", "create_rule", merged)
        return str(created["Rules"][0]["RuleArn"])

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        if "Priority" in changed:
            priorities = [{"RuleArn": physical_id, "Priority": int(properties["Priority"])}]
            context.client("elbv2").set_rule_priorities(RulePriorities=priorities)
        context.call("elbv2", "modify_rule", only(properties, "Actions", "Conditions"), RuleArn=physical_id)
        if "Tags" in changed:
            self._tag(context, physical_id, properties, old)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("elbv2").delete_rule(RuleArn=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return physical_id if name == "RuleArn" else False
