# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation of IAM policies."""

from __future__ import annotations

from typing import Any

import pytest
from region.middleware.iam import Decision, PolicyError, evaluate

ALLOWED, EXPLICIT, IMPLICIT = Decision.ALLOWED, Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY
PARAMETER = "arn:aws:ssm:us-east-1:123456789012:parameter/swarm/demo/token/worker"


def allow(**statement: Any) -> dict[str, Any]:
    """A policy with one statement."""
    return {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", **statement}}


@pytest.mark.parametrize(
    ("action", "granted", "decision"),
    [
        ("ssm:GetParameter", "ssm:GetParameter", ALLOWED),
        ("ssm:GetParameter", "SSM:getparameter", ALLOWED),
        ("ssm:GetParameter", "ssm:Get*", ALLOWED),
        ("ssm:GetParameters", "ssm:GetParameter", IMPLICIT),
        ("ssm:GetParameter", ["ec2:*", "ssm:GetParamete?"], ALLOWED),
        ("iam:PassRole", "ssm:*", IMPLICIT),
    ],
)
def test_actions(action: str, granted: Any, decision: Decision) -> None:
    assert evaluate([allow(Action=granted)], action, PARAMETER) is decision


@pytest.mark.parametrize(
    ("resource", "decision"),
    [
        (PARAMETER, ALLOWED),
        (PARAMETER.replace("worker", "*"), ALLOWED),
        (PARAMETER.replace("worker", "manager"), IMPLICIT),
        (PARAMETER.upper(), IMPLICIT),
        ("arn:aws:ssm:*:*:parameter/swarm/demo/*", ALLOWED),
        ("arn:aws:ssm:*:*:parameter/swarm/demo/[tw]oken/worker", IMPLICIT),
    ],
)
def test_resources(resource: str, decision: Decision) -> None:
    assert evaluate([allow(Resource=resource)], "ssm:GetParameter", PARAMETER) is decision


def test_deny_wins_and_nothing_is_allowed_by_default() -> None:
    deny = {"Statement": [{"Effect": "Deny", "Action": "ssm:*", "Resource": PARAMETER}]}
    assert evaluate([allow(), deny], "ssm:GetParameter", PARAMETER) is EXPLICIT
    assert evaluate([allow(), deny], "ssm:GetParameter", PARAMETER + "2") is ALLOWED
    assert evaluate([], "ssm:GetParameter", PARAMETER) is IMPLICIT


def test_not_action_and_not_resource() -> None:
    policy = {"Statement": {"Effect": "Allow", "NotAction": "iam:*", "NotResource": PARAMETER}}
    assert evaluate([policy], "ssm:GetParameter", "arn:aws:ssm:::x") is ALLOWED
    assert evaluate([policy], "iam:PassRole", "arn:aws:ssm:::x") is IMPLICIT
    assert evaluate([policy], "ssm:GetParameter", PARAMETER) is IMPLICIT


@pytest.mark.parametrize(
    ("condition", "context", "decision"),
    [
        (
            {"StringEquals": {"aws:ResourceTag/swarm:cluster": "demo"}},
            {"aws:ResourceTag/swarm:cluster": "demo"},
            ALLOWED,
        ),
        (
            {"StringEquals": {"aws:ResourceTag/swarm:cluster": "demo"}},
            {"aws:resourcetag/Swarm:Cluster": "demo"},
            ALLOWED,
        ),
        ({"StringEquals": {"aws:ResourceTag/swarm:cluster": "demo"}}, {"aws:ResourceTag/swarm:cluster": "x"}, IMPLICIT),
        ({"StringEquals": {"aws:ResourceTag/swarm:cluster": "demo"}}, {}, IMPLICIT),
        ({"StringEqualsIfExists": {"aws:ResourceTag/swarm:cluster": "demo"}}, {}, ALLOWED),
        ({"StringNotEquals": {"a": "b"}}, {}, ALLOWED),
        ({"StringNotEquals": {"a": ["b", "c"]}}, {"a": "c"}, IMPLICIT),
        ({"StringLike": {"a": ["x*", "d?mo"]}}, {"a": "demo"}, ALLOWED),
        ({"ArnLike": {"a": "arn:aws:iam::*:role/swarm-*"}}, {"a": "arn:aws:iam::123456789012:role/swarm-x"}, ALLOWED),
        ({"ArnLike": {"a": "arn:aws:*"}}, {"a": "arn:aws:iam::123456789012:role/swarm-x"}, IMPLICIT),
        ({"Bool": {"aws:SecureTransport": True}}, {"aws:SecureTransport": "true"}, ALLOWED),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "true"}, IMPLICIT),
        ({"Null": {"a": "true"}}, {}, ALLOWED),
        ({"Null": {"a": "false"}}, {}, IMPLICIT),
        ({"NumericLessThan": {"a": 5}}, {"a": "4"}, ALLOWED),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:TagKeys": ["a"]}, ALLOWED),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:TagKeys": ["a", "c"]}, IMPLICIT),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:TagKeys": ["a", "c"]}, ALLOWED),
        ({"StringEquals": {"a": "b"}, "Bool": {"c": "true"}}, {"a": "b"}, IMPLICIT),
    ],
)
def test_conditions(condition: dict[str, Any], context: dict[str, Any], decision: Decision) -> None:
    assert evaluate([allow(Condition=condition)], "ssm:GetParameter", PARAMETER, context) is decision


def test_policy_variables_are_filled_in() -> None:
    policy = allow(Resource="arn:aws:ssm:*:*:parameter/swarm/${aws:PrincipalTag/cluster}/*")
    assert evaluate([policy], "ssm:GetParameter", PARAMETER, {"aws:PrincipalTag/cluster": "demo"}) is ALLOWED
    assert evaluate([policy], "ssm:GetParameter", PARAMETER, {"aws:PrincipalTag/cluster": "other"}) is IMPLICIT
    assert evaluate([policy], "ssm:GetParameter", PARAMETER) is IMPLICIT


def test_unknown_operator_is_not_guessed() -> None:
    with pytest.raises(PolicyError, match="IpAddress"):
        evaluate([allow(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], "ssm:GetParameter", PARAMETER)
