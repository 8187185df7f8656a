# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of DescribeInstances, all with EC2's wildcards, and what other descriptions lack in moto."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from moto.ec2 import utils as ec2_utils
from moto.ec2.models.amis import Ami

from region.emulator.ec2.instances import CODES
from region.emulator.errors import AwsError
from region.emulator.patching import Patches

Getter = Callable[[Any], Iterable[Any]]


def _tags(instance: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in instance.get_tags()}


def _profile(instance: Any, key: str) -> list[str]:
    return [instance.iam_instance_profile[key]] if instance.iam_instance_profile else []


def _nics(instance: Any, attribute: str) -> list[Any]:
    return [getattr(nic, attribute, None) for nic in instance.nics.values()]


def _volumes(instance: Any, attribute: str) -> list[Any]:
    return [getattr(device, attribute) for dummy, device in instance.get_block_device_mapping]


INSTANCE_FILTERS: dict[str, Getter] = {
    "affinity": lambda i: [],
    "architecture": lambda i: [i.architecture],
    "availability-zone": lambda i: [i.availability_zone],
    "block-device-mapping.device-name": lambda i: [name for name, dummy in i.get_block_device_mapping],
    "block-device-mapping.volume-id": lambda i: _volumes(i, "volume_id"),
    "client-token": lambda i: [i.client_token],
    "dns-name": lambda i: [i.public_dns_name],
    "group-id": lambda i: [group.id for group in i.security_groups],
    "group-name": lambda i: [group.name for group in i.security_groups],
    "hypervisor": lambda i: [i.hypervisor],
    "iam-instance-profile.arn": lambda i: _profile(i, "Arn"),
    "iam-instance-profile.id": lambda i: _profile(i, "Id"),
    "iam-instance-profile.name": lambda i: [arn.rsplit("/", 1)[-1] for arn in _profile(i, "Arn")],
    "image-id": lambda i: [i.image_id],
    "instance-id": lambda i: [i.id],
    "instance-lifecycle": lambda i: [i.lifecycle],
    "instance-state-code": lambda i: [str(CODES[i.state])],
    "instance-state-name": lambda i: [i.state],
    "instance-type": lambda i: [i.instance_type],
    "instance.group-id": lambda i: [group.id for group in i.security_groups],
    "instance.group-name": lambda i: [group.name for group in i.security_groups],
    "ip-address": lambda i: [i.public_ip],
    "key-name": lambda i: [i.key_name],
    "launch-index": lambda i: [str(i.ami_launch_index)],
    "metadata-options.http-endpoint": lambda i: [i.metadata_options.http_endpoint],
    "metadata-options.http-tokens": lambda i: [i.metadata_options.http_tokens],
    "metadata-options.instance-metadata-tags": lambda i: [i.metadata_options.instance_metadata_tags],
    "monitoring-state": lambda i: [i.monitoring_state],
    "network-interface.network-interface-id": lambda i: _nics(i, "id"),
    "network-interface.private-dns-name": lambda i: [i.private_dns_name],
    "network-interface.addresses.private-ip-address": lambda i: _nics(i, "private_ip_address"),
    "network-interface.subnet-id": lambda i: [nic.subnet.id for nic in i.nics.values()],
    "network-interface.vpc-id": lambda i: [nic.subnet.vpc_id for nic in i.nics.values()],
    "owner-id": lambda i: [i.owner_id],
    "placement-group-name": lambda i: [i.placement.group_name],
    "platform": lambda i: [i.platform],
    "private-dns-name": lambda i: [i.private_dns_name],
    "private-ip-address": lambda i: [i.private_ip],
    "product-code": lambda i: i.product_codes,
    "requester-id": lambda i: [],
    "root-device-name": lambda i: [i.root_device_name],
    "root-device-type": lambda i: [i.root_device_type],
    "source-dest-check": lambda i: [str(i.source_dest_check).lower()],
    "state-reason-code": lambda i: [i.state_reason.code],
    "subnet-id": lambda i: [i.subnet_id],
    "tag-key": lambda i: list(_tags(i)),
    "tag-value": lambda i: list(_tags(i).values()),
    "tenancy": lambda i: [i.placement.tenancy],
    "virtualization-type": lambda i: [i.virtualization_type],
    "vpc-id": lambda i: [i.vpc_id],
}


def _pattern(value: str) -> re.Pattern[str]:
    parts = re.split(r"([*?])", value)
    return re.compile("".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts), re.DOTALL)


def check(filters: dict[str, list[str]]) -> None:
    """Refuse filters that EC2 does not have.

    :raises AwsError: as EC2 does.
    """
    for name in filters:
        if not name.startswith("tag:") and name not in INSTANCE_FILTERS:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")


def matches(instance: Any, filters: dict[str, list[str]]) -> bool:
    """Say whether the instance passes all of the filters; of a filter's values one is enough.

    :raises AwsError: EC2 has no filter of that name.
    """
    check(filters)
    for name, values in filters.items():
        if name.startswith("tag:"):
            key = name.removeprefix("tag:")
            own: Iterable[Any] = [value for tag, value in _tags(instance).items() if tag == key]
        else:
            own = INSTANCE_FILTERS[name](instance)
        patterns = [_pattern(value) for value in values]
        if not any(pattern.fullmatch(str(one)) for one in own if one is not None for pattern in patterns):
            return False
    return True


patches = Patches()


@patches.wrap(Ami, "get_filter_value")
def get_filter_value(original: Any, self: Any, filter_name: str, method_name: str | None = None) -> Any:
    """moto lacks these filters of DescribeImages."""
    known: dict[str, Callable[[], Any]] = {
        "description": lambda: self.description or "",
        "root-device-type": lambda: self.root_device_type,
        "root-device-name": lambda: self.root_device_name,
        "hypervisor": lambda: self.hypervisor,
        "ena-support": lambda: str(bool(self.ena_support)).lower(),
        "image-type": lambda: self.image_type,
        "creation-date": lambda: ec2_utils.format_timestamp(self.creation_date),
        "block-device-mapping.snapshot-id": lambda: [
            one["Ebs"].get("SnapshotId") for one in self.block_device_mappings if "Ebs" in one
        ],
        "block-device-mapping.encrypted": lambda: [
            str(bool(one["Ebs"].get("Encrypted"))).lower() for one in self.block_device_mappings if "Ebs" in one
        ],
    }
    if filter_name in known:
        return known[filter_name]()
    return original(self, filter_name, method_name)


def install() -> None:
    """Replace moto's filters: it knows some of them, most without wildcards, and fails on the rest."""
    patches.install()
    ec2_utils.passes_filter_dict = matches
