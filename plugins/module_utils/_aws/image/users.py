# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What uses an image: instances, launch templates, groups and SSM parameters. One function per API call."""

from __future__ import annotations

import typing as t

from ..ec2 import describe_instances
from ..errors import api_call
from .published import published_images

_NOT_ENDED = ("pending", "running", "stopping", "stopped", "shutting-down")


def by_instances(client: t.Any, image_ids: t.Sequence[str]) -> dict[str, list[str]]:
    """Return the instances, in any state but terminated, that were started from *image_ids*."""
    used: dict[str, list[str]] = {}
    for found in describe_instances(client, {"image-id": image_ids, "instance-state-name": _NOT_ENDED}).values():
        used.setdefault(found.image_id, []).append(f"instance {found.instance_id}")
    return used


@api_call("list the launch templates", permission="ec2:DescribeLaunchTemplates")
def _list_templates(client: t.Any) -> list[tuple[str, str]]:
    pages = client.get_paginator("describe_launch_templates").paginate()
    return [
        (found["LaunchTemplateId"], found.get("LaunchTemplateName", ""))
        for page in pages
        for found in page["LaunchTemplates"]
    ]


@api_call("list the versions of {template_id}", permission="ec2:DescribeLaunchTemplateVersions", missing=())
def _template_versions(client: t.Any, template_id: str, versions: t.Sequence[str]) -> list[dict[str, t.Any]]:
    found = client.describe_launch_template_versions(LaunchTemplateId=template_id, Versions=list(versions))
    return t.cast("list[dict[str, t.Any]]", found["LaunchTemplateVersions"])


@api_call("list the Auto Scaling groups", permission="autoscaling:DescribeAutoScalingGroups")
def _group_versions(client: t.Any) -> dict[str, set[str]]:
    """Return the launch template versions that groups start instances from, by template id."""
    used: dict[str, set[str]] = {}
    for page in client.get_paginator("describe_auto_scaling_groups").paginate():
        for group in page["AutoScalingGroups"]:
            mixed = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {}).get("LaunchTemplateSpecification")
            for template in (group.get("LaunchTemplate"), mixed):
                if template and template.get("LaunchTemplateId"):
                    used.setdefault(template["LaunchTemplateId"], set()).add(str(template.get("Version", "$Default")))
    return used


def by_launch_templates(ec2: t.Any, autoscaling: t.Any) -> dict[str, list[str]]:
    """Return the images that launch templates name: in their newest and default versions, and in those of groups."""
    groups = _group_versions(autoscaling)
    used: dict[str, list[str]] = {}
    for template_id, name in _list_templates(ec2):
        wanted = {"$Latest", "$Default"} | groups.get(template_id, set())
        # None of a template that was deleted since it was listed.
        for version in _template_versions(ec2, template_id, sorted(wanted)):
            image = version.get("LaunchTemplateData", {}).get("ImageId", "")
            if image:
                text = f"launch template {name or template_id} version {version['VersionNumber']}"
                if text not in used.setdefault(image, []):
                    used[image].append(text)
    return used


def by_parameters(client: t.Any) -> dict[str, list[str]]:
    """Return the images that SSM parameters of any cluster publish."""
    return {
        image_id: [f"SSM parameter {name}" for name in names] for image_id, names in published_images(client).items()
    }


def find_users(session: t.Any, image_ids: t.Sequence[str]) -> dict[str, list[str]]:
    """Return who uses each of *image_ids*, in words; an image without users is not in the answer.

    :param session: an ``AwsSession``.
    """
    if not image_ids:
        return {}
    ec2 = session.client("ec2")
    used: dict[str, list[str]] = {}
    for found in (
        by_instances(ec2, image_ids),
        by_launch_templates(ec2, session.client("autoscaling")),
        by_parameters(session.client("ssm")),
    ):
        for image_id, users in found.items():
            if image_id in image_ids:
                used.setdefault(image_id, []).extend(users)
    return used
