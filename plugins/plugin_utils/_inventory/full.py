# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that EC2 tells about an instance, under the names of amazon.aws.aws_ec2."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from datetime import datetime

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict

from ansible_collections.apiary.swarm.plugins.module_utils._aws.instances import Facts
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession


def full_parser(session: AwsSession) -> Callable[[bytes, str], list[Facts]]:
    """Return a function that reads an answer of DescribeInstances, given with its region, by botocore's model of EC2.

    It loads that model, which takes longer than everything else in an inventory of some hundred hosts.
    """
    from botocore.parsers import create_parser

    shape = session.service_model("ec2").operation_model("DescribeInstances").output_shape
    parser = create_parser("ec2")

    def parse(page: bytes, region: str) -> list[Facts]:
        answer = parser.parse({"status_code": 200, "headers": {}, "body": page}, shape)
        return [
            _facts(instance, reservation, region)
            for reservation in answer["Reservations"]
            for instance in reservation["Instances"]
        ]

    return parse


def _facts(instance: dict[str, t.Any], reservation: dict[str, t.Any], region: str) -> Facts:
    tags = {pair["Key"]: pair["Value"] for pair in instance.pop("Tags", [])}
    facts: Facts = _plain(camel_dict_to_snake_dict(instance))
    facts["tags"] = tags
    facts["placement"]["region"] = region
    facts["owner_id"] = reservation.get("OwnerId", "")
    facts["requester_id"] = reservation.get("RequesterId", "")
    facts["reservation_id"] = reservation.get("ReservationId", "")
    addresses = [item["ipv6_address"] for nic in facts.get("network_interfaces", []) for item in nic["ipv6_addresses"]]
    if addresses:
        facts.setdefault("ipv6_address", addresses[0])
    return facts


def _plain(value: t.Any) -> t.Any:
    """Return *value* with times as text, so that a cache can keep it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def full_variables(facts: Facts) -> dict[str, t.Any]:
    """Return the host variables; ``tags`` is left out, since Ansible keeps that name for itself."""
    return {key: value for key, value in facts.items() if key != "tags"}
