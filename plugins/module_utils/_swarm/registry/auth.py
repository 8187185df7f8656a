# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fresh logins for running services.

A login travels with the service and is kept by the engine. Sending a service its own spec again with a new login
replaces the old one and restarts nothing, as long as nothing of the service is on the move: M(..plan.rewrite) says why.
"""

from __future__ import annotations

import base64
import dataclasses
import re
import typing as t

from ... import _references as references
from ..._errors import ImageUnresolved, NotFound, PlanRefused, SwarmError
from .. import tasks, writes
from ..engine import Engine, encode_auth
from ..plan.rewrite import Disturbance, disturbance
from ..plan.tree import image_of
from . import digest

Json = dict[str, t.Any]
Login = t.Mapping[str, str]

#: A name or an address, also one of IPv6, with a port.
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?", re.ASCII)
#: The login of nobody: with it the engine forgets the one that it has.
NOBODY = base64.urlsafe_b64encode(b"{}").decode()
#: Beside these words nothing is known of a service that is written to all the time.
_RESTLESS = Disturbance("it is being written to all the time", passes=True)


@dataclasses.dataclass
class Refreshed:
    """What was done.

    :ivar sent: names of services that got a fresh login.
    :ivar left: name of a service that keeps the login that it has → why it was not written.
    """

    sent: list[str] = dataclasses.field(default_factory=list)
    left: dict[str, Disturbance] = dataclasses.field(default_factory=dict)


def login_for(logins: t.Iterable[Login], image: str) -> Login | None:
    """Return the login for the registry of an image."""
    registry = references.registry_of(image)
    return next((login for login in logins if references.host_of(login["registry"]) == registry), None)


def doubled(logins: t.Iterable[Login]) -> str:
    """Return the host for which there are two logins, "" when there is none: nobody could say which one was meant."""
    seen: set[str] = set()
    for login in logins:
        host = references.host_of(login["registry"])
        if host in seen:
            return host
        seen.add(host)
    return ""


def misnamed(logins: t.Iterable[Login]) -> int:
    """Return the place, from 1, of the first login whose registry is no host, 0 when there is none.

    Such a login fits no image, so that nobody would notice.
    """
    hosts = (references.host_of(login["registry"]) for login in logins)
    return next((place for place, host in enumerate(hosts, 1) if not _HOST.fullmatch(host)), 0)


def header_for(logins: t.Sequence[Login], image: str) -> str:
    """Return the C(X-Registry-Auth) header for an image, "" without a login."""
    login = login_for(logins, image)
    return encode_auth(login) if login else ""


def header_after(header: str, image: str, before: str) -> str:
    """Return the header to send with an image that takes the place of another one (pure).

    Without a header the engine keeps the login of the image before (moby C(daemon/cluster/services.go),
    C(UpdateService)) and sends it to the registry of the new one, which has no business with it and may refuse it.

    :param header: what M(header_for) found for I(image).
    :param before: the image that the service has now.
    """
    if header or not before or references.registry_of(image) == references.registry_of(before):
        return header
    return NOBODY


def refresh(
    engine: Engine, logins: t.Sequence[Login], names: t.Sequence[str] = (), check_mode: bool = False
) -> Refreshed:
    """Send the logins to all services whose image comes from one of their registries.

    :param names: only these services; all when empty.
    :raises ImageUnresolved: a registry refuses its login; nothing was sent then.
    """
    services = [
        service
        for service in engine.services()
        if (not names or service["Spec"]["Name"] in names) and login_for(logins, image_of(service["Spec"]))
    ]
    try_logins(engine, logins, services)
    return renew(engine, logins, services, check_mode)


def renew(
    engine: Engine,
    logins: t.Sequence[Login],
    services: t.Sequence[Json],
    check_mode: bool = False,
    impatient: t.Collection[str] = (),
) -> Refreshed:
    """Send services that were just read the login for their image; leave alone those that this would disturb.

    :param impatient: names of services that are written even if tasks of theirs do not run yet.
    """
    done = Refreshed()
    found = engine.tasks({"service": [service["ID"] for service in services]}) if services else []
    for service in sorted(services, key=lambda item: str(item["Spec"]["Name"])):
        name = service["Spec"]["Name"]
        why = disturbance(service, tasks.of_service(found, service["ID"]))
        if why is not None and why.waiting and name in impatient:
            why = None
        if why is None and not check_mode:
            why = _send(engine, service, logins)
        if why is None:
            done.sent.append(name)
        else:
            done.left[name] = why
    return done


def renew_along(engine: Engine, logins: t.Sequence[Login], names: t.Sequence[str]) -> list[str]:
    """Send the logins of a deploy to those services of it that stay as they are, and return what did not work.

    They need them as much as the others, and a deploy that changes nothing must not fail for it.
    """
    if not logins or not names:
        return []
    try:
        done = refresh(engine, logins, names)
    except SwarmError as exc:
        return [f"logins were not renewed: {exc.message}"]
    kept = [(name, why) for name, why in done.left.items() if not why.job]
    return [f"service {name} keeps the login that it has: {why.reason}" for name, why in kept]


def try_logins(engine: Engine, logins: t.Sequence[Login], services: t.Iterable[Json]) -> None:
    """Ask each registry once with its login: the engine itself would only say "No such image" when a task needs it.

    :raises ImageUnresolved: a registry refuses its login, or does not answer.
    """
    images: dict[str, str] = {}
    for service in services:
        image = image_of(service["Spec"])
        images.setdefault(references.registry_of(image), references.without_digest(image))
    for image in images.values():
        try:
            digest.resolve(engine, [image], lambda wanted: header_for(logins, wanted))
        except ImageUnresolved as exc:
            if not exc.missing:  # a tag that was removed since says nothing about the login
                raise


def _send(engine: Engine, service: Json, logins: t.Sequence[Login]) -> Disturbance | None:
    """Send a service its own spec with its login; return why not, None when it was sent."""
    auth, left = header_for(logins, image_of(service["Spec"])), list[Disturbance]()

    def wanted(live: Json) -> Json | None:
        if live is not service:  # somebody has written to it since, or the answer was lost
            other = header_for(logins, image_of(live["Spec"])) != auth
            why = _RESTLESS if other else disturbance(live, engine.tasks({"service": [live["ID"]]}))
            if why is not None:
                left.append(why)
                return None
        return t.cast(Json, live["Spec"])

    try:
        writes.write_service(engine, service, wanted, auth)
    except NotFound:
        return Disturbance("it was removed")
    except PlanRefused:
        return _RESTLESS
    return left[0] if left else None
