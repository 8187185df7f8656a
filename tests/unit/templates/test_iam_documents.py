# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The permission sets for people and CI."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from typing import Any

import pytest
from permissions import CLUSTER, allowed

FOLDER = Path(__file__).resolve().parents[3] / "docs/iam"
DOCUMENTS = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}


REACHING = {"ec2-instance-connect:OpenTunnel", "ec2-instance-connect:SendSSHPublicKey"}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_all_are_there() -> None:
    others = {"bake", "bake-copies", "deploy", "deploy-keep", "operate", "reach-ssm", "read"}
    assert DOCUMENTS.keys() == {*CLUSTER, *others}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_action_is_a_pattern(name: str) -> None:
    assert [action for action, _statement in allowed(name) if "*" in action] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_only_looking_is_allowed_everywhere(name: str) -> None:
    everywhere = [action for action, statement in allowed(name) if "*" in as_list(statement["Resource"])]
    looking = ("*:Describe*", "ecr:GetAuthorizationToken", "tag:GetResources")
    assert [action for action in everywhere if not any(fnmatch.fnmatch(action, one) for one in looking)] == []


@pytest.mark.parametrize("name", sorted(DOCUMENTS.keys() - {"cluster"}))
def test_only_who_makes_clusters_touches_iam(name: str) -> None:
    assert [action for action, _statement in allowed(name) if action.startswith("iam:")] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a2_a14_each_is_a_managed_policy(name: str) -> None:
    """IAM takes 6,144 characters, without white space (IAM quotas: "Managed policy size")."""
    assert len(json.dumps(DOCUMENTS[name], separators=(",", ":"))) <= 6144


@pytest.mark.parametrize("name", ["operate", "read"])
def test_a14_who_looks_changes_nothing(name: str) -> None:
    looking = ("*:Describe*", "*:Get*", "ecr:BatchGetImage", "logs:FilterLogEvents", "logs:ListTagsForResource")
    reaching = REACHING if name == "operate" else set()
    held = [action for action, _held in allowed(name) if not any(fnmatch.fnmatch(action, one) for one in looking)]
    assert set(held) == reaching


@pytest.mark.parametrize("name", ["deploy", "operate"])
def test_a3_who_works_with_a_cluster_reaches_its_nodes_and_no_others(name: str) -> None:
    """Each by the cluster's tag, with SSH alone, and as the image's user."""
    conditions = {action: statement["Condition"] for action, statement in allowed(name) if action in REACHING}
    assert conditions.keys() == REACHING
    assert all(one["StringEquals"]["aws:ResourceTag/swarm:cluster"] == "demo" for one in conditions.values())
    assert conditions["ec2-instance-connect:OpenTunnel"]["NumericEquals"] == {"ec2-instance-connect:remotePort": "22"}
    assert conditions["ec2-instance-connect:SendSSHPublicKey"]["StringEquals"]["ec2:osuser"] == "admin"


@pytest.mark.parametrize("name", sorted(DOCUMENTS.keys() - {"deploy", "operate", "reach-ssm"}))
def test_a3_nobody_else_reaches_a_node(name: str) -> None:
    assert [action for action, _statement in allowed(name) if action in REACHING] == []


def test_roles_are_passed_to_ec2_alone() -> None:
    (statement,) = [statement for action, statement in allowed("cluster") if action == "iam:PassRole"]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    assert all(":role/swarm-demo-" in resource for resource in as_list(statement["Resource"]))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nobody_reads_tokens(name: str) -> None:
    readable = [
        resource
        for action, statement in allowed(name)
        if action in ("ssm:GetParameter", "ssm:GetParameters")
        for resource in as_list(statement["Resource"])
    ]
    for secret in ("token/manager", "token/worker", "unlock"):
        arn = f"arn:aws:ssm:eu-west-1:123456789012:parameter/swarm/demo/{secret}"
        assert [pattern for pattern in readable if fnmatch.fnmatchcase(arn, pattern)] == []


GETS = ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:GetParameterHistory")
SECRETS = [
    f"/swarm/{cluster}/{name}" for cluster in ("demo", "x") for name in ("token/manager", "token/worker", "unlock")
]


def asked(action: str, secret: str) -> list[str]:
    """Return what IAM may judge *action* by when it tells *secret*: a path, when one is listed."""
    if action != "ssm:GetParametersByPath":
        return [secret]
    parts = secret.split("/")
    above = ["/".join(parts[:length]) for length in range(1, len(parts))]
    return [*above, *(f"{path}/" for path in above)]


@pytest.mark.parametrize("action", GETS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a4_no_get_action_reaches_a_secret(name: str, action: str) -> None:
    """Of whichever cluster: a path is authorised as a whole, so none above a secret may be listed."""
    held = [(one, resource) for one, statement in allowed(name) for resource in as_list(statement["Resource"])]
    reached = [
        (secret, resource)
        for secret in SECRETS
        for path in asked(action, secret)
        for one, resource in held
        if fnmatch.fnmatchcase(action, one)
        and fnmatch.fnmatchcase(f"arn:aws:ssm:eu-west-1:123456789012:parameter{path}", resource)
    ]
    assert reached == []


@pytest.mark.parametrize("action", GETS)
def test_a4_the_documented_denial_covers_every_secret(action: str) -> None:
    """Whatever else allows it, by whichever path above the secret."""
    (block,) = re.findall(r"```json\n(.+?)```", (FOLDER.parent / "iam.md").read_text(), re.DOTALL)
    denied = [
        resource
        for statement in json.loads(block)["Statement"]
        for one in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if statement["Effect"] == "Deny" and one == action
    ]
    for path in {path or "/" for secret in SECRETS for path in asked(action, secret)}:
        arn = f"arn:aws:ssm:eu-west-1:123456789012:parameter{path}"
        assert any(fnmatch.fnmatchcase(arn, pattern) for pattern in denied), path


@pytest.mark.parametrize(
    "action", ["ec2:TerminateInstances", "ec2:StopInstances", "ec2:DeregisterImage", "ec2:DeleteSnapshot"]
)
def test_a_bake_ends_only_what_it_made(action: str) -> None:
    (statement,) = [statement for held, statement in allowed("bake") if held == action]
    assert statement["Condition"]["StringEquals"] == {
        "aws:ResourceTag/swarm:bake": "true",
        "aws:ResourceTag/swarm:cluster": "demo",
    }


def test_machines_of_a_bake_take_imdsv2_only() -> None:
    conditions = [
        statement["Condition"]["StringEquals"].get("ec2:MetadataHttpTokens")
        for action, statement in allowed("bake")
        if action == "ec2:RunInstances" and "instance/*" in str(statement["Resource"])
    ]
    assert conditions == ["required"]
