# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: VPC, subnets, gateways, routes."""

from __future__ import annotations

import json
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
    true,
    wait_until,
    without,
)


def tagged(context: Context, properties: Properties, kind: str) -> dict[str, Any]:
    """Return the TagSpecifications of a create call."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": context.tags(properties, system=True)}]}


class Ec2Provider(Provider):
    """Common to EC2's resources: tags are changed in place."""

    kind: str = ""

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        """Replace the tags; subclasses do the rest first."""
        ec2 = context.client("ec2")
        gone = tag_changes(context.tags(old), context.tags(properties))
        if gone:
            ec2.delete_tags(Resources=[physical_id], Tags=[{"Key": key} for key in gone])
        ec2.create_tags(Resources=[physical_id], Tags=context.tags(properties))


@provides("AWS::EC2::VPC")
class Vpc(Ec2Provider):
    """A VPC."""

    immutable = names("CidrBlock", "InstanceTenancy")
    changeable = names("EnableDnsSupport", "EnableDnsHostnames", "Tags")
    attributes = names("VpcId", "CidrBlock", "DefaultSecurityGroup", "DefaultNetworkAcl", "CidrBlockAssociations")

    def create(self, context: Context, properties: Properties) -> str:
        ec2 = context.client("ec2")
        options = only(properties, "CidrBlock", "InstanceTenancy")
        vpc_id = str(ec2.create_vpc(**options, **tagged(context, properties, "vpc"))["Vpc"]["VpcId"])
        self._dns(ec2, vpc_id, properties)
        return vpc_id

    def _dns(self, ec2: Any, vpc_id: str, properties: Properties) -> None:
        for key in ("EnableDnsSupport", "EnableDnsHostnames"):
            if key in properties:
                ec2.modify_vpc_attribute(VpcId=vpc_id, **{key: {"Value": true(properties[key])}})

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        self._dns(context.client("ec2"), physical_id, properties)
        super().update(context, physical_id, properties, changed, old)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ec2").delete_vpc(VpcId=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        ec2 = context.client("ec2")
        if name == "VpcId":
            return physical_id
        if name == "CidrBlock":
            return ec2.describe_vpcs(VpcIds=[physical_id])["Vpcs"][0]["CidrBlock"]
        mine = [{"Name": "vpc-id", "Values": [physical_id]}]
        if name == "DefaultSecurityGroup":
            mine.append({"Name": "group-name", "Values": ["default"]})
            return ec2.describe_security_groups(Filters=mine)["SecurityGroups"][0]["GroupId"]
        if name == "DefaultNetworkAcl":
            return ec2.describe_network_acls(Filters=mine)["NetworkAcls"][0]["NetworkAclId"]
        vpc = ec2.describe_vpcs(VpcIds=[physical_id])["Vpcs"][0]
        return [one["AssociationId"] for one in vpc["CidrBlockAssociationSet"]]


@provides("AWS::EC2::Subnet")
class Subnet(Ec2Provider):
    """A subnet."""

    immutable = names("VpcId", "CidrBlock", "AvailabilityZone")
    changeable = names("MapPublicIpOnLaunch", "Tags")
    attributes = names("SubnetId", "AvailabilityZone", "VpcId", "CidrBlock")

    def create(self, context: Context, properties: Properties) -> str:
        ec2 = context.client("ec2")
        options = only(properties, "VpcId", "CidrBlock", "AvailabilityZone")
        subnet_id = str(ec2.create_subnet(**options, **tagged(context, properties, "subnet"))["Subnet"]["SubnetId"])
        self._public(ec2, subnet_id, properties)
        return subnet_id

    def _public(self, ec2: Any, subnet_id: str, properties: Properties) -> None:
        value = {"Value": true(properties.get("MapPublicIpOnLaunch", False))}
        ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch=value)

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        self._public(context.client("ec2"), physical_id, properties)
        super().update(context, physical_id, properties, changed, old)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ec2").delete_subnet(SubnetId=physical_id)

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return context.client("ec2").describe_subnets(SubnetIds=[physical_id])["Subnets"][0][name]


