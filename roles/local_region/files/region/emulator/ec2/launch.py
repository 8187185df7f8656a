# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RunInstances as AWS does it: template and request laid over each other, idempotency, the AMI's own volumes."""

from __future__ import annotations

import copy
from typing import Any

from moto import settings as moto_settings
from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidInstanceTypeError
from moto.ec2.responses.instances import InstanceResponse

from region.emulator.ec2 import launch_templates
from region.emulator.errors import AwsError
from region.emulator.patching import Patches

# (region, client token) → (parameters, reservation)
_reservations_by_token: dict[tuple[str, str], tuple[dict[str, Any], Any]] = {}


def reset() -> None:
    """Forget client tokens."""
    _reservations_by_token.clear()


patches = Patches()


@patches.wrap(InstanceResponse, "run_instances")
def run_instances(original: Any, self: Any) -> Any:
    """AWS honours the whole launch template, the client token and MaxCount.

    moto takes parts of the template, ignores the token and MaxCount. Ours merges everything first and hands moto one
    complete request.
    """
    token = self._get_param("ClientToken")
    asked = {key: value for key, value in self.params.items() if key != "ClientToken"}
    if token:
        known = _reservations_by_token.get((self.region, token))
        if known is not None:
            if known[0] != asked:
                raise AwsError(
                    "IdempotentParameterMismatch",
                    "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
                )
            return ActionResult(known[1])
    asked = copy.deepcopy(asked)
    version, parameters = _merged(self.ec2_backend, self.params)
    _complete(self.ec2_backend, parameters)
    self.params = parameters
    try:
        result = original(self)
    except InvalidInstanceTypeError as exc:
        wrong = parameters.get("InstanceType")
        raise AwsError("InvalidParameterValue", f"Invalid value '{wrong}' for InstanceType.") from exc
    reservation = result.result
    for instance in reservation.instances:
        _finish(self.ec2_backend, instance, parameters, version)
    if token:
        _reservations_by_token[(self.region, token)] = (asked, reservation)
    return result


def install() -> None:
    """Patch RunInstances."""
    patches.install()
    moto_settings.ENABLE_KEYPAIR_VALIDATION = True
    moto_settings.EC2_ENABLE_INSTANCE_TYPE_VALIDATION = True


