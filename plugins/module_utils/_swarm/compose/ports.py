# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short syntax of ports."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..problems import BadValue, kind, marked
from ..values import is_address

Port = dict[str, t.Any]

_PROTOCOLS = ("tcp", "udp", "sctp")


def short_port(value: t.Any) -> tuple[list[Port], str]:
    """Return the ports of one entry in short syntax, C([ip:][published:]target[/protocol]), and a warning or V("").

    Each has C(target), C(published) (0 when the engine is to choose), C(protocol) and C(mode) V(ingress).
    Raises BadValue.
    """
    entry = str(value)
    address, _slash, protocol = entry.partition("/")
    protocol = protocol.lower() if _slash else "tcp"
    if protocol not in _PROTOCOLS:
        raise BadValue(f"the protocol of {kind(entry)} must be tcp, udp or sctp")
    ip, published_text, target_text = _split(address, entry)
    target = _range(target_text, entry)
    if not published_text:
        published: list[int] = [0] * len(target)
    else:
        published = _range(published_text, entry)
        if len(target) == 1 and len(published) > 1:
            target = target * len(published)
    if len(published) != len(target):
        raise BadValue(
            f"{kind(entry)} publishes {len(published)} ports for {len(target)} container ports; both ranges must be "
            "equally long"
        )
    ports = [
        {"mode": "ingress", "target": inner, "published": outer, "protocol": protocol}
        for inner, outer in zip(target, published)
    ]
    ports.sort(key=lambda port: (f"{port['target']}/{protocol}", port["published"]))
    return ports, _address_warning(ip, entry)


def _split(address: str, entry: str) -> tuple[str, str, str]:
    problem = f'must be a port like 80, "8080:80" or "8080:80/udp", not {kind(entry)}'
    ip = ""
    if address.startswith("["):
        ip, bracket, address = address[1:].partition("]")
        if not bracket or not address.startswith(":"):
            raise BadValue(problem)
        address = address[1:]
    parts = address.split(":")
    if ip and len(parts) == 1:
        raise BadValue(problem)
    if len(parts) == 3 and not ip:
        ip, *parts = parts
    if len(parts) > 2 or not parts[-1]:
        raise BadValue(problem)
    if ip and not is_address(ip):
        raise BadValue(f"{kind(ip)} in {kind(entry)} is not an IP address")
    return ip, parts[0] if len(parts) == 2 else "", parts[-1]


def _range(text: str, entry: str) -> list[int]:
    first, dash, last = text.partition("-")
    numbers = [first, last] if dash else [first]
    for number in numbers:
        if not re.fullmatch(r"[0-9]{1,5}", number) or int(number) > 65535:
            raise BadValue(f'must be a port like 80, "8080:80" or "8080:80/udp", not {kind(entry)}')
    start, end = int(first), int(numbers[-1])
    if end < start:
        raise BadValue(f"the range {marked(text)} in {kind(entry)} runs backwards; write {marked(f'{last}-{first}')}")
    return list(range(start, end + 1))


def _address_warning(ip: str, entry: str) -> str:
    if not ip or ipaddress.ip_address(ip).is_unspecified:
        return ""
    return f"the address in {kind(entry)} is ignored: a service listens on all addresses of a node"
