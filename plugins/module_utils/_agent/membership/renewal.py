# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renews the logins that services pull their images with, on the manager that leads; :mod:`.logins` decides which."""

from __future__ import annotations

import concurrent.futures
import threading
import time
import typing as t
from datetime import datetime, timezone

from ... import _references as references
from ..._aws.ecr.auth import Registry, get_token, role_for
from ..._aws.session import AwsOptions, AwsSession
from ..._errors import SwarmError
from ..._swarm.engine import Engine, encode_auth
from ..._swarm.plan.tree import image_of
from ..._swarm.registry import auth, digest
from ..diary import line_of
from . import logins
from .logins import Held, Sent

EVERY = 60.0
"""Seconds between two looks at the services."""
_PARALLEL = 8

Json = dict[str, t.Any]


class Renewer:
    """Renews logins while this node leads.

    :param region: where roles are assumed; tokens are asked for in each registry's own region.
    :param roles: ARN of the role to assume for some registries, by host or account.
    :param log: takes one line per event.
    """

    def __init__(self, region: str, roles: t.Mapping[str, str], engine: Engine, log: t.Callable[[str], None]) -> None:
        self._region = region
        self._roles = roles
        self._engine = engine
        self._log = log
        self._looked_at = float("-inf")
        self._thread: threading.Thread | None = None
        self._forgotten = False
        self._tokens: dict[tuple[str, str], Held] = {}
        self._sent: dict[str, Sent] = {}
        self._waiting: dict[str, datetime] = {}
        self._said: set[str] = set()

    def forget(self) -> None:
        """Another manager leads: what it sends is not known here."""
        self._looked_at, self._forgotten = float("-inf"), True

    def round(self) -> None:
        """See to the logins beside the caller, at most every minute: a registry that is silent must keep nobody."""
        busy = self._thread is not None and self._thread.is_alive()
        if busy or time.monotonic() - self._looked_at < EVERY:
            return
        self._looked_at = time.monotonic()
        self._thread = threading.Thread(target=self._try, name="logins", daemon=True)
        self._thread.start()

    def _try(self) -> None:
        try:
            self.work()
        except Exception as exc:
            self._say(f"logins: {line_of(exc)}")

    def work(self) -> None:
        """Renew what is due.

        :raises SwarmError: the engine could not be asked; the next round tries again.
        """
        if self._forgotten:
            self._forgotten = False
            for kept in (self._sent, self._waiting, self._said):
                kept.clear()
        now = self._now()
        services = {service["ID"]: service for service in self._engine.services()}
        self._sent = {key: value for key, value in self._sent.items() if key in services}
        due = logins.due(services.values(), self._sent, now)
        ready = self._accepted([services[key] for key in due], self._held(set(due.values()), now))
        if ready:
            self._renew(ready, now)

    def _now(self) -> datetime:
        return datetime.now(timezone.utc)

    # -- tokens ----------------------------------------------------------------------------------------------------
    def _held(self, registries: t.Iterable[Registry], now: datetime) -> dict[str, Held]:
        """Return host → token for those registries whose region gives one."""
        found: dict[str, Held] = {}
        for registry in sorted(registries, key=lambda item: item.host):
            key = (registry.region, role_for(registry, self._roles))
            held = self._tokens.get(key)
            try:
                if held is None or now >= held.due:
                    held = self._tokens[key] = Held(self._token(registry, key[1]), now)
                found[registry.host] = held
            except SwarmError as exc:
                self._say(f"logins: {registry.host}: {exc.message}")
        return found

    def _token(self, registry: Registry, role: str) -> t.Any:
        """Ask for a token; one serves all registries of a region that its owner may pull from."""
        session = AwsSession(AwsOptions(region=self._region, assume_role_arn=role or None), read_timeout=10, attempts=3)
        return get_token(session.client("ecr", registry.region), registry)

    def _accepted(self, services: t.Sequence[Json], held: t.Mapping[str, Held]) -> list[tuple[Json, Held]]:
        """Return the services whose repository opens to the token, with that.

        What a deploy sent may be somebody else's login and work better than ours: one that is refused is not sent.
        """
        wanted = [(service, held[host]) for service in services for host in [_host(service)] if host in held]
        images = {_image(service): (service, token) for service, token in wanted}
        with concurrent.futures.ThreadPoolExecutor(_PARALLEL) as pool:
            why = dict(zip(images, pool.map(lambda pair: self._why_not(*pair), images.values())))
        for service, _token in wanted:
            if why[_image(service)]:
                self._say(self._left(service, why[_image(service)]))
        return [(service, token) for service, token in wanted if not why[_image(service)]]

    def _why_not(self, service: Json, held: Held) -> str:
        """Return why a registry does not take the token for a service's image; a lost image is no reason."""
        header = encode_auth(held.login(_host(service)))
        reason = digest.why_not(self._engine, image_of(service["Spec"]), header)
        return "" if digest.is_missing(reason) else reason.replace(" of registry_auth", " of this manager's role")

    # -- services --------------------------------------------------------------------------------------------------
    def _renew(self, ready: t.Sequence[tuple[Json, Held]], now: datetime) -> None:
        services = [service for service, _held in ready]
        held = {service["Spec"]["Name"]: token for service, token in ready}
        hosts = {_host(service): token for service, token in ready}
        impatient = [name for name, since in self._waiting.items() if now - since >= logins.PATIENCE]
        given = [token.login(host) for host, token in hosts.items()]
        done = auth.renew(self._engine, given, services, impatient=impatient)
        for service in services:
            name = service["Spec"]["Name"]
            why = done.left.get(name)
            if why is not None:
                self._say(self._left(service, why.reason))
                if why.waiting:
                    self._waiting.setdefault(name, now)
            else:
                self._waiting.pop(name, None)
        self._remember(set(done.sent), held, now)

    def _remember(self, names: t.AbstractSet[str], held: t.Mapping[str, Held], now: datetime) -> None:
        if not names:
            return
        for service in self._engine.services():
            name = service["Spec"]["Name"]
            if name in names:
                ends = held[name].token.expires_at
                self._sent[service["ID"]] = Sent(service["Version"]["Index"], now, held[name].due, ends)
                self._said = {line for line in self._said if f" service {name} " not in line}
        ends = min(held[name].token.expires_at for name in names)
        count = f"{len(names)} service{'s' * (len(names) != 1)}"
        self._log(f"logins: renewed for {count}, until {ends:%Y-%m-%d %H:%M} UTC")

    def _left(self, service: Json, reason: str) -> str:
        return logins.left_text(service["Spec"]["Name"], reason, self._sent.get(service["ID"]))

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._log(line)


def _image(service: Json) -> str:
    """Return the name and tag of a service's image: what an answer about one digest says holds for all of them."""
    return references.without_digest(image_of(service["Spec"]))


def _host(service: Json) -> str:
    registry = logins.registry_of_service(service)
    return registry.host if registry else ""
