# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What EC2 refuses because something else still needs it, and the tag keys that belong to AWS."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.responses.tags import TagResponse

from region.emulator.errors import AwsError
from region.emulator.patching import Patches


def _instances(backend: Any) -> list[Any]:
    everything = [one for reservation in backend.reservations.values() for one in reservation.instances]
    return [one for one in everything if one.state != "terminated"]


patches = Patches()


@patches.wrap(SubnetBackend, "delete_subnet")
def delete_subnet(original: Any, self: Any, subnet_id: str) -> Any:
    """AWS keeps a subnet as long as an instance has an address in it."""
    if any(one.subnet_id == subnet_id for one in _instances(self)):
        message = f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
        raise AwsError("DependencyViolation", message)
    return original(self, subnet_id)


@patches.wrap(SecurityGroupBackend, "delete_security_group")
def delete_security_group(original: Any, self: Any, name: str | None = None, group_id: str | None = None) -> Any:
    """AWS keeps a group as long as an instance is in it."""
    if any(group.id == group_id for one in _instances(self) for group in one.security_groups):
        raise AwsError("DependencyViolation", f"resource {group_id} has a dependent object")
    return original(self, name, group_id)


@patches.wrap(TagResponse, "create_tags")
def create_tags(original: Any, self: Any) -> Any:
    """AWS alone writes tags whose keys begin with C(aws:)."""
    for tag in self._get_param("Tags", []):
        if str(tag.get("Key", "")).lower().startswith("aws:"):
            message = "Tag keys starting with 'aws:' are reserved for internal use"
            raise AwsError("InvalidParameterValue", message)
    return original(self)


def install() -> None:
    """Patch moto, which deletes what is in use and lets anybody write AWS's own tags."""
    patches.install()
