# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.

"""What must be right about a cluster's settings before anything is made; pure.

Each check returns sentences: what is wrong, with which value, and what to write instead. None means: all is well.
"""

from __future__ import annotations

import ipaddress
import json
import re
import typing as t

from ._words import likest

_SSH = ("ssh", "ssh-keygen")
PROGRAMS = {"endpoint": _SSH, "ssm": (*_SSH, "session-manager-plugin"), "direct": _SSH, "inside": _SSH}
"""What the controller needs for each value of cluster_access, beside Python."""
CLUSTER_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]")
AUTO_SCALING_ROLE = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
IMAGE_ID = re.compile(r"ami-[0-9a-f]{8,17}")
SUBNETS = 8
"""Subnets that the VPC is cut into; the template uses six of them at most."""


GROUPS = frozenset(
    {
        "all",
        "down",
        "draining",
        "leader",
        "localhost",
        "managers",
        "on_demand",
        "ready",
        "spot",
        "ungrouped",
        "workers",
    }
)
"""Groups that the inventory makes of all clusters; one of a cluster's name would join them."""


def check_cluster_name(name: str) -> list[str]:
    """Say what is wrong with *name* as a cluster's name."""
    if name.replace("-", "_") in GROUPS:
        return [f"cluster {name!r} cannot be: the inventory has a group of this name; choose another."]
    if CLUSTER_NAME.fullmatch(name):
        return []
    return [
        f"cluster {name!r} cannot be the name of a cluster: write 2 to 32 characters of a-z, 0-9 and '-', "
        "with a letter first and no '-' last."
    ]


def check_region(region: str, known: t.Collection[str]) -> list[str]:
    """Say what is wrong with *region*, given the names that the SDK knows."""
    if region in known:
        return []
    near = likest(region, known)
    hint = f"did you mean {near}?" if near else "write one such as eu-west-1."
    return [f"There is no AWS region {region!r}: {hint}"]


def check_vpc_cidr(vpc_cidr: str, pools: t.Mapping[str, t.Sequence[str]]) -> list[str]:
    """Say what is wrong with the VPC's addresses.

    :param pools: what must not overlap with them: a name for the reader → CIDRs.
    """
    try:
        vpc = ipaddress.IPv4Network(vpc_cidr)
    except ValueError as exc:
        return [f"vpc_cidr {vpc_cidr!r} is not an IPv4 network ({exc}): write one such as 10.20.0.0/16."]
    if not 16 <= vpc.prefixlen <= 24:
        return [f"vpc_cidr {vpc_cidr} is a /{vpc.prefixlen}: AWS and the subnets in it need a /16 to a /24."]
    found = []
    for name, cidrs in pools.items():
        for cidr in cidrs:
            try:
                overlaps = vpc.overlaps(ipaddress.IPv4Network(cidr))
            except ValueError as exc:
                found.append(f"{name} {cidr!r} is not an IPv4 network ({exc}): write one such as 10.128.0.0/10.")
                continue
            if overlaps:
                found.append(
                    f"vpc_cidr {vpc_cidr} overlaps with the {name} {cidr}, so nodes could not tell containers "
                    "from machines: choose a VPC network outside of it, such as 10.20.0.0/16."
                )
    return found


def subnet_bits(vpc_cidr: str) -> int:
    """Return the host bits of each subnet when *vpc_cidr* is cut into :data:`SUBNETS` equal ones."""
    return 32 - ipaddress.IPv4Network(vpc_cidr).prefixlen - (SUBNETS.bit_length() - 1)


def check_cidr(name: str, value: str) -> list[str]:
    """Say what is wrong with *value*, given for the option *name* as an IPv4 network."""
    try:
        ipaddress.IPv4Network(value)
    except ValueError as exc:
        return [f"{name} {value!r} is not an IPv4 network ({exc}): write one such as 203.0.113.0/24."]
    return []


def check_access(access: str, let_in: t.Mapping[str, str], exists: bool) -> list[str]:
    """Say when nothing lets anybody in.

    :param let_in: name of the setting → who may come directly, empty for nobody.
    :param exists: whether the cluster's VPC is there already.
    """
    found = []
    if access == "direct" and not any(let_in.values()):
        found.append(
            f"cluster_access=direct lets nobody in: give {' or '.join(let_in)}, or leave it out for an endpoint, which "
            "needs no rule."
        )
    for name, value in let_in.items():
        if value.startswith("sg-") and not exists:
            found.append(
                f"{name} {value} is of another VPC than the one that is made, and AWS takes no rule between VPCs that "
                "are not peered: make the cluster without it first."
            )
    return found


def check_programs(access: str, missing: t.Sequence[str]) -> list[str]:
    """Say which programs this machine lacks for the road to the nodes."""
    return (
        [f"cluster_access={access} needs {' and '.join(missing)} on this machine: install it first."] if missing else []
    )


def check_workers(minimum: int, desired: int, maximum: int) -> list[str]:
    """Say what is wrong with the sizes of the worker group."""
    if 0 <= minimum <= desired <= maximum:
        return []
    return [
        f"{desired} workers with a minimum of {minimum} and a maximum of {maximum} cannot be: "
        "write 0 <= minimum <= workers <= maximum."
    ]


def check_managers(managers: int) -> list[str]:
    """Say what is wrong with the number of managers."""
    if managers in (1, 3, 5):
        return []
    return [f"{managers} managers make a poor quorum: write 1 (for a trial), 3 or 5."]