@provides("AWS::EC2::InternetGateway")
class InternetGateway(Ec2Provider):
    """An internet gateway."""

    changeable = names("Tags")
    attributes = names("InternetGatewayId")

    def create(self, context: Context, properties: Properties) -> str:
        answer = context.client("ec2").create_internet_gateway(**tagged(context, properties, "internet-gateway"))
        return str(answer["InternetGateway"]["InternetGatewayId"])

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ec2").delete_internet_gateway(InternetGatewayId=physical_id)


@provides("AWS::EC2::VPCGatewayAttachment")
class VpcGatewayAttachment(Provider):
    """The attachment of an internet gateway."""

    immutable = names("VpcId", "InternetGatewayId")

    def create(self, context: Context, properties: Properties) -> str:
        context.client("ec2").attach_internet_gateway(**properties)
        return f"IGW|{properties['VpcId']}"

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ec2").detach_internet_gateway(**properties)


@provides("AWS::EC2::RouteTable")
class RouteTable(Ec2Provider):
    """A route table."""

    immutable = names("VpcId")
    changeable = names("Tags")
    attributes = names("RouteTableId")

    def create(self, context: Context, properties: Properties) -> str:
        answer = context.client("ec2").create_route_table(
            VpcId=properties["VpcId"], **tagged(context, properties, "route-table")
        )
        return str(answer["RouteTable"]["RouteTableId"])

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ec2").delete_route_table(RouteTableId=physical_id)


@provides("AWS::EC2::Route")
class Route(Provider):
    """A route."""

    immutable = names("RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock")
    changeable = names(
        "GatewayId",
        "NatGatewayId",
        "InstanceId",
        "NetworkInterfaceId",
        "TransitGatewayId",
        "VpcPeeringConnectionId",
        "EgressOnlyInternetGatewayId",
    )

    def create(self, context: Context, properties: Properties) -> str:
        context.client("ec2").create_route(**properties)
        destination = properties.get("DestinationCidrBlock") or properties.get("DestinationIpv6CidrBlock")
        return f"{properties['RouteTableId']}|{destination}"

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        context.client("ec2").replace_route(**properties)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        keys = ("RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock")
        context.client("ec2").delete_route(**only(properties, *keys))


@provides("AWS::EC2::SubnetRouteTableAssociation")
class SubnetRouteTableAssociation(Provider):
    """The route table of a subnet."""

    immutable = names("SubnetId")
    changeable = names("RouteTableId")
    attributes = names("Id")

    def create(self, context: Context, properties: Properties) -> str:
        return str(context.client("ec2").associate_route_table(**properties)["AssociationId"])

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> str:
        answer = context.client("ec2").replace_route_table_association(
            AssociationId=physical_id, RouteTableId=properties["RouteTableId"]
        )
        return str(answer["NewAssociationId"])

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ec2").disassociate_route_table(AssociationId=physical_id)


@provides("AWS::EC2::EIP")
class ElasticIp(Ec2Provider):
    """An elastic address."""

    immutable = names("Domain")
    changeable = names("InstanceId", "Tags")
    attributes = names("AllocationId", "PublicIp")

    def create(self, context: Context, properties: Properties) -> str:
        answer = context.client("ec2").allocate_address(Domain="vpc", **tagged(context, properties, "elastic-ip"))
        if "InstanceId" in properties:
            ids = {"AllocationId": answer["AllocationId"], "InstanceId": properties["InstanceId"]}
            context.client("ec2").associate_address(**ids)
        return str(answer["PublicIp"])

    def _describe(self, context: Context, physical_id: str) -> dict[str, Any]:
        answer = context.client("ec2").describe_addresses(PublicIps=[physical_id])
        address: dict[str, Any] = answer["Addresses"][0]
        return address

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        if "InstanceId" in changed:
            raise NotImplementedError("AWS::EC2::EIP: changing InstanceId")
        super().update(context, self._describe(context, physical_id)["AllocationId"], properties, changed, old)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        address = self._describe(context, physical_id)
        if "AssociationId" in address:
            context.client("ec2").disassociate_address(AssociationId=address["AssociationId"])
        context.client("ec2").release_address(AllocationId=address["AllocationId"])

    def attribute(self, context: Context, physical_id: str, properties: Properties, name: str) -> Any:
        return self._describe(context, physical_id)[name]


