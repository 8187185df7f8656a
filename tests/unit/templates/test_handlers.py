# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may make a cluster may do what CloudFormation's handlers do in his name.

CloudFormation calls the other services with the rights of whoever runs it. Which calls that are is published: each
resource type's schema lists the permissions of its handlers (CloudFormation registry, "handlers"), and cfn-lint carries
the schemas of all of them.
"""

from __future__ import annotations

import fnmatch

import pytest
from handlers import NEEDED
from permissions import CLUSTER, allowed

#: What handlers may call and ours never do, and why. Each pattern must be needed.
NEVER = {
    "autoscaling:Describe[*]": "a pattern; the reads that there are, are allowed by name",
    "ec2:Describe[*]": "a pattern; the reads that there are, are allowed by name",
    "elasticloadbalancing:Describe[*]": "a pattern; the reads that there are, are allowed by name",
    "ec2:Get[*]": "instance types chosen by their attributes: the template names them",
    "ssm:Get[*]": "images named by a parameter: the template gets the id",
    "autoscaling:*LoadBalancers": "classic load balancers",
    "autoscaling:*TrafficSources": "VPC Lattice",
    "autoscaling:*NotificationConfiguration": "notifications of groups: the template has none",
    "autoscaling:*InstanceRefresh": "an update policy that refreshes instances: the template has none",
    "cloudwatch:GetMetricData": "predictive scaling",
    "cognito-idp:*": "listeners that log users in",
    "ec2:AcceptAddressTransfer": "an address of another account",
    "ec2:*NatGatewayAddress": "more than one address of a NAT gateway",
    "ec2:*SubnetCidrBlock": "IPv6",
    "ec2:*VpnGateway": "a VPN gateway instead of one to the internet",
    "ec2:CreateVpcEncryptionControl": "encryption controls of a VPC: the template has none",
    "ec2:DescribeIpamPools": "addresses of an IPAM pool",
    "ec2:ModifyVpcTenancy": "dedicated machines",
    "elasticloadbalancing:*terTargets": "targets by name: groups register their own",
    "elasticloadbalancing:ModifyCapacityReservation": "reserved capacity of a load balancer",
    "elasticloadbalancing:ModifyIpPools": "addresses of an IPAM pool",
    "elasticloadbalancing:SetIpAddressType": "IPv6",
    "firehose:*": "delivery of logs elsewhere",
    "iam:*tachRolePolicy": "managed policies of roles: the template's are inline",
    "iam:*GroupPolicy": "policies of groups",
    "iam:*UserPolicy": "policies of users",
    "iam:*RolePermissionsBoundary": "permissions boundaries: the template sets none",
    "logs:*KmsKey": "customer keys of log groups: the template sets none",
    "logs:CreateLogDelivery": "delivery of logs elsewhere",
    "logs:PutDataProtectionPolicy": "data protection policies: the template sets none",
    "logs:DeleteDataProtectionPolicy": "data protection policies: the template sets none",
    "logs:*tIndexPolicy": "index policies: the template sets none",
    "logs:DeleteIndexPolicy": "index policies: the template sets none",
    "logs:*tResourcePolicy": "resource policies: the template sets none",
    "logs:DeleteResourcePolicy": "resource policies: the template sets none",
    "logs:PutBearerTokenAuthentication": "bearer tokens: the template sets none",
    "logs:PutLogGroupDeletionProtection": "deletion protection: the template sets none",
    "managed-fleets:*": "fleets that AWS manages",
    "s3:REST.PUT.OBJECT": "delivery of logs elsewhere",
    "vpc-lattice:*": "VPC Lattice",
    "vpce:AllowMultiRegion": "endpoints in other regions",
}


def _is_allowed(permission: str) -> bool:
    return any(action.lower() == permission.lower() for name in CLUSTER for action, _held in allowed(name))


def _is_never_called(permission: str) -> bool:
    return any(fnmatch.fnmatchcase(permission, pattern) for pattern in NEVER)


def test_the_schemas_name_what_handlers_do() -> None:
    assert len(NEEDED) > 200 and "cloudwatch:TagResource" in NEEDED


@pytest.mark.parametrize("permission", sorted(NEEDED))
def test_a2_a13_what_a_handler_does_is_allowed(permission: str) -> None:
    assert _is_allowed(permission) or _is_never_called(permission), sorted(NEEDED[permission])


@pytest.mark.parametrize("pattern", sorted(NEVER))
def test_a2_what_is_said_never_to_be_called_is_really_named_and_not_allowed(pattern: str) -> None:
    named = [permission for permission in NEEDED if fnmatch.fnmatchcase(permission, pattern)]
    assert named and not [permission for permission in named if _is_allowed(permission)]
