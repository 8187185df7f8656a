# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Launch templates: versions that inherit, user data in every version, AMI ids from SSM parameters."""

from __future__ import annotations

import copy
from typing import Any

from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import convert_tag_spec, parse_user_data
from moto.ssm.models import ssm_backends

from region.emulator.errors import AwsError
from region.emulator.patching import Patches

RESOLVE_PREFIX = "resolve:ssm:"
USER_DATA_LIMIT = 16384


def find_version(backend: Any, specification: dict[str, Any]) -> Any:
    """Return the template version that a request's LaunchTemplate names; C($Default) when it names none."""
    if specification.get("LaunchTemplateId"):
        template = backend.get_launch_template(specification["LaunchTemplateId"])
    else:
        template = backend.get_launch_template_by_name(specification.get("LaunchTemplateName"))
    return template.get_version(specification.get("Version") or "$Default")


def resolve_image(backend: Any, image_id: str) -> str:
    """Return the AMI id that C(resolve:ssm:name[:version]) stands for; any other value is returned as it is."""
    if not image_id.startswith(RESOLVE_PREFIX):
        return image_id
    name = image_id.removeprefix(RESOLVE_PREFIX)
    parameters = ssm_backends[backend.account_id][backend.region_name]
    parameter = parameters.get_parameter(name)
    if parameter is None:
        raise AwsError("InvalidParameterValue", f"Parameter {name} could not be resolved: it was not found.")
    return str(parameter.value)


def check_user_data(value: Any) -> Any:
    """Return user data in the type that moto keeps.

    :raises AwsError: it is longer than AWS takes (16 KiB before base64).
    """
    if not value:
        return None
    encoded = parse_user_data(str(value))
    length = len(str(encoded)) * 3 // 4
    if length > USER_DATA_LIMIT:
        raise AwsError("InvalidParameterValue", f"User data is limited to {USER_DATA_LIMIT} bytes")
    return encoded


patches = Patches()


@patches.wrap(LaunchTemplate, "create_version")
def create_version(original: Any, self: Any, data: dict[str, Any], description: str) -> Any:
    """moto forgets to convert the user data of versions after the first, and then fails whenever they are used."""
    data["UserData"] = check_user_data(data.get("UserData"))
    return original(self, data, description)


@patches.wrap(LaunchTemplate, "get_version")
def get_version(original: Any, self: Any, num: Any) -> Any:
    """AWS refuses a version number below 1 or that is no number; moto counts from the end of its list or fails."""
    text = str(num)
    if text.lower() not in ("$latest", "$default") and (not text.isdigit() or int(text) < 1):
        raise AwsError("InvalidLaunchTemplateVersion.Malformed", f"Invalid launch template version '{text}'.")
    return original(self, num)


@patches.wrap(LaunchTemplates, "create_launch_template")
def create_launch_template(original: Any, self: Any) -> Any:
    """moto adds the template's own tags to its *data*; AWS keeps the two apart."""
    data = self._get_param("LaunchTemplateData", {})
    given = copy.deepcopy(data.get("TagSpecifications"))
    result = original(self)
    template = self.ec2_backend.get_launch_template(result.result["LaunchTemplate"]["LaunchTemplateId"])
    version = template.versions[0]
    version.data.pop("TagSpecifications", None)
    if given:
        version.data["TagSpecifications"] = given
    version.instance_tags = convert_tag_spec(given or []).get("instance", {})
    return result


@patches.wrap(LaunchTemplates, "create_launch_template_version")
def create_launch_template_version(original: Any, self: Any) -> Any:
    """AWS starts a version from SourceVersion when given and lays the new data over it; moto ignores it."""
    source = self._get_param("SourceVersion")
    if source:
        key = "LaunchTemplateId" if self._get_param("LaunchTemplateId") else "LaunchTemplateName"
        specification = {key: self._get_param(key), "Version": source}
        inherited = copy.deepcopy(find_version(self.ec2_backend, specification).data)
        self.params["LaunchTemplateData"] = {**inherited, **self._get_param("LaunchTemplateData", {})}
    return original(self)


@patches.wrap(LaunchTemplates, "describe_launch_template_versions")
def describe_launch_template_versions(original: Any, self: Any) -> Any:
    """AWS answers up to 200 versions and can resolve AMI aliases; moto answers 15 and ignores ResolveAlias."""
    if not self._get_param("MaxResults"):
        self.params["MaxResults"] = 200
    result = original(self)
    if self._get_param("ResolveAlias"):
        for version in result.result["LaunchTemplateVersions"]:
            data = dict(version["LaunchTemplateData"])
            data["ImageId"] = resolve_image(self.ec2_backend, data.get("ImageId") or "") or None
            version["LaunchTemplateData"] = data
    return result


@patches.wrap(LaunchTemplates, "describe_launch_templates")
def describe_launch_templates(original: Any, self: Any) -> Any:
    """AWS answers up to 200 templates a page and refuses an unknown id; moto answers 15 and is silent."""
    if not self._get_param("MaxResults"):
        self.params["MaxResults"] = 200
    for template_id in self._get_param("LaunchTemplateIds", []):
        self.ec2_backend.get_launch_template(template_id)
    return original(self)


def install() -> None:
    """Patch moto's launch templates."""
    patches.install()