def _merged(backend: Any, request: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the template version, if any, and the request laid over its data."""
    specification = request.get("LaunchTemplate")
    merged = {key: value for key, value in request.items() if key != "LaunchTemplate"}
    version = None
    if specification:
        version = launch_templates.find_version(backend, specification)
        data = {key: value for key, value in copy.deepcopy(version.data).items() if value is not None}
        merged = {**data, **merged}
        for key in ("MetadataOptions", "Placement"):
            if key in data and key in request:
                merged[key] = {**data[key], **request[key]}
        merged["TagSpecifications"] = _tags(data.get("TagSpecifications", []) + request.get("TagSpecifications", []))
        merged["NetworkInterfaces"] = _interfaces(
            data.get("NetworkInterfaces", []), request.get("NetworkInterfaces", [])
        )
    if not merged.get("ImageId"):
        raise AwsError("MissingParameter", "The request must contain the parameter ImageId")
    merged["ImageId"] = launch_templates.resolve_image(backend, merged["ImageId"])
    merged["UserData"] = str(launch_templates.check_user_data(merged.get("UserData")) or "") or None
    return version, {key: value for key, value in merged.items() if value not in (None, [])}


def _tags(specifications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_type: dict[str, dict[str, str]] = {}
    for one in specifications:
        tags = by_type.setdefault(one["ResourceType"], {})
        tags.update({tag["Key"]: tag.get("Value", "") for tag in one.get("Tags", [])})
    return [
        {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for kind, tags in by_type.items()
        if tags
    ]


def _interfaces(template: list[dict[str, Any]], request: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_index = {int(one.get("DeviceIndex", 0)): dict(one) for one in template}
    for one in request:
        index = int(one.get("DeviceIndex", 0))
        by_index[index] = {**by_index.get(index, {}), **one}
    for index, one in by_index.items():
        one["DeviceIndex"] = index
    return [by_index[index] for index in sorted(by_index)]


def _complete(backend: Any, parameters: dict[str, Any]) -> None:
    """Fill in what AWS derives: the subnet, the security groups, the volumes of the AMI."""
    image = _usable_image(backend, parameters["ImageId"])
    if int(parameters.get("MaxCount", 1)) < int(parameters.get("MinCount", 1)):
        raise AwsError("InvalidParameterValue", "MaxCount must not be less than MinCount")
    parameters["MinCount"] = parameters.get("MaxCount", parameters.get("MinCount", 1))
    interfaces = parameters.get("NetworkInterfaces", [])
    if interfaces and interfaces[0].get("Groups"):
        parameters["SecurityGroupIds"] = interfaces[0].pop("Groups")
    subnet_id = parameters.get("SubnetId") or next((one["SubnetId"] for one in interfaces if "SubnetId" in one), None)
    if subnet_id is None:
        subnet_id = _default_subnet(backend, parameters.get("Placement", {}).get("AvailabilityZone"))
        (interfaces[0] if interfaces else parameters)["SubnetId"] = subnet_id
    if not parameters.get("SecurityGroupIds") and not parameters.get("SecurityGroups"):
        group = backend.get_security_group_from_name("default", vpc_id=backend.get_subnet(subnet_id).vpc_id)
        parameters["SecurityGroupIds"] = [group.id] if group else []
    parameters["BlockDeviceMappings"] = block_devices(image, parameters.get("BlockDeviceMappings", []))


def _usable_image(backend: Any, image_id: str) -> Any:
    image = backend.describe_images(ami_ids=[image_id])
    if not image:
        raise AwsError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    if image[0].state != "available":
        raise AwsError(
            "InvalidAMIID.Unavailable", f"The image ID '{image_id}' is not available: it is {image[0].state}"
        )
    return image[0]


def _default_subnet(backend: Any, zone: str | None) -> str:
    subnets = backend.get_default_subnets()
    if not subnets:
        raise AwsError("MissingInput", "No subnets found for the default VPC. Please specify a subnet.")
    chosen = subnets.get(zone) if zone else subnets[sorted(subnets)[0]]
    if chosen is None:
        raise AwsError("InvalidInput", f"No default subnet for availability zone: '{zone}'.")
    return str(chosen.id)


def block_devices(image: Any, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lay the request's mappings over the AMI's; a volume goes with its instance unless said otherwise."""
    devices = {one["DeviceName"]: copy.deepcopy(one) for one in image.block_device_mappings}
    for one in asked:
        name = one["DeviceName"]
        if "NoDevice" in one:
            devices.pop(name, None)
            continue
        devices[name] = {"DeviceName": name, "Ebs": {**devices.get(name, {}).get("Ebs", {}), **one.get("Ebs", {})}}
    for one in devices.values():
        one["Ebs"].setdefault("DeleteOnTermination", True)
    return list(devices.values())


def _finish(backend: Any, instance: Any, parameters: dict[str, Any], version: Any) -> None:
    profile = parameters.get("IamInstanceProfile")
    if profile and instance.id not in backend.iam_instance_profile_associations:
        backend.associate_iam_instance_profile(
            instance_id=instance.id,
            iam_instance_profile_name=profile.get("Name"),
            iam_instance_profile_arn=profile.get("Arn"),
        )
    if version is not None:
        instance.add_tags(
            {
                "aws:ec2launchtemplate:id": version.template.id,
                "aws:ec2launchtemplate:version": str(version.number),
            }
        )
    instance.disable_api_termination = bool(parameters.get("DisableApiTermination", False))
    market = parameters.get("InstanceMarketOptions", {})
    if market.get("MarketType") == "spot":
        instance.lifecycle = "spot"
