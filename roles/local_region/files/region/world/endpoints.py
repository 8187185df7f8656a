# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host names under which AWS's APIs are reached, taken from botocore's own data."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import Loader

DOMAIN = "amazonaws.com"


@cache
def _partition() -> dict[str, Any]:
    """Return botocore's description of the commercial partition C(aws)."""
    partitions: list[dict[str, Any]] = Loader().load_data("endpoints")["partitions"]
    return next(partition for partition in partitions if partition["partition"] == "aws")


@cache
def regions() -> tuple[str, ...]:
    """Return the names of all commercial regions, sorted."""
    return tuple(sorted(_partition()["regions"]))


@cache
def global_hosts() -> tuple[str, ...]:
    """Return the host names outside any region, such as C(iam.amazonaws.com), sorted."""
    hosts = {f"{service}.{DOMAIN}" for service in ("ec2", "s3", "sts", "iam", "autoscaling", "elasticloadbalancing")}
    for service in _partition()["services"].values():
        for endpoint in service.get("endpoints", {}).values():
            name = str(endpoint.get("hostname", ""))
            if name.endswith(f".{DOMAIN}") and name.count(".") == 2:
                hosts.add(name)
    return tuple(sorted(hosts))


def tunnel_domain(region: str) -> str:
    """Return the domain of the names of Instance Connect Endpoints; AWS has more of them, for many accounts."""
    return f"0a1b2c3d.ec2-instance-connect-endpoint.{region}.{DOMAIN}"


def private_domain(region: str) -> str:
    """Return the domain of the private names of instances in *region*."""
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
