# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Fresh logins for running services.

A login travels with the service and is kept by the engine. Sending a service its own spec again with a new login
replaces the old one and restarts nothing: what the engine compares does not include it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ... import _references as references
from ..._errors import ImageUnresolved, OutOfSequence
from ..engine import Engine, encode_auth
from . import digest

Json = dict[str, t.Any]
Login = t.Mapping[str, str]

_TRIES = 4
#: While these last, sending a spec would restart what the engine is doing.
_BUSY = ("updating", "rollback_started")


@dataclasses.dataclass
class Refreshed:
    """What was done.

    Attributes:
        sent: names of services that got a fresh login.
        busy: names of services in the middle of an update; they keep the login that they have.
    """

    sent: list[str] = dataclasses.field(default_factory=list)
    busy: list[str] = dataclasses.field(default_factory=list)


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


def header_for(logins: t.Sequence[Login], image: str) -> str:
    """Return the C(X-Registry-Auth) header for an image, "" without a login."""
    login = login_for(logins, image)
    return encode_auth(login) if login else ""


def refresh(
    engine: Engine, logins: t.Sequence[Login], names: t.Sequence[str] = (), check_mode: bool = False
) -> Refreshed:
    """Send the logins to all services whose image comes from one of their registries.

    Args:
        names: only these services; all when empty.

    Raises:
        ImageUnresolved: a registry refuses its login; nothing was sent then.
    """
    services = [
        service
        for service in engine.services()
        if (not names or service["Spec"]["Name"] in names) and login_for(logins, _image(service["Spec"]))
    ]
    _try_logins(engine, logins, services)
    done = Refreshed()
    for service in sorted(services, key=lambda item: str(item["Spec"]["Name"])):
        name = service["Spec"]["Name"]
        if _busy(service):
            done.busy.append(name)
        elif check_mode or _send(engine, service, logins):
            done.sent.append(name)
        else:
            done.busy.append(name)
    return done


def _try_logins(engine: Engine, logins: t.Sequence[Login], services: t.Iterable[Json]) -> None:
    """Ask each registry once with its login: the engine itself would only say "No such image" when a task needs it."""
    images: dict[str, str] = {}
    for service in services:
        image = _image(service["Spec"])
        images.setdefault(references.registry_of(image), references.without_digest(image))
    for image in images.values():
        try:
            digest.resolve(engine, [image], lambda wanted: header_for(logins, wanted))
        except ImageUnresolved as exc:
            if not exc.missing:  # a tag that was removed since says nothing about the login
                raise


def _send(engine: Engine, service: Json, logins: t.Sequence[Login]) -> bool:
    current: Json | None = service
    for _attempt in range(_TRIES):
        if current is None or _busy(current):
            return False
        auth = header_for(logins, _image(current["Spec"]))
        try:
            engine.update_service(current["ID"], current["Version"]["Index"], current["Spec"], auth)
            return True
        except OutOfSequence:
            current = engine.service(current["ID"])
    return False


def _busy(service: Json) -> bool:
    return (service.get("UpdateStatus") or {}).get("State") in _BUSY


def _image(spec: Json) -> str:
    return str(((spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("Image", ""))
