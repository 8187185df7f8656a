# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSM parameters: values that AWS would refuse, instances that Systems Manager knows."""

from __future__ import annotations

import json
from typing import Any

from moto.kms.models import kms_backends
from moto.ssm.models import ssm_backends
from moto.ssm.responses import SimpleSystemManagerResponse

from region.emulator.ec2 import instances
from region.emulator.errors import AwsError
from region.emulator.patching import Patches

STANDARD_LIMIT = 4096


patches = Patches()


@patches.wrap(SimpleSystemManagerResponse, "put_parameter")
def put_parameter(original: Any, self: Any) -> Any:
    """AWS checks an AMI id of data type aws:ec2:image, a value's length and a key that is named; moto takes all."""
    value, kind = str(self._get_param("Value") or ""), self._get_param("DataType")
    name = self._get_param("Name")
    if kind == "aws:ec2:image" and value not in instances.backend(self.region).amis:
        message = f"Parameter value {value} is not a valid AMI id: the image does not exist."
        raise AwsError("ValidationException", message)
    if len(value.encode()) > STANDARD_LIMIT and self._get_param("Tier") in (None, "Standard"):
        raise AwsError(
            "ValidationException",
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger "
            "parameter value, upgrade the parameter to use the advanced-parameter tier.",
        )
    key = self._get_param("KeyId")
    if self._get_param("Type") == "SecureString" and key and not _is_key(self, key):
        raise AwsError("InvalidKeyId", f"Invalid keyId {key}")
    known = ssm_backends[self.current_account][self.region].get_parameter(name)
    if known is None and not self._get_param("Type"):
        raise AwsError("ValidationException", "A parameter type is required when you create a parameter.")
    if self._get_param("Overwrite") and self._get_param("Tags"):
        raise AwsError(
            "ValidationException",
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
            "remove overwrite flag.",
        )
    return original(self)


@patches.define(SimpleSystemManagerResponse)
def describe_instance_information(self: Any) -> str:
    """Absent from moto. No agent reports here: the list is empty, as for instances without Systems Manager."""
    return json.dumps({"InstanceInformationList": []})


def install() -> None:
    """Patch moto's SSM."""
    patches.install()


def _is_key(response: Any, key: str) -> bool:
    backend = kms_backends[response.current_account][response.region]
    name = key.split(":", 5)[-1]
    if name.startswith("alias/"):
        return name.startswith("alias/aws/") or backend.alias_exists(name)
    return name.removeprefix("key/") in backend.keys
