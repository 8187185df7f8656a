# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the CloudFormation template must hold to, beyond what cfn-lint knows."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.decode import decode

from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster import settings

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "roles/cluster/files/cluster.template"
MAX_BYTES = 51_200  # of a template in a request


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    document, errors = decode(str(TEMPLATE))
    assert not errors
    assert document is not None
    return dict(document)


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of all resources of type *kind*."""
    return {name: held["Properties"] for name, held in template["Resources"].items() if held["Type"] == kind}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(template: dict[str, Any], role: str) -> Iterator[tuple[list[str], list[Any], dict[str, Any]]]:
    """Yield (actions, resources, condition) of all that *role* is allowed."""
    for policy in template["Resources"][role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            yield as_list(statement["Action"]), as_list(statement["Resource"]), statement.get("Condition", {})


def may(template: dict[str, Any], role: str, action: str, resource: str) -> bool:
    """Tell whether *role* is allowed *action* on the SSM parameter below /swarm/<cluster>/ called *resource*."""
    for actions, resources, _condition in statements(template, role):
        texts = [held["Fn::Sub"] if isinstance(held, dict) and "Fn::Sub" in held else str(held) for held in resources]
        patterns = [text.rpartition("${Cluster}/")[2] for text in texts]
        if any(fnmatch.fnmatchcase(action, pattern) for pattern in actions) and any(
            fnmatch.fnmatchcase(resource, pattern) for pattern in patterns
        ):
            return True
    return False


def test_it_fits_into_a_request() -> None:
    assert len(TEMPLATE.read_bytes()) < MAX_BYTES


def test_the_role_sets_every_parameter(template: dict[str, Any]) -> None:
    """Those of the settings, and those that the role adds: names that are looked up, and lists that are completed."""
    added = re.findall(r"^ *'(\w+)':", (ROOT / "roles/cluster/vars/main.yml").read_text(), re.MULTILINE)
    settled = settings.parameters(settings.resolve({}, None))
    assert sorted([*settled, *added]) == sorted(template["Parameters"])
    assert {"Cluster", "ImageId", "AvailabilityZones"} <= set(added)


def test_defaults_of_settings_and_template_agree(template: dict[str, Any]) -> None:
    settled = settings.parameters(settings.resolve({}, None))
    stated = {name: str(template["Parameters"][name]["Default"]) for name in settled}
    assert stated == settled and len(settled) > 20


@pytest.mark.parametrize("role", ["ManagerRole", "WorkerRole"])
def test_stars_stand_only_where_aws_takes_no_resource(template: dict[str, Any], role: str) -> None:
    everywhere = {
        action
        for actions, resources, _condition in statements(template, role)
        for action in actions
        if "*" in resources
    }
    assert everywhere <= {
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLifecycleHooks",
        "ec2:DescribeInstances",
        "ecr:GetAuthorizationToken",
    }


@pytest.mark.parametrize("role", ["ManagerRole", "WorkerRole"])
@pytest.mark.parametrize("action", ["logs:CreateLogGroup", "iam:PassRole", "ec2:RunInstances", "ssm:DeleteParameter"])
def test_what_no_node_may(template: dict[str, Any], role: str, action: str) -> None:
    allowed = [pattern for actions, _resources, _condition in statements(template, role) for pattern in actions]
    assert not [pattern for pattern in allowed if fnmatch.fnmatchcase(action, pattern)]


@pytest.mark.parametrize(
    ("role", "action", "parameter", "allowed"),
    [
        ("WorkerRole", "ssm:GetParameter", "managers", True),
        ("WorkerRole", "ssm:GetParameter", "token/worker", True),
        ("WorkerRole", "ssm:GetParameter", "token/manager", False),
        ("WorkerRole", "ssm:GetParameter", "unlock", False),
        ("WorkerRole", "ssm:GetParameter", "claim/2", False),
        ("WorkerRole", "ssm:PutParameter", "managers", False),
        ("WorkerRole", "ssm:PutParameter", "token/worker", False),
        ("ManagerRole", "ssm:GetParameter", "token/manager", True),
        ("ManagerRole", "ssm:PutParameter", "token/worker", True),
        ("ManagerRole", "ssm:PutParameter", "claim/2", True),
        ("ManagerRole", "ssm:PutParameter", "ami", False),
        ("ManagerRole", "ssm:PutParameter", "bake-lock", False),
    ],
)
def test_who_may_read_and_write_what(
    template: dict[str, Any], role: str, action: str, parameter: str, allowed: bool
) -> None:
    assert may(template, role, action, parameter) is allowed


GETS = ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:GetParameterHistory")


@pytest.mark.parametrize("action", GETS)
@pytest.mark.parametrize("secret", ["token/manager", "unlock", "claim/i-1"])
def test_a4_no_get_action_tells_a_worker_what_managers_know(template: dict[str, Any], action: str, secret: str) -> None:
    assert not may(template, "WorkerRole", action, secret)


@pytest.mark.parametrize("role", ["ManagerRole", "WorkerRole"])
def test_a4_nodes_read_parameters_by_their_names_alone(template: dict[str, Any], role: str) -> None:
    """Who may list a path reads all that is below it, and the history of a parameter tells the tokens before."""
    for path in ("", "token", "token/"):
        assert not may(template, role, "ssm:GetParametersByPath", path)
    for name in ("token/worker", "token/manager", "managers"):
        assert not may(template, role, "ssm:GetParameterHistory", name)


def test_no_aws_managed_policy(template: dict[str, Any]) -> None:
    """AmazonSSMManagedInstanceCore, for one, lets its bearer read every parameter."""
    assert not [name for name, role in of_type(template, "AWS::IAM::Role").items() if "ManagedPolicyArns" in role]


def test_nodes_take_traffic_from_groups_only(template: dict[str, Any]) -> None:
    rules = of_type(template, "AWS::EC2::SecurityGroupIngress")
    by_address = {name for name, rule in rules.items() if "CidrIp" in rule}
    assert by_address == {"NodeSshFromCidrIngress"}
    assert template["Resources"]["NodeSshFromCidrIngress"]["Condition"] == "HasAdminCidr"
    for group in ("NodeSecurityGroup", "ManagerSecurityGroup"):
        assert "SecurityGroupIngress" not in template["Resources"][group]["Properties"]


def test_node_ports(template: dict[str, Any]) -> None:
    rules = of_type(template, "AWS::EC2::SecurityGroupIngress").values()
    ports = {
        (str(rule["IpProtocol"]), rule.get("FromPort"), rule["GroupId"]["Fn::GetAtt"][0].removesuffix("SecurityGroup"))
        for rule in rules
    }
    assert ports == {
        ("tcp", 22, "Node"),
        ("tcp", 80, "Node"),
        ("tcp", 2377, "Manager"),
        ("tcp", 7946, "Node"),
        ("udp", 7946, "Node"),
        ("udp", 4789, "Node"),
        ("50", None, "Node"),
        ("tcp", 7950, "Manager"),
    }


@pytest.mark.parametrize("name", ["ManagerLaunchTemplate", "WorkerLaunchTemplate"])
def test_a19_launch_templates(template: dict[str, Any], name: str) -> None:
    data = template["Resources"][name]["Properties"]["LaunchTemplateData"]
    assert data["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }
    (disk,) = data["BlockDeviceMappings"]
    assert disk["Ebs"]["Encrypted"] is True
    assert disk["Ebs"]["VolumeType"] == "gp3"


@pytest.mark.parametrize("role", ["Manager", "Worker"])
def test_user_data_is_for_the_agent_and_holds_no_secret(template: dict[str, Any], role: str) -> None:
    data = template["Resources"][f"{role}LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    text = data["UserData"]["Fn::Base64"]["Fn::Sub"]
    assert text.startswith("#cloud-config\n")
    (file,) = yaml.safe_load(text)["write_files"]
    assert file["path"] == "/etc/apiary-swarm/node.json"
    settings = json.loads(file["content"])
    # Where a node joins from is its image's to say: here it would win over the image.
    assert settings == {"cluster": "${Cluster}", "region": "${AWS::Region}", "role": role.lower()}


def test_each_manager_has_a_group_of_one(template: dict[str, Any]) -> None:
    groups = {
        name: group
        for name, group in of_type(template, "AWS::AutoScaling::AutoScalingGroup").items()
        if name.startswith("Manager")
    }
    assert len(groups) == 5
    for number, group in enumerate(groups.values(), start=1):
        assert (group["MinSize"], group["MaxSize"], group["DesiredCapacity"]) == ("1", "1", "1")
        assert len(group["VPCZoneIdentifier"]) == 1
        assert group["HealthCheckType"] == "EC2"
        assert {"Key": "swarm:slot", "Value": str(number), "PropagateAtLaunch": True} in group["Tags"]


def test_every_group_holds_terminating_nodes(template: dict[str, Any]) -> None:
    hooks = of_type(template, "AWS::AutoScaling::LifecycleHook").values()
    held = {hook["AutoScalingGroupName"]["Ref"] for hook in hooks}
    assert held == of_type(template, "AWS::AutoScaling::AutoScalingGroup").keys()


def test_an_update_keeps_the_size_that_scaling_has_set(template: dict[str, Any]) -> None:
    policy = template["Resources"]["WorkerGroup"]["UpdatePolicy"]
    assert policy == {"AutoScalingScheduledAction": {"IgnoreUnmodifiedGroupSizeProperties": True}}


def test_nothing_outlives_the_stack(template: dict[str, Any]) -> None:
    kept = [name for name, held in template["Resources"].items() if held.get("DeletionPolicy", "Delete") != "Delete"]
    assert kept == []


def test_all_that_takes_tags_carries_the_cluster(template: dict[str, Any]) -> None:
    bare = [
        name
        for name, held in template["Resources"].items()
        if "Tags" in held.get("Properties", {})
        and not any(tag.get("Key") == "swarm:cluster" for tag in held["Properties"]["Tags"])
    ]
    assert bare == []


def test_scale_in_takes_one_worker_and_then_looks_again(template: dict[str, Any]) -> None:
    """A policy by steps knows no cooldown: it would take one more each minute that its alarm lasts."""
    policy = template["Resources"]["WorkerScaleIn"]["Properties"]
    assert (policy["PolicyType"], policy["ScalingAdjustment"]) == ("SimpleScaling", -1)
    assert policy["Cooldown"] == {"Ref": "ScaleInCooldown"}
    settled = settings.resolve({"scale_in_minutes": 20}, None)
    assert settings.parameters(settled)["ScaleInCooldown"] == "1200"


def test_a3_each_way_to_the_nodes_has_its_own_rule(template: dict[str, Any]) -> None:
    """Between groups only, and only as long as the cluster is reached that way."""
    rules = of_type(template, "AWS::EC2::SecurityGroupIngress")
    ways = {
        name: (rule["SourceSecurityGroupId"]["Fn::GetAtt"][0], template["Resources"][name]["Condition"])
        for name, rule in rules.items()
        if rule.get("FromPort") == 22 and "Fn::GetAtt" in rule.get("SourceSecurityGroupId", {})
    }
    assert ways == {
        "NodeSshFromInsideIngress": ("AccessSecurityGroup", "HasInside"),
        "NodeSshFromEndpointIngress": ("EndpointSecurityGroup", "HasEndpoint"),
    }


def test_a3_the_endpoint_says_nothing_but_ssh_and_to_nodes_alone(template: dict[str, Any]) -> None:
    (rule,) = template["Resources"]["EndpointSecurityGroup"]["Properties"]["SecurityGroupEgress"]
    assert (rule["FromPort"], rule["ToPort"]) == (22, 22)
    assert rule["DestinationSecurityGroupId"] == {"Fn::GetAtt": ["NodeSecurityGroup", "GroupId"]}
    assert "SecurityGroupIngress" not in template["Resources"]["EndpointSecurityGroup"]["Properties"]
