# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(edge.*) labels of a service: which outside requests it answers. Pure.

The one grammar for those that write labels (stack files, the module C(service)) and for the edges that serve them, so
that what is deployed is served. What it lets through means nothing to the web server's own language.
"""

from __future__ import annotations

import re
import typing as t

from .._words import nearest
from .model import BALANCES, Route
from .problems import BadValue, kind

PORT = "edge.port"
_PREFIX = "edge."
_LABELS = ("edge.host", "edge.path", PORT, "edge.balance", "edge.weight")
_WORD = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?(?:{_WORD}\.)*{_WORD}")
# The web server compares paths with requests' when it has decoded those and taken out "//", "/./" and "/../".
_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~@:+,=-]+"
_PATH = re.compile(rf"/(?:{_SEGMENT}/)*(?:{_SEGMENT})?")
#: Before 1.23.4 nginx counts the letters of a location in one byte (trac.nginx.org ticket 2435).
_LONGEST_PATH = 250
#: Where the edges answer themselves.
_RESERVED = "/_edge"


def read(labels: t.Mapping[str, str]) -> Route | None:
    """Return the route that a service's labels describe, in one form for all that mean the same; None without any.

    :raises BadValue: for the first label that is wrong, which is its path.
    """
    own = {name: value.strip() for name, value in labels.items() if name.startswith(_PREFIX)}
    for label in own:
        if label not in _LABELS:
            raise BadValue(f"is not a label of a route{nearest(label, _LABELS) or '; remove it'}", (label,))
    if not own:
        return None
    if PORT not in own:
        raise BadValue('a route needs the label "edge.port" with the port in the container', (next(iter(own)),))
    return Route(
        port=_number(own, PORT, "", "a port from", 1, 65535),
        host=_host(own.get("edge.host", "")),
        path=_path(own.get("edge.path", "/")),
        balance=_balance(own.get("edge.balance", BALANCES[0])),
        weight=_number(own, "edge.weight", "1", "a number from", 0, 1000),
    )


def _host(text: str) -> str:
    host = text.lower().removesuffix(".")
    if text and (len(host) > 253 or not _HOST.fullmatch(host)):
        raise BadValue(
            f'must be a host name like "shop.example.org" or "*.example.org", not {kind(text)}', ("edge.host",)
        )
    return host


def _path(text: str) -> str:
    path = text.rstrip("/") or "/"
    if not _PATH.fullmatch(text):
        raise BadValue(f'must be a path like "/api", not {kind(text)}', ("edge.path",))
    if len(path) > _LONGEST_PATH:
        raise BadValue(f"must have {_LONGEST_PATH} characters at most, not {len(path)}", ("edge.path",))
    if path == _RESERVED or path.startswith(f"{_RESERVED}/"):
        raise BadValue(f"must not lie below {_RESERVED}, where the edge itself answers", ("edge.path",))
    return path


def _balance(text: str) -> str:
    if text not in BALANCES:
        listed = f"{', '.join(BALANCES[:-1])} or {BALANCES[-1]}"
        raise BadValue(f"must be {listed}, not {kind(text)}{nearest(text, BALANCES)}", ("edge.balance",))
    return text


def _number(own: t.Mapping[str, str], label: str, default: str, what: str, least: int, most: int) -> int:
    text = own.get(label, default)
    if not re.fullmatch(r"[0-9]{1,5}", text) or not least <= int(text) <= most:
        raise BadValue(f"must be {what} {least} to {most}, not {kind(text)}", (label,))
    return int(text)
