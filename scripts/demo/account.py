# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo asks AWS, beside the playbooks: the checks behind its lines."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import boto3

from .report import CheckFailed

_T = TypeVar("_T")


@dataclass(frozen=True)
class Account:
    """One cluster in one region, seen through AWS's APIs."""

    cluster: str
    region: str

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        return boto3.client(service, region_name=self.region)  # type: ignore[call-overload]

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs of the cluster's CloudFormation stack."""
        for stack in self.client("cloudformation").describe_stacks()["Stacks"]:
            if {"Key": "swarm:cluster", "Value": self.cluster} in stack["Tags"]:
                return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        raise CheckFailed(f"CloudFormation has no stack tagged swarm:cluster={self.cluster}")

    @cached_property
    def id(self) -> str:
        """The account's number."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def registry(self) -> str:
        """Host name of the account's ECR registry."""
        return f"{self.id}.dkr.ecr.{self.region}.amazonaws.com"

    def record(self) -> dict[str, Any]:
        """Return what the swarm's managers say about it."""
        parameter = self.client("ssm").get_parameter(Name=f"/swarm/{self.cluster}/managers")
        return dict(json.loads(parameter["Parameter"]["Value"]))

    def image(self) -> dict[str, Any]:
        """Return the node image that was published, as EC2 describes it."""
        parameter = self.client("ssm").get_parameter(Name=f"/swarm-images/{self.cluster}/ami")
        return dict(self.client("ec2").describe_images(ImageIds=[parameter["Parameter"]["Value"]])["Images"][0])

    def ensure_repositories(self, names: list[str]) -> None:
        """Make the ECR repositories that are missing."""
        ecr = self.client("ecr")
        known = {one["repositoryName"] for one in ecr.describe_repositories()["repositories"]}
        for name in names:
            if name not in known:
                ecr.create_repository(repositoryName=name, imageTagMutability="MUTABLE")

    def registry_login(self) -> tuple[str, str]:
        """Return user name and password for the registry."""
        data = self.client("ecr").get_authorization_token()["authorizationData"][0]
        user, dummy, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        return user, password

    def describe_repository(self, name: str) -> str:
        """Return a line about the images of a repository; fail when it has none."""
        images = self.client("ecr").describe_images(repositoryName=name)["imageDetails"]
        tags = sorted(tag for image in images for tag in image.get("imageTags", []))
        if not tags:
            raise CheckFailed(f"ECR has no image in {name}")
        size = max(image["imageSizeInBytes"] for image in images) / 1e6
        return f"{name}: {', '.join(tags)} ({size:.0f} MB)"

    def want_workers(self, count: int) -> None:
        """Let the group have *count* workers."""
        self.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=self.outputs["WorkerGroupName"], DesiredCapacity=count
        )

    def healthy_targets(self) -> set[str]:
        """Return the ids of the instances that the load balancer sends requests to."""
        health = self.client("elbv2").describe_target_health(TargetGroupArn=self.outputs["TargetGroupArn"])
        return {
            target["Target"]["Id"]
            for target in health["TargetHealthDescriptions"]
            if target["TargetHealth"]["State"] == "healthy"
        }

    def private_address(self, instance_id: str) -> str:
        """Return an instance's private address."""
        answer = self.client("ec2").describe_instances(InstanceIds=[instance_id])
        return str(answer["Reservations"][0]["Instances"][0]["PrivateIpAddress"])

    def log_lines(self, group: str, limit: int = 50) -> list[str]:
        """Return lines of a log group, the oldest first."""
        events = self.client("logs").filter_log_events(logGroupName=group, limit=limit)["events"]
        return [str(event["message"]) for event in events]


def wait_for(what: str, look: Callable[[], _T | None], timeout: float = 120.0, pause: float = 0.5) -> _T:
    """Look again and again until *look* returns something that holds, and return it.

    :raises CheckFailed: it does not within *timeout* seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise CheckFailed(f"{what}: not within {timeout:.0f} s")
        time.sleep(pause)
