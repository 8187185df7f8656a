# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instances and records in a region of tests."""

from __future__ import annotations

import json
import typing as t
from datetime import UTC, datetime, timedelta

from moto_region import IMAGE, Region


def run(
    region: Region, count: int = 1, *, where: str = "eu-west-1", tags: dict[str, str] | None = None, **more: t.Any
) -> list[str]:
    """Start *count* instances in one reservation and return their IDs."""
    if tags:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        more["TagSpecifications"] = [{"ResourceType": "instance", "Tags": pairs}]
    settings = {"ImageId": IMAGE, "InstanceType": "t3.small", "MinCount": count, "MaxCount": count, **more}
    return [item["InstanceId"] for item in region.client("ec2", where).run_instances(**settings)["Instances"]]


def cluster(
    region: Region, name: str = "demo", managers: int = 3, workers: int = 2, *, where: str = "eu-west-1"
) -> tuple[list[str], list[str]]:
    """Start a cluster's instances; return the IDs of its managers and workers."""
    made = [
        run(region, count, where=where, tags={"swarm:cluster": name, "swarm:role": role})
        for role, count in (("manager", managers), ("worker", workers))
    ]
    return made[0], made[1]


def cluster_stack(region: Region, name: str, parameters: dict[str, str], tags: dict[str, str] | None = None) -> None:
    """Make the CloudFormation stack of a cluster with these parameters; all that is in it is one parameter of SSM."""
    template = {
        "Parameters": {key: {"Type": "String"} for key in parameters},
        "Resources": {
            "One": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "one", "Type": "String", "Value": "1"}}
        },
    }
    region.client("cloudformation").create_stack(
        StackName=f"swarm-{name}",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
    )


def record(
    region: Region,
    managers: list[str],
    workers: list[str],
    *,
    name: str = "demo",
    where: str = "eu-west-1",
    leader: int = 0,
    age: float = 5,
    changes: dict[str, dict[str, t.Any]] | None = None,
) -> None:
    """Write the record of a cluster, *age* seconds old; *changes* are fields of managers and nodes by instance ID."""
    changed = changes or {}
    updated = datetime.now(UTC) - timedelta(seconds=age)
    data = {
        "schema": 1,
        "cluster": name,
        "state": "ready",
        "updated_at": updated.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "leader": managers[leader],
        "managers": [
            {
                "instance_id": item,
                "node_id": f"node-{item}",
                "ip": "10.0.0.1",
                "reachability": "reachable",
                "leader": index == leader,
                **{key: value for key, value in changed.get(item, {}).items() if key == "reachability"},
            }
            for index, item in enumerate(managers)
        ],
        "nodes": [
            {
                "instance_id": item,
                "node_id": f"node-{item}",
                "ip": "10.0.0.1",
                "role": "manager" if item in managers else "worker",
                "state": "ready",
                "availability": "active",
                **{key: value for key, value in changed.get(item, {}).items() if key != "reachability"},
            }
            for item in [*managers, *workers]
        ],
    }
    put_record(region, json.dumps(data), name=name, where=where)


def put_record(region: Region, text: str, *, name: str = "demo", where: str = "eu-west-1") -> None:
    """Write *text* as the record of a cluster."""
    region.client("ssm", where).put_parameter(Name=f"/swarm/{name}/managers", Type="String", Value=text, Overwrite=True)
