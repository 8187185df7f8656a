#!/usr/bin/python
# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Check a cluster's settings before anything is made
description:
  - Checks everything that can be known to be wrong before the first resource is made, and reports all of it at once,
    each thing in one sentence that says what to write instead.
  - Looks up what the settings leave to AWS, such as the availability zones, and returns it.
  - Only reads.
version_added: 1.0.0
author:
  - apiary.swarm contributors (@apiary-swarm)
extends_documentation_fragment:
  - apiary.swarm.aws
  - apiary.swarm.attributes
  - apiary.swarm.attributes.info_module
options:
  cluster:
    description:
      - The name of the cluster, 2 to 32 characters of V(a-z), V(0-9) and V(-), with a letter first and no V(-) last.
    type: str
    required: true
  vpc_cidr:
    description:
      - The addresses of the VPC, V(/16) to V(/24). Not checked when it is not given.
    type: str
  overlay_pools:
    description:
      - The networks from which the swarm takes its overlay networks. O(vpc_cidr) must not overlap with them.
    type: list
    elements: str
    default: [10.128.0.0/10]
  docker_pools:
    description:
      - The networks from which Docker takes its bridges. O(vpc_cidr) must not overlap with them.
    type: list
    elements: str
    default: [172.28.0.0/14]
  availability_zones:
    description:
      - Two or three availability zones to use.
      - "Default: the first O(zone_count) zones of the region."
    type: list
    elements: str
    default: []
  zones_in_use:
    description:
      - Whether a living cluster is in O(availability_zones), which are then taken as they are, impaired ones too.
    type: bool
    default: false
  instance_types:
    description:
      - Instance types to check, by the name of the setting that gives them - whether each zone offers them, and whether
        O(image) runs on them. Zones that O(zone_count) chooses are ones that offer them all.
    type: dict
    default: {}
  volume_sizes:
    description:
      - Root volumes to check, in GiB, by the name of the setting that gives them - whether O(image) fits.
    type: dict
    default: {}
  zone_count:
    description:
      - How many availability zones to choose when O(availability_zones) names none.
    type: int
    default: 3
  managers:
    description:
      - The number of managers.
    type: int
    default: 3
  workers:
    description:
      - The number of workers to start with.
    type: int
    default: 2
  workers_min:
    description:
      - The least number of workers.
    type: int
    default: 2
  workers_max:
    description:
      - The greatest number of workers.
    type: int
    default: 10
  scale_out_cpu:
    description:
      - The average CPU of the workers, in percent, above which workers are added.
    type: int
    default: 80
  scale_in_cpu:
    description:
      - The average CPU of the workers, in percent, below which a worker is removed.
    type: int
    default: 5
  cidrs:
    description:
      - Further IPv4 networks to check, by the name of the setting that gives them. Empty values are not checked.
    type: dict
    default: {}
  access:
    description:
      - How the nodes are to be reached - whether that lets anybody in, and whether the programs for it are here. Empty
        for no check.
    type: str
    default: ''
    choices: ['', endpoint, ssm, direct, inside]
  access_from:
    description:
      - Who may come directly, by the name of the setting that gives it; a security group cannot be given for a VPC that
        is yet to be made (O(zones_in_use=false)).
    type: dict
    default: {}
  key_name:
    description:
      - An EC2 key pair that must exist. Empty for none.
    type: str
    default: ''
  image:
    description:
      - An image that must exist, as an AMI ID or as the name of an SSM parameter that holds one. Empty for none.
    type: str
    default: ''
  image_hint:
    description:
      - What to do when there is no such image, as the end of the message.
    type: str
    default: Give the ID of an AMI or the name of an SSM parameter that holds one.
  ecr_repositories:
    description:
      - The ECR repositories that nodes pull from, by name, with V(*) as a wildcard, or by ARN.
    type: list
    elements: str
    default: ['*']
seealso:
  - module: apiary.swarm.cluster_record_info
"""

EXAMPLES = r"""
- name: Check the settings
  apiary.swarm.preflight:
    cluster: demo
    region: eu-west-1
    vpc_cidr: 10.20.0.0/16
    image: /swarm-images/demo/ami
  register: checked

- name: Show where the cluster would live
  ansible.builtin.debug:
    var: checked.availability_zones