@provides("AWS::EC2::NatGateway")
class NatGateway(Ec2Provider):
    """A NAT gateway."""

    immutable = names("AllocationId", "SubnetId", "ConnectivityType")
    changeable = names("Tags")
    attributes = names("NatGatewayId")

    def create(self, context: Context, properties: Properties) -> Steps[str]:
        ec2 = context.client("ec2")
        options = only(properties, "AllocationId", "SubnetId", "ConnectivityType")
        answer = ec2.create_nat_gateway(**options, **tagged(context, properties, "natgateway"))
        gateway_id = str(answer["NatGateway"]["NatGatewayId"])
        context.claim(gateway_id)
        yield from wait_until(lambda: self._state(ec2, gateway_id) == "available", "the NAT gateway is made")
        return gateway_id

    def _state(self, ec2: Any, gateway_id: str) -> str:
        found = ec2.describe_nat_gateways(NatGatewayIds=[gateway_id])["NatGateways"]
        return str(found[0]["State"]) if found else "deleted"

    def delete(self, context: Context, physical_id: str, properties: Properties) -> Steps[None]:
        ec2 = context.client("ec2")
        ec2.delete_nat_gateway(NatGatewayId=physical_id)
        yield from wait_until(lambda: self._state(ec2, physical_id) == "deleted", "the NAT gateway is deleted")


@provides("AWS::EC2::InstanceConnectEndpoint")
class InstanceConnectEndpoint(Ec2Provider):
    """An Instance Connect Endpoint."""

    immutable = names("SubnetId", "SecurityGroupIds", "PreserveClientIp")
    changeable = names("Tags")
    attributes = names("Id")

    def create(self, context: Context, properties: Properties) -> Steps[str]:
        ec2 = context.client("ec2")
        options = only(properties, "SubnetId", "SecurityGroupIds")
        options["PreserveClientIp"] = true(properties.get("PreserveClientIp", False))
        answer = ec2.create_instance_connect_endpoint(
            **options, **tagged(context, properties, "instance-connect-endpoint")
        )
        endpoint_id = str(answer["InstanceConnectEndpoint"]["InstanceConnectEndpointId"])
        context.claim(endpoint_id)
        yield from wait_until(lambda: self._state(ec2, endpoint_id) == "create-complete", "the endpoint is made")
        return endpoint_id

    def _state(self, ec2: Any, endpoint_id: str) -> str:
        answer = ec2.describe_instance_connect_endpoints(InstanceConnectEndpointIds=[endpoint_id])
        return str(answer["InstanceConnectEndpoints"][0]["State"])

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ec2").delete_instance_connect_endpoint(InstanceConnectEndpointId=physical_id)


@provides("AWS::EC2::VPCEndpoint")
class VpcEndpoint(Ec2Provider):
    """A VPC endpoint."""

    immutable = names("VpcId", "ServiceName", "VpcEndpointType")
    changeable = names("RouteTableIds", "SubnetIds", "SecurityGroupIds", "PolicyDocument", "PrivateDnsEnabled", "Tags")
    attributes = names("Id")

    def create(self, context: Context, properties: Properties) -> str:
        options = without(properties, "Tags")
        if "PolicyDocument" in options:
            options["PolicyDocument"] = json.dumps(options["PolicyDocument"])
        if "PrivateDnsEnabled" in options:
            options["PrivateDnsEnabled"] = true(options["PrivateDnsEnabled"])
        answer = context.client("ec2").create_vpc_endpoint(**options, **tagged(context, properties, "vpc-endpoint"))
        return str(answer["VpcEndpoint"]["VpcEndpointId"])

    def update(
        self, context: Context, physical_id: str, properties: Properties, changed: set[str], old: Properties
    ) -> None:
        if changed - {"RouteTableIds", "Tags"}:
            raise NotImplementedError(f"AWS::EC2::VPCEndpoint: changing {', '.join(sorted(changed))}")
        super().update(context, physical_id, properties, changed, old)
        before, after = set(old.get("RouteTableIds", [])), set(properties.get("RouteTableIds", []))
        if before != after:
            context.client("ec2").modify_vpc_endpoint(
                VpcEndpointId=physical_id,
                AddRouteTableIds=sorted(after - before),
                RemoveRouteTableIds=sorted(before - after),
            )

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        context.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[physical_id])
