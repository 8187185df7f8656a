# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instance metadata tree of one EC2 instance, as IMDS shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from region.emulator import credentials, view
from region.emulator.autoscaling import groups as autoscaling
from region.emulator.ec2 import instance_connect
from region.machines.imds import Metadata, Tree
from region.world import endpoints


def describe(address: str) -> Metadata | None:
    """Return what the instance with the private *address* may read, None when there is none."""
    for instance in view.instances():
        if instance.private_ip == address and instance.state in ("pending", "running", "stopping", "shutting-down"):
            return Metadata(tree(instance), hop_limit=instance.hop_limit) if instance.imds_enabled else None
    return None


def tree(instance: view.InstanceView) -> Tree:
    """Return everything below C(/latest/) for *instance*."""
    return {
        "dynamic": {"instance-identity": {"document": identity_document(instance)}},
        "meta-data": _meta_data(instance),
        "user-data": instance.user_data or None,
    }


def identity_document(instance: view.InstanceView) -> str:
    """Return the instance identity document (JSON)."""
    values = {
        "accountId": instance.account,
        "architecture": instance.architecture,
        "availabilityZone": instance.az,
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceType": instance.instance_type,
        "privateIp": instance.private_ip,
        "region": instance.region,
        "version": "2017-09-30",
    }
    return json.dumps(values, indent=2)


def _meta_data(instance: view.InstanceView) -> Tree:
    key = view.public_key(instance.key_name) if instance.key_name else ""
    return {
        "ami-id": instance.image_id,
        "ami-launch-index": str(instance.ami_launch_index),
        "autoscaling": _autoscaling(instance),
        "hostname": instance.private_dns_name,
        "iam": _iam(instance),
        "instance-action": "none",
        "instance-id": instance.id,
        "instance-life-cycle": instance.lifecycle,
        "instance-type": instance.instance_type,
        "local-hostname": instance.private_dns_name,
        "local-ipv4": instance.private_ip,
        "mac": instance.mac,
        "managed-ssh-keys": {"active-keys": instance_connect.active_keys(instance.id)},
        "network": {"interfaces": {"macs": {instance.mac: _interface(instance)}}},
        "placement": {
            "availability-zone": instance.az,
            "availability-zone-id": instance.az_id,
            "region": instance.region,
        },
        "public-ipv4": instance.public_ip or None,
        "public-keys": {f"0={instance.key_name}": {"openssh-key": key}} if key else None,
        "reservation-id": instance.reservation_id,
        "security-groups": "\n".join(instance.security_groups),
        "services": {"domain": endpoints.DOMAIN, "partition": "aws"},
        "tags": {"instance": instance.tags} if instance.imds_tags_enabled else None,
    }


def _interface(instance: view.InstanceView) -> Tree:
    return {
        "device-number": "0",
        "interface-id": instance.network_interface_id,
        "local-hostname": instance.private_dns_name,
        "local-ipv4s": instance.private_ip,
        "mac": instance.mac,
        "owner-id": instance.account,
        "subnet-id": instance.subnet_id,
        "subnet-ipv4-cidr-block": instance.subnet_cidr,
        "vpc-id": instance.vpc_id,
        "vpc-ipv4-cidr-block": instance.vpc_cidr,
        "vpc-ipv4-cidr-blocks": instance.vpc_cidr,
    }


def _iam(instance: view.InstanceView) -> Tree | None:
    issued = credentials.for_instance(instance.id)
    if issued is None:
        return None
    shown = {name: value for name, value in issued.items() if name != "RoleName"}
    info = {"Code": "Success", "InstanceProfileArn": instance.profile_arn, "InstanceProfileId": instance.profile_id}
    return {"info": json.dumps(info), "security-credentials": {issued["RoleName"]: json.dumps(shown)}}


def _autoscaling(instance: view.InstanceView) -> Mapping[str, str] | None:
    state = autoscaling.target_state(instance.region, instance.id)
    return {"target-lifecycle-state": state} if state else None