"""

RETURN = r"""
findings:
  description: What is wrong, one sentence each. Only returned on failure.
  type: list
  elements: str
  returned: failure
account:
  description: The AWS account of the credentials.
  type: str
  returned: success
  sample: "123456789012"
partition:
  description: The part of AWS that the account lives in.
  type: str
  returned: success
  sample: aws
region:
  description: The region.
  type: str
  returned: success
  sample: eu-west-1
availability_zones:
  description: The availability zones to use.
  type: list
  elements: str
  returned: success
  sample: [eu-west-1a, eu-west-1b, eu-west-1c]
subnet_bits:
  description: Host bits of each subnet when O(vpc_cidr) is cut into eight. V(0) when O(vpc_cidr) is not given.
  type: int
  returned: success
  sample: 13
ecr_repository_arns:
  description: The ARNs of O(ecr_repositories).
  type: list
  elements: str
  returned: success
  sample: ["arn:aws:ecr:eu-west-1:123456789012:repository/*"]
image:
  description: The image that O(image) means; empty when O(image) is.
  type: dict
  returned: success
  sample: {"image_id": "ami-0abc1234", "root_device_name": "/dev/xvda", "architecture": "x86_64", "root_size": 8, "user": "admin",
    "validated": true}
"""

import contextlib
import shutil
import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils import _preflight as rules
from ansible_collections.apiary.swarm.plugins.module_utils._aws import kms
from ansible_collections.apiary.swarm.plugins.module_utils._aws.cluster import fleet
from ansible_collections.apiary.swarm.plugins.module_utils._aws.errors import AccessDenied, NotFound, known_regions
from ansible_collections.apiary.swarm.plugins.module_utils._aws.identity import Caller, get_caller
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import api as images
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image import published
from ansible_collections.apiary.swarm.plugins.module_utils._aws.session import AwsSession
from ansible_collections.apiary.swarm.plugins.module_utils._aws.work import AwsWork
from ansible_collections.apiary.swarm.plugins.module_utils._errors import Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "cluster": {"type": "str", "required": True},
    "vpc_cidr": {"type": "str"},
    "overlay_pools": {"type": "list", "elements": "str", "default": ["10.128.0.0/10"]},
    "docker_pools": {"type": "list", "elements": "str", "default": ["172.28.0.0/14"]},
    "availability_zones": {"type": "list", "elements": "str", "default": []},
    "zones_in_use": {"type": "bool", "default": False},
    "instance_types": {"type": "dict", "default": {}},
    "volume_sizes": {"type": "dict", "default": {}},
    "zone_count": {"type": "int", "default": 3},
    "managers": {"type": "int", "default": 3},
    "workers": {"type": "int", "default": 2},
    "workers_min": {"type": "int", "default": 2},
    "workers_max": {"type": "int", "default": 10},
    "scale_out_cpu": {"type": "int", "default": 80},
    "scale_in_cpu": {"type": "int", "default": 5},
    "cidrs": {"type": "dict", "default": {}},
    "access": {"type": "str", "default": "", "choices": ["", *rules.PROGRAMS]},
    "access_from": {"type": "dict", "default": {}},
    "key_name": {"type": "str", "default": "", "no_log": False},
    "image": {"type": "str", "default": ""},
    "image_hint": {
        "type": "str",
        "default": "Give the ID of an AMI or the name of an SSM parameter that holds one.",
    },
    "ecr_repositories": {"type": "list", "elements": "str", "default": ["*"]},
}


def check_settings(params: Params) -> list[str]:
    """Return what is wrong with the settings by themselves, without asking AWS."""
    found = rules.check_cluster_name(params["cluster"])
    if params["vpc_cidr"]:
        pools = {"overlay pool": params["overlay_pools"], "Docker pool": params["docker_pools"]}
        found += rules.check_vpc_cidr(params["vpc_cidr"], pools)
    for name, cidr in params["cidrs"].items():
        if cidr:
            found += rules.check_cidr(name, str(cidr))
    found += rules.check_access(params["access"], params["access_from"], params["zones_in_use"])
    lacking = [name for name in rules.PROGRAMS.get(params["access"], ()) if shutil.which(name) is None]
    found += rules.check_programs(params["access"], lacking)
    found += rules.check_managers(params["managers"])
    found += rules.check_workers(params["workers_min"], params["workers"], params["workers_max"])
    found += rules.check_scaling(params["scale_out_cpu"], params["scale_in_cpu"])
    return found


def find_image(session: AwsSession, reference: str, hint: str) -> tuple[dict[str, t.Any], list[str]]:
    """Return what the image *reference* means, and what is wrong with it."""
    try:
        image_id = published.image_id_of(session.client("ssm"), reference)
    except NotFound:
        return {}, [f"There is no SSM parameter {reference} in {session.region}. {hint}"]
    if not rules.IMAGE_ID.fullmatch(image_id):
        return {}, [f"{reference!r} is not an image ({image_id!r} is not an AMI ID). {hint}"]
    try:
        image = images.get_available_image(session.client("ec2"), image_id)
    except Refused as exc:
        return {}, [f"{exc.message} {hint}"]
    return {
        "image_id": image.image_id,
        "name": image.name,
        "root_device_name": image.root_device_name or "/dev/xvda",
        "validated": image.validated,
        "user": image.user,
        "architecture": image.architecture,
        "root_size": image.root_size,
        "snapshot_ids": list(image.snapshot_ids),
    }, []


def check_keys(session: AwsSession, caller: Caller, image: t.Mapping[str, t.Any]) -> list[str]:
    """Say when instances of *image* could not start because of its key; nothing when the caller may not look."""
    client = session.client("kms")
    found: list[str] = []
    with contextlib.suppress(AccessDenied):
        for key in images.snapshot_keys(session.client("ec2"), image["image_id"], image["snapshot_ids"]):
            if key != kms.arn_of(client, "alias/aws/ebs"):
                policy, grantees = kms.get_policy(client, key), kms.list_grantees(client, key)
                found += rules.check_volume_key(key, policy, grantees, caller.partition, caller.account)
    return found


def find_zones(session: AwsSession, params: Params) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """Return the zones to use, which zones offer each instance type, and what is wrong with the wish."""
    ec2 = session.client("ec2")
    types = sorted(set(params["instance_types"].values()))
    offers = fleet.list_offers(ec2, types) if types else {}
    if params["zones_in_use"]:
        return list(params["availability_zones"]), offers, []
    zones = fleet.list_zones(ec2)
    suited = [zone for zone in zones if all(zone in offered for offered in offers.values() if offered)]
    wanted = params["availability_zones"]
    chosen, wrong = rules.choose_zones(wanted, params["zone_count"], zones if wanted else suited)
    return chosen, offers, wrong


def run(session: AwsSession, params: Params, check_mode: bool) -> Result:
    """Check everything; ask AWS only where the region is one.

    :raises Refused: with all findings.
    """
    found = check_settings(params)
    wrong_region = rules.check_region(session.region, known_regions())
    if wrong_region:
        raise Refused(rules.one_message(found + wrong_region), findings=found + wrong_region)

    caller = get_caller(session.client("sts"))
    zones, offers, wrong = find_zones(session, params)
    found += wrong
    found += rules.check_offers(params["instance_types"], offers, zones, session.region)
    arns, wrong = rules.repository_arns(params["ecr_repositories"], caller.partition, session.region, caller.account)
    found += wrong
    if params["key_name"] and params["key_name"] not in fleet.list_key_pairs(session.client("ec2")):
        found.append(
            f"There is no key pair {params['key_name']!r} in {session.region}: make it, or leave key_name empty."
        )
    image: dict[str, t.Any] = {}
    if params["image"]:
        image, wrong = find_image(session, params["image"], params["image_hint"])
        found += wrong
        if image:
            kinds = fleet.list_architectures(session.client("ec2"), [name for name, zones in offers.items() if zones])
            found += rules.check_architectures(params["instance_types"], kinds, image["architecture"])
            found += check_keys(session, caller, image)
            found += rules.check_volumes(params["volume_sizes"], image["root_size"])
    if found:
        raise Refused(rules.one_message(found), findings=found)
    return {
        "changed": False,
        "account": caller.account,
        "partition": caller.partition,
        "region": session.region,
        "availability_zones": zones,
        "subnet_bits": rules.subnet_bits(params["vpc_cidr"]) if params["vpc_cidr"] else 0,
        "ecr_repository_arns": arns,
        "image": image,
    }


WORK = AwsWork(ARGUMENTS, run)


def main() -> None:
    """Run the module."""
    WORK.main()


if __name__ == "__main__":
    main()
