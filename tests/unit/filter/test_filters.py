# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that say things to people."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.apiary.swarm.plugins.filter.change_set import change_set
from ansible_collections.apiary.swarm.plugins.filter.failure_reason import failure_reason
from ansible_collections.apiary.swarm.plugins.filter.stack_failure import stack_failure
from ansible_collections.apiary.swarm.plugins.filter.table import table


def test_table() -> None:
    rows = [{"name": "a", "is_ok": True, "zones": ["x", "y"]}, {"name": "long name", "is_ok": False, "zones": None}]
    assert table(rows) == ["name       is ok  zones", "a          yes    x, y", "long name  no     -"]


def test_table_of_chosen_columns() -> None:
    assert table([{"a": 1, "b": 2}], ["b", "c"]) == ["b  c", "2  -"]


def test_table_of_nothing() -> None:
    assert table([]) == []


def test_table_keeps_rows_on_one_line() -> None:
    assert table([{"text": "one\n  two " + "x" * 99}], max_width=10) == ["text", "one two x…"]


@pytest.mark.parametrize("rows", [{"a": 1}, "text", 7, [1]])
def test_table_of_something_else(rows: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="list of dictionaries"):
        table(rows)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"msg": "No image."}, "No image."),
        ({"msg": "Task failed: Module failed: No image."}, "No image."),
        (
            {"msg": "non-zero return code", "stderr": "first\nE: Unable to locate package x\n"},
            "E: Unable to locate package x.",
        ),
        ({"msg": "MODULE FAILURE", "module_stderr": "Traceback\nValueError: no"}, "ValueError: no."),
        ({"msg": "One or more items failed", "results": [{"failed": False}, {"failed": True, "msg": "b"}]}, "b."),
        ({}, "no reason was given."),
        ({"msg": "x" * 700}, "x" * 600 + " …."),
    ],
)
def test_failure_reason(result: dict[str, Any], reason: str) -> None:
    assert failure_reason(result) == reason


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (
            {
                "output": "Stack create failed. Delete complete.",
                "log": [
                    "AWS::EC2::Subnet PublicSubnetB CREATE_FAILED: Resource creation cancelled",
                    "AWS::EC2::EIP NatAddressA CREATE_FAILED: The maximum number of addresses has been reached. "
                    "(Service: Ec2, Status Code: 400, Request ID: 1-2)",
                ],
            },
            "failed: AWS::EC2::EIP NatAddressA CREATE_FAILED: The maximum number of addresses has been reached.",
        ),
        (
            {"msg": "Failed to update stack: Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated."},
            "is UPDATE_IN_PROGRESS and takes no change: wait until it is settled",
        ),
        ({"msg": "Task failed: Module failed: User is not authorized"}, "failed: User is not authorized."),
        ({"output": "Problem with UPDATE. Rollback complete", "log": []}, "failed: Problem with UPDATE."),
    ],
)
def test_stack_failure(result: dict[str, Any], reason: str) -> None:
    text = stack_failure(result, "swarm-demo")
    assert text.startswith("The CloudFormation stack swarm-demo ")
    assert reason in text


def test_change_set() -> None:
    change = {
        "Action": "Modify",
        "LogicalResourceId": "WorkerGroup",
        "ResourceType": "AWS::AutoScaling::AutoScalingGroup",
        "Replacement": "False",
        "Details": [{"Target": {"Attribute": "Properties", "Name": "MaxSize"}}, {"Target": {"Attribute": "Tags"}}],
    }
    lines = change_set({"changed": True, "meta": [{"ResourceChange": change}]}, "swarm-demo")
    assert lines[1].split() == [
        "Modify",
        "WorkerGroup",
        "AWS::AutoScaling::AutoScalingGroup",
        "False",
        "MaxSize,",
        "Tags",
    ]


def test_a8_a_change_set_begins_with_what_it_takes_away() -> None:
    changes = [
        {"Action": "Add", "LogicalResourceId": "Fifth"},
        {"Action": "Modify", "LogicalResourceId": "Third", "Replacement": "Conditional"},
        {"Action": "Modify", "LogicalResourceId": "Sixth", "Replacement": "False"},
        {"Action": "Remove", "LogicalResourceId": "Second"},
        {"Action": "Modify", "LogicalResourceId": "First", "Replacement": "True"},
    ]
    lines = change_set({"changed": True, "meta": [{"ResourceChange": change} for change in changes]}, "swarm-demo")
    assert [line.split()[1] for line in lines[1:]] == ["First", "Second", "Third", "Fifth", "Sixth"]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"changed": False, "meta": "The submitted information didn't contain changes."}, "Nothing would change"),
        ({"changed": True, "meta": []}, "all of it would be made"),
    ],
)
def test_change_set_without_changes(result: dict[str, Any], text: str) -> None:
    assert text in change_set(result, "swarm-demo")[0]
