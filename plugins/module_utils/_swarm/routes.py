# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""C(edge.*) labels of a service: which outside requests it answers."""

from __future__ import annotations

import re
import typing as t

from .._words import nearest
from .compose import Project
from .model import BALANCES, Route
from .problems import kind

PREFIX = "edge."
_LABELS = ("edge.host", "edge.path", "edge.port", "edge.balance", "edge.weight")
_HOST = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# What may stand in a path and means nothing to the web server's configuration.
_PATH = re.compile(r"/[A-Za-z0-9._~%/@:+,=-]*")


def routes(project: Project, service: str, labels: t.Mapping[str, str]) -> list[Route]:
    """Return the routes that the labels of C(deploy.labels) describe. Raises ComposeError."""
    own = {name: value for name, value in labels.items() if name.startswith(PREFIX)}
    if not own:
        return []

    def fail(label: str, problem: str) -> t.NoReturn:
        raise project.error(("services", service, "deploy", "labels", label), problem)

    for label in own:
        if label not in _LABELS:
            fail(label, f"is not a label of a route{nearest(label, _LABELS) or '; remove it'}")
    if "edge.port" not in own:
        fail(next(iter(own)), 'a route needs the label "edge.port" with the port in the container')
    port = _number(own["edge.port"], 1, 65535)
    if port is None:
        fail("edge.port", f"must be a port from 1 to 65535, not {kind(own['edge.port'])}")
    host = own.get("edge.host", "").lower().rstrip(".")
    if host and (len(host) > 253 or not _HOST.fullmatch(host)):
        fail(
            "edge.host", f'must be a host name like "shop.example.org" or "*.example.org", not {kind(own["edge.host"])}'
        )
    path = own.get("edge.path", "/")
    if not _PATH.fullmatch(path):
        fail("edge.path", f'must be a path like "/api", not {kind(path)}')
    balance = own.get("edge.balance", BALANCES[0])
    if balance not in BALANCES:
        listed = ", ".join(BALANCES[:-1])
        fail("edge.balance", f"must be {listed} or {BALANCES[-1]}, not {kind(balance)}{nearest(balance, BALANCES)}")
    weight = _number(own.get("edge.weight", "1"), 0, 1000)
    if weight is None:
        fail("edge.weight", f"must be a number from 0 to 1000, not {kind(own['edge.weight'])}")
    return [Route(port=port, host=host, path=path, balance=balance, weight=weight)]


def _number(text: str, least: int, most: int) -> int | None:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not least <= int(text) <= most:
        return None
    return int(text)
