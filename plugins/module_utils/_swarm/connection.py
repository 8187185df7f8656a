# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an engine is reached: its address, TLS, the version of its API.

Names, defaults and meaning are those of community.docker (C(plugins/module_utils/_common.py): C(auth_params) and
C(get_connect_params)): TLS without C(validate_certs) checks nobody, and certificates lie in C(DOCKER_CERT_PATH) when no
option names them.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import typing as t

from .._errors import EngineUnreachable, PlanRefused

DEFAULT_HOST = "unix:///var/run/docker.sock"
#: Seconds until a call without an answer is given up.
ANSWER_TIME = 60
#: The version that is asked for when nobody names one: the newest that the engine has.
NEWEST = "auto"
# The SDK wants a version before it has spoken to the engine; calls are made without one, so the engine uses its newest.
_ANY_VERSION = "1.41"
_CERTIFICATES = {"ca_path": "ca.pem", "client_cert": "cert.pem", "client_key": "key.pem"}


@dataclasses.dataclass(frozen=True)
class Connection:
    """The way to one engine.

    :ivar host: C(unix://), C(tcp://), C(ssh://) ...
    :ivar timeout: seconds until a call without an answer is given up.
    :ivar api_version: such as V(1.41), or V(auto) for the engine's newest.
    :ivar tls: speak TLS without asking who answers, unless C(validate_certs) says so.
    :ivar validate_certs: speak TLS, and only with an engine whose certificate is good.
    :ivar tls_hostname: the name in that certificate, when it is not the one in C(host).
    :ivar ca_path, client_cert, client_key: paths of certificates, V("") for none.
    """

    host: str = DEFAULT_HOST
    timeout: int = ANSWER_TIME
    api_version: str = NEWEST
    tls: bool = False
    validate_certs: bool = False
    tls_hostname: str = ""
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    use_ssh_client: bool = False

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any], environ: t.Mapping[str, str] | None = None) -> Connection:
        """Return the way that a module's options describe.

        Raises PlanRefused for options that make no sense together.
        """
        environ = os.environ if environ is None else environ
        given = {field.name: params[field.name] for field in dataclasses.fields(cls) if params.get(field.name)}
        folder = environ.get("DOCKER_CERT_PATH")
        if folder:
            given = {**{option: str(pathlib.Path(folder) / name) for option, name in _CERTIFICATES.items()}, **given}
        if params.get("timeout") is not None and params["timeout"] < 1:
            raise PlanRefused("timeout: must be at least 1 second.")
        way = cls(host=params.get("docker_host") or DEFAULT_HOST, **given)
        if bool(way.client_cert) != bool(way.client_key):
            raise PlanRefused("client_cert and client_key go together: give both, or none of them.")
        if not re.fullmatch(r"auto|[1-9]\.[0-9]+", way.api_version):
            raise PlanRefused(f'api_version: must be a version such as "1.41", or "auto", not "{way.api_version}".')
        return way

    @property
    def prefix(self) -> str:
        """What stands before the path of each call."""
        return "" if self.api_version == NEWEST else f"/v{self.api_version}"

    def open(self) -> t.Any:
        """Return a session of the Docker SDK.

        Raises EngineUnreachable when there can be none: a missing certificate, an address that the SDK cannot use.
        """
        import docker  # slow to load, and absent where only the pure parts are used

        secure = self.tls or self.validate_certs
        host = self.host.replace("tcp://", "https://", 1) if secure else self.host
        options: dict[str, t.Any] = {"use_ssh_client": True} if self.use_ssh_client else {}
        try:
            if secure:
                options["tls"] = docker.tls.TLSConfig(
                    client_cert=(self.client_cert, self.client_key) if self.client_cert else None,
                    ca_cert=self.ca_path or None if self.validate_certs else None,
                    verify=self.validate_certs,
                )
            session = docker.APIClient(base_url=host, version=_ANY_VERSION, timeout=self.timeout, **options)
        except Exception as exc:  # of the SDK, of an SSH library, of what reads an address
            raise EngineUnreachable(f"Cannot use the Docker engine at {self.host}: {exc}") from exc
        if self.validate_certs and self.tls_hostname:
            session.mount("https://", _named(self.tls_hostname))
        return session


def _named(name: str) -> t.Any:
    """Return what carries calls to an engine whose certificate is for another name than its address."""
    from requests.adapters import HTTPAdapter

    class Named(HTTPAdapter):
        """Docker's SDK had an option for this until version 7."""

        def init_poolmanager(self, *args: t.Any, **options: t.Any) -> t.Any:
            """Make the pool of connections."""
            return super().init_poolmanager(*args, **{**options, "assert_hostname": name})

    return Named()
