# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the IAM policies of templates and JSON files, and judging them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import policies
import pytest

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Cluster: {Type: String, Default: shop}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: []}
      Policies:
        - PolicyName: tokens
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: ssm:GetParameter
                Resource: !Sub "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/${Cluster}/unlock"
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "cluster.template"
    path.write_text(TEMPLATE)
    return path


def statement(action: str, resource: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}


def test_policies_of_a_template_are_found_and_resolved(template: Path) -> None:
    ((place, document),) = policies.read(template)
    assert place == "Role.Properties.Policies.tokens"
    assert document["Statement"][0]["Resource"] == "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/unlock"


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param({"Ref": "AWS::Region"}, "eu-west-1", id="pseudo-parameter"),
        pytest.param({"Ref": "Cluster"}, "shop", id="parameter"),
        pytest.param({"Ref": "Bucket"}, "sample", id="resource"),
        pytest.param({"Fn::GetAtt": ["Bucket", "Arn"]}, "*", id="attribute"),
        pytest.param({"Fn::If": ["C", {"Ref": "AWS::NoValue"}, "second"]}, "second", id="if-without-first"),
        pytest.param({"Fn::If": ["C", "first", "second"]}, "first", id="if"),
        pytest.param({"Fn::Sub": ["${a}-${!b}", {"a": {"Ref": "Cluster"}}]}, "shop-${!b}", id="sub-with-names"),
        pytest.param([{"Ref": "AWS::NoValue"}, 1], [1], id="no-value-leaves-lists"),
    ],
)
def test_resolve(node: Any, expected: Any) -> None:
    assert policies.resolve(node, {"Cluster": "shop"}) == expected


@pytest.mark.parametrize(
    ("document", "finding"),
    [
        pytest.param(statement("s3:GetObjct", "*"), "Unknown action", id="misspelt-action"),
        pytest.param(statement("s3:GetObject", "arn:aws:s3:bucket"), "Invalid ARN", id="bad-arn"),
        pytest.param(statement("ssm:GetParameter", "*"), "Unnecessary use of Resource *", id="too-wide"),
    ],
)
def test_findings(document: dict[str, Any], finding: str) -> None:
    (sentence,) = policies.judge(document)
    assert finding in sentence


def test_good_policies_pass(template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    operator = tmp_path / "operator.json"
    operator.write_text(json.dumps(statement("ecr:GetAuthorizationToken", "*")))
    assert policies.main(["x", str(template), str(operator)]) == 0
    assert capsys.readouterr().out == "2 policies, 0 findings\n"


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        pytest.param("x.json", "{}", "no IAM policy", id="json-without-statement"),
        pytest.param("x.template", "Resources: [", "no CloudFormation template", id="broken-template"),
        pytest.param("x.json", "{", "Expecting property name", id="broken-json"),
    ],
)
def test_unreadable_file_fails(
    name: str, text: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text)
    assert policies.main(["x", str(tmp_path / name)]) == 1
    assert complaint in capsys.readouterr().out
