# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security group rules without ports."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.security_groups import SecurityGroupRule

from region.emulator.errors import AwsError
from region.emulator.patching import Patches

WITH_PORTS = ("tcp", "6", "udp", "17", "icmp", "1", "icmpv6", "58")


patches = Patches()


@patches.wrap(SecurityGroupRule, "__init__")
def new_rule(
    original: Any,
    self: Any,
    ec2_backend: Any,
    ip_protocol: str,
    group_id: str,
    from_port: Any,
    to_port: Any,
    *args: Any,
    **kwargs: Any,
) -> None:
    """AWS takes a protocol number without ports (ESP is 50) and keeps no ports for it; moto fails."""
    protocol = str(ip_protocol).lower()
    if protocol in WITH_PORTS:
        if from_port is None or to_port is None:
            raise AwsError(
                "MissingParameter", "When protocol is TCP, UDP or ICMP, you must specify FromPort and ToPort."
            )
        original(self, ec2_backend, ip_protocol, group_id, from_port, to_port, *args, **kwargs)
        return
    original(self, ec2_backend, "-1", group_id, None, None, *args, **kwargs)
    self.ip_protocol = "-1" if protocol in ("-1", "all") else str(ip_protocol)


def install() -> None:
    """Patch moto's rules."""
    patches.install()