def check_scaling(scale_out: int, scale_in: int) -> list[str]:
    """Say what is wrong with the CPU limits (percent) of the worker group."""
    if 0 <= scale_in < scale_out <= 100:
        return []
    return [
        f"Scaling out above {scale_out} % and in below {scale_in} % of CPU cannot be: "
        "write 0 <= scale_in_cpu < scale_out_cpu <= 100."
    ]


def choose_zones(wanted: t.Sequence[str], count: int, offered: t.Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the availability zones to use and what is wrong with the wish.

    :param wanted: names that the user gave, or none to take the first *count* of *offered*.
    :param offered: names of the region's zones that are available to the account.
    """
    unknown = [zone for zone in wanted if zone not in offered]
    if unknown:
        return [], [f"The region has no availability zone {', '.join(unknown)}: it has {', '.join(offered)}."]
    if wanted:
        if len(set(wanted)) not in (2, 3) or len(set(wanted)) != len(wanted):
            return [], [f"availability_zones {', '.join(wanted)} cannot be: write two or three different ones."]
        return list(wanted), []
    if count not in (2, 3):
        return [], [f"{count} availability zones cannot be: write 2 or 3."]
    if len(offered) < count:
        return [], [f"The region offers {len(offered)} availability zones, {count} are wanted: write {len(offered)}."]
    return sorted(offered)[:count], []


def check_offers(
    types: t.Mapping[str, str], offers: t.Mapping[str, t.Sequence[str]], zones: t.Sequence[str], region: str
) -> list[str]:
    """Say which instance types are not to be had where they are wanted.

    :param types: name of the setting → instance type.
    :param offers: instance type → zones of the region that offer it.
    """
    found = []
    for name, wanted in types.items():
        offered = offers.get(wanted, ())
        missing = [zone for zone in zones if zone not in offered]
        if not offered:
            problem = f"{name} {wanted!r} is not an instance type that {region} offers"
            found.append(f"{problem}: write one such as t3.medium.")
        elif missing:
            found.append(
                f"{name} {wanted} is not offered in {', '.join(missing)}, only in {', '.join(offered)}: choose other "
                "zones or another type."
            )
    return found


def check_architectures(
    types: t.Mapping[str, str], kinds: t.Mapping[str, t.Sequence[str]], architecture: str
) -> list[str]:
    """Say on which instance types an image cannot run.

    :param types: name of the setting → instance type.
    :param kinds: instance type → architectures of its processors.
    """
    return [
        f"{name} {wanted} has {' or '.join(kinds[wanted])} processors and the image is for {architecture}: choose "
        "another type, or bake an image for it."
        for name, wanted in types.items()
        if kinds.get(wanted) and architecture not in kinds[wanted]
    ]


def check_volumes(sizes: t.Mapping[str, t.Any], least: int) -> list[str]:
    """Say which root volumes are smaller than the image's snapshot.

    :param sizes: name of the setting → GiB.
    :param least: size of the snapshot, GiB.
    """
    return [
        f"{name} {size} GiB is smaller than the image's own {least} GiB: write {least} or more."
        for name, size in sizes.items()
        if int(size) < least
    ]


def repository_arns(names: t.Sequence[str], partition: str, region: str, account: str) -> tuple[list[str], list[str]]:
    """Return the ARNs of ECR repositories, and what is wrong with *names*.

    :param names: repository names, with ``*`` as a wildcard, or whole ARNs (other accounts and regions).
    """
    arns, wrong = [], []
    for name in names:
        if name.startswith("arn:"):
            arns.append(name)
        elif re.fullmatch(r"[a-z0-9*?][a-z0-9._/*?-]{0,255}", name):
            arns.append(f"arn:{partition}:ecr:{region}:{account}:repository/{name}")
        else:
            wrong.append(f"{name!r} is not an ECR repository: write a name such as shop/gate or shop/*, or an ARN.")
    if not names:
        wrong.append("No ECR repository is given, so nodes could pull nothing: write names, or '*' for all.")
    return arns, wrong


def one_message(findings: t.Sequence[str]) -> str:
    """Return *findings* as the message of a failed task; one finding stays one sentence."""
    if len(findings) == 1:
        return findings[0]
    return " ".join([f"{len(findings)} things are wrong.", *(f"({n}) {text}" for n, text in enumerate(findings, 1))])


def check_volume_key(key: str, policy: str, grantees: t.Collection[str], partition: str, account: str) -> list[str]:
    """Say when Auto Scaling may not use the key of the volumes: no instance starts then, and nothing says why.

    Its service-linked role gets no rights on keys from IAM, so that the key's policy or a grant must name it. Source:
    Amazon EC2 Auto Scaling user guide, "Required AWS KMS key policy for use with encrypted volumes".

    :param key: the key's ARN.
    :param policy: the key's policy, JSON.
    :param grantees: whom its grants let use it.
    :param account: where the instances start.
    """
    role = f"arn:{partition}:iam::{account}:{AUTO_SCALING_ROLE}"
    if {*grantees, *_allowed(json.loads(policy))} & {role, "*"}:
        return []
    allowed = "Encrypt Decrypt ReEncryptFrom ReEncryptTo GenerateDataKey GenerateDataKeyWithoutPlaintext DescribeKey"
    return [
        f"The image is encrypted with the key {key}, which Auto Scaling may not use, so no instance would start: "
        f"aws kms create-grant --region {key.split(':')[3]} --key-id {key} --grantee-principal {role} "
        f"--operations CreateGrant {allowed}"
    ]


def _allowed(policy: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield the principals that a policy allows something."""
    for statement in policy.get("Statement", ()):
        principal = statement.get("Principal")
        named = principal.get("AWS", ()) if isinstance(principal, dict) else principal or ()
        if statement.get("Effect") == "Allow":
            yield from [named] if isinstance(named, str) else named
