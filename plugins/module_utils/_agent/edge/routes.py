# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes: what the managers' feed tells the edges. Pure: from service and task objects to a document, and back.

A service is routed when it has the label C(edge.port). Its tasks are upstreams while they run and are meant to run; the
engine counts a task with a health check as running only once it is healthy. A task that is to stop loses its wanted
state about three seconds before the container gets its signal, so it leaves the routes first.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import typing as t
from dataclasses import asdict, dataclass

from ..._errors import SwarmError
from ..._swarm.problems import BadValue
from ..._swarm.routes import PORT, read
from ..._swarm.tasks import RUNNING, state_of

SCHEMA = 1

_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_VALUES = ("host", "path", "port", "balance", "weight")


@dataclass(frozen=True)
class Task:
    """A running task of a routed service.

    :ivar address: IPv4 address on the edge network.
    """

    task_id: str
    address: str


@dataclass(frozen=True)
class Route:
    """One service's share of the outside traffic.

    :ivar host: C("") takes every host, C("*.example.org") all below.
    :ivar path: Prefix, by whole segments.
    """

    service: str
    port: int
    host: str = ""
    path: str = "/"
    balance: str = "round_robin"
    weight: int = 1
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True)
class Routes:
    """All routes of a swarm.

    :ivar problems: service name → why its labels make no route.
    """

    routes: tuple[Route, ...] = ()
    problems: t.Mapping[str, str] | None = None

    def to_json(self) -> str:
        """Return the document that the feed serves; equal routes give equal text."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "routes": [
                    {
                        "service": route.service,
                        "host": route.host,
                        "path": route.path,
                        "port": route.port,
                        "balance": route.balance,
                        "weight": route.weight,
                        "tasks": [{"id": task.task_id, "address": task.address} for task in route.tasks],
                    }
                    for route in self.routes
                ],
                "problems": dict(sorted((self.problems or {}).items())),
            },
            indent=1,
            sort_keys=True,
        )


def version(document: str) -> str:
    """Return what tells this document from others (the feed's ETag, without quotes)."""
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def parse(document: str) -> Routes:
    """Read a document of the feed; every value is checked again, because it becomes part of nginx's configuration.

    A manager of another version may let through what this one does not: that costs one service its route.

    :raises SwarmError: it is not a document of a known schema, or holds a value that cannot be.
    """
    try:
        data = json.loads(document)
        if data["schema"] != SCHEMA:
            raise SwarmError(f"The route feed has schema {data['schema']!r}; this version reads {SCHEMA}.")
        problems = {str(name): str(text) for name, text in data["problems"].items()}
        found = [
            _route(
                str(item["service"]),
                {f"edge.{key}": str(item[key]) for key in _VALUES},
                tuple(Task(str(task["id"]), _address(str(task["address"]))) for task in item["tasks"]),
                problems,
            )
            for item in data["routes"]
        ]
        return Routes(tuple(route for route in found if route), problems)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise SwarmError(f"The route feed has a wrong form: {exc!r}") from exc


def routed(services: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, t.Mapping[str, t.Any]]:
    """Return id → service object for those with the label C(edge.port)."""
    return {str(s["ID"]): s for s in services if PORT in (s["Spec"].get("Labels") or {})}


def collect(
    services: t.Mapping[str, t.Mapping[str, t.Any]], tasks: t.Iterable[t.Mapping[str, t.Any]], network: str
) -> Routes:
    """Return the routes of *services* (id → object) with their running *tasks*.

    :param network: name of the overlay network between edge and services.
    """
    upstreams: dict[str, list[Task]] = {service_id: [] for service_id in services}
    for task in tasks:
        if task.get("ServiceID") in upstreams and task["DesiredState"] == RUNNING == state_of(task):
            address = _on_network(task, network)
            if address:
                upstreams[str(task["ServiceID"])].append(Task(str(task["ID"]), address))
    problems: dict[str, str] = {}
    found = [
        _route(
            str(service["Spec"]["Name"]),
            service["Spec"]["Labels"],
            tuple(sorted(upstreams[service_id], key=lambda task: task.task_id)),
            problems,
        )
        for service_id, service in services.items()
    ]
    routes = sorted(filter(None, found), key=lambda route: (route.host, route.path, route.service))
    return Routes(tuple(routes), problems)


def _on_network(task: t.Mapping[str, t.Any], network: str) -> str:
    for attachment in task.get("NetworksAttachments") or ():
        if attachment["Network"]["Spec"]["Name"] == network and attachment.get("Addresses"):
            return str(attachment["Addresses"][0]).partition("/")[0]
    return ""


def _route(
    service: str, labels: t.Mapping[str, str], tasks: tuple[Task, ...], problems: dict[str, str]
) -> Route | None:
    """Return the route of a service's labels; None when there is a problem with them, which is noted.

    :raises SwarmError: there can be no service of that name.
    """
    if not _SERVICE.fullmatch(service):
        raise SwarmError(f"{service!r} is no service name")
    try:
        route = read(labels)
    except BadValue as exc:
        problems[service] = "".join(c if c.isprintable() else " " for c in f"{exc.path[0]} {exc}")
        return None
    return Route(service=service, tasks=tasks, **asdict(route)) if route else None


def _address(text: str) -> str:
    return str(ipaddress.IPv4Address(text))
