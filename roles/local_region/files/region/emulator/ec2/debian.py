# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's public base AMIs and the SSM parameters that name the latest of each release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.core.utils import utcnow
from moto.ssm.models import Parameter, ssm_backends

from region.emulator.ec2 import images, instances
from region.emulator.state import runtime

OWNER = "136693071363"
ROOT_DEVICE = "/dev/xvda"
PARAMETER = "/aws/service/debian/release/{major}/latest/{architecture}"


@dataclass(frozen=True)
class Release:
    """One Debian release as Debian's account publishes it.

    :ivar build: date and serial, e.g. 20261101-0000.
    """

    codename: str
    major: int
    build: str
    image_id: str

    @property
    def image_name(self) -> str:
        """The AMI's name, e.g. C(debian-13-amd64-20261101-0000)."""
        return f"debian-{self.major}-amd64-{self.build}"


RELEASES = {
    "bookworm": Release("bookworm", 12, "20261101-0000", "ami-0deb1a00000000012"),
    "trixie": Release("trixie", 13, "20261101-0000", "ami-0deb1a00000000013"),
}


def register(codename: str) -> str:
    """Publish the base AMI of a release (C(bookworm) or C(trixie)) and return its id. Repeating has no effect.

    :raises KeyError: the release is not known.
    """
    release = RELEASES[codename]
    backend = instances.backend()
    if release.image_id not in backend.amis:
        _add_image(backend, release)
    _put_parameter(PARAMETER.format(major=release.major, architecture="amd64"), release.image_id)
    return release.image_id


def _add_image(backend: Any, release: Release) -> None:
    zone = backend.describe_availability_zones()[0].name
    volume = backend.create_volume(images.ROOT_VOLUME_GIB, zone)
    snapshot = backend.create_snapshot(volume.id, release.image_name, OWNER, release.image_id)
    backend.delete_volume(volume.id)
    ebs = {
        "SnapshotId": snapshot.id,
        "VolumeSize": images.ROOT_VOLUME_GIB,
        "VolumeType": "gp3",
        "DeleteOnTermination": True,
        "Encrypted": False,
    }
    images.new_image(
        backend,
        release.image_name,
        [{"DeviceName": ROOT_DEVICE, "Ebs": ebs}],
        image_id=release.image_id,
        description=f"Debian {release.major} ({release.build})",
        owner_id=OWNER,
        public=True,
        root_device_name=ROOT_DEVICE,
        imds_support="v2.0",
    )


def _put_parameter(name: str, value: str) -> None:
    config = runtime.settings
    parameters = ssm_backends[config.account][config.region]._parameters
    if not parameters[name]:
        parameters[name].append(
            Parameter(
                account_id=config.account,
                name=name,
                value=value,
                parameter_type="String",
                description="",
                allowed_pattern=None,
                keyid=None,
                last_modified_date=utcnow(),
                version=1,
                data_type="text",
            )
        )
