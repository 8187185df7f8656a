# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One AWS session: credentials, region, endpoints and clients, from the options users know from amazon.aws."""

from __future__ import annotations

import os
import threading
import typing as t
from dataclasses import dataclass

from .._errors import InvalidInput
from .errors import CredentialsError, RegionUnavailable, translate
from .first_request import FirstAlone

CONNECT_TIMEOUT = 5
"""Seconds to wait for a connection."""
READ_TIMEOUT = 60
"""Seconds to wait for an answer."""
MAX_ATTEMPTS = 6
"""Tries of one call in all; ``standard`` retries wait with exponential back-off and full jitter."""


@dataclass(frozen=True)
class AwsOptions:
    """How to reach AWS; ``None`` means botocore's own default (environment, profile, IMDS)."""

    region: str | None = None
    profile: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    endpoint_url: str | None = None
    aws_ca_bundle: str | None = None
    validate_certs: bool = True
    assume_role_arn: str | None = None
    assume_role_external_id: str | None = None
    assume_role_session_name: str | None = None

    def __repr__(self) -> str:
        """Show no secret."""
        shown = ("region", "profile", "endpoint_url", "assume_role_arn")
        return f"AwsOptions({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    @classmethod
    def from_getter(cls, get: t.Callable[[str], t.Any]) -> AwsOptions:
        """Read the options through *get*: ``params.get`` of a module or ``get_option`` of a plugin.

        :raises InvalidInput: if options exclude one another or one of a pair is missing.
        """
        values = {name: get(name) for name in cls.__dataclass_fields__}
        options = cls(**{name: value for name, value in values.items() if value is not None and value != ""})
        if bool(options.access_key) != bool(options.secret_key):
            raise InvalidInput("access_key and secret_key belong together: give both, or none of them.")
        return options


class AwsSession:
    """Credentials and clients for one set of :class:`AwsOptions`; may be shared by threads.

    What is found is kept, what is not found never: credentials that are not there yet, as with a metadata service that
    is slow at boot, are looked for again at the next call.

    :param read_timeout: seconds to wait for an answer.
    :param attempts: tries of one call in all.
    :raises CredentialsError: from the constructor if the profile does not exist.
    """

    def __init__(
        self, options: AwsOptions | None = None, *, read_timeout: float = READ_TIMEOUT, attempts: int = MAX_ATTEMPTS
    ) -> None:
        from botocore.session import Session

        self._read_timeout = read_timeout
        self._attempts = attempts
        self.options = options or AwsOptions()
        # Keys that were given win over a profile from the environment, which need not even exist then.
        self._session = Session(profile=None if self.options.access_key else self.options.profile)
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], t.Any] = {}
        try:
            if self.options.access_key:
                self._session.set_credentials(
                    self.options.access_key, self.options.secret_key or "", self.options.session_token
                )
            self._default_region = (
                self.options.region or _environment_region() or self._session.get_config_variable("region")
            )
        except Exception as exc:
            raise translate(exc, "open an AWS session") from exc
        if self.options.assume_role_arn:
            self._assume(self.options.assume_role_arn)

    @property
    def region(self) -> str:
        """The region asked for, or the environment's, or the profile's.

        :raises RegionUnavailable: if there is none.
        """
        if not self._default_region:
            raise RegionUnavailable("No region given; set region, AWS_REGION or the profile's region.")
        return str(self._default_region)

    @property
    def verify(self) -> bool | str:
        """What checks TLS certificates: a CA bundle's path, ``True`` for the default, ``False`` for nothing."""
        if not self.options.validate_certs:
            return False
        bundle = self.options.aws_ca_bundle or self._session.get_config_variable("ca_bundle")
        return str(bundle) if bundle else True

    def client(self, service: str, region: str | None = None) -> t.Any:
        """Return the botocore client of *service* in *region* (default: the session's), made once.

        A client keeps the credentials that it was made with, even if these are none (botocore.session: C(create_client)
        hands the session's to the signer), so one that was made without any is not kept.

        :raises AwsError: if there is no region or no such service.
        """
        where = region or self.region
        with self._lock:
            if (service, where) in self._clients:
                return self._clients[service, where]
            try:
                known = self._session.get_credentials() is not None
            except Exception as exc:
                raise translate(exc, "find AWS credentials") from exc
            client = self._make_client(service, where)
            if known:
                self._clients[service, where] = client
            return client

    def _make_client(self, service: str, region: str) -> t.Any:
        from botocore.config import Config

        try:
            client = self._session.create_client(
                service,
                region_name=region,
                endpoint_url=self.options.endpoint_url,
                verify=self.verify,
                config=Config(
                    retries={"mode": "standard", "total_max_attempts": self._attempts},
                    connect_timeout=CONNECT_TIMEOUT,
                    read_timeout=self._read_timeout,
                    max_pool_connections=16,
                    user_agent_extra="apiary.swarm",
                ),
            )
        except Exception as exc:
            raise translate(exc, f"use the service {service}", region) from exc
        FirstAlone().guard(client)
        return client

    def service_model(self, service: str) -> t.Any:
        """Return botocore's model of *service*, without making a client."""
        return self._session.get_service_model(service)

    def credentials(self) -> t.Any:
        """Return botocore's credentials object, from its own chain (options, environment, profile, SSO, IMDS).

        :raises CredentialsError: if there are none.
        """
        try:
            with self._lock:
                found = self._session.get_credentials()
        except Exception as exc:
            raise translate(exc, "find AWS credentials") from exc
        if found is None:
            raise CredentialsError(
                "No AWS credentials found; give profile, access_key and secret_key, environment variables "
                "or an instance profile."
            )
        return found

    def endpoint(self, service: str, region: str) -> str:
        """Return the URL of *service* in *region*, without loading the service's model.

        :raises RegionUnavailable: if no partition of AWS has such a region.
        """
        override = self.options.endpoint_url or _environment_endpoint(service)
        if override:
            return override
        found = self._session.get_component("endpoint_resolver").construct_endpoint(service, region)
        if not found:
            raise RegionUnavailable(f"There is no region {region}.", region=region)
        return f"https://{found['hostname']}"

    def _assume(self, role_arn: str) -> None:
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        source = self.credentials()
        extra = {"RoleSessionName": self.options.assume_role_session_name or "apiary-swarm"}
        if self.options.assume_role_external_id:
            extra["ExternalId"] = self.options.assume_role_external_id

        def make_client(service: str, **kwargs: t.Any) -> t.Any:
            return self._session.create_client(
                service,
                region_name=self._default_region,
                endpoint_url=self.options.endpoint_url,
                verify=self.verify,
                **kwargs,
            )

        fetcher = AssumeRoleCredentialFetcher(
            client_creator=make_client, source_credentials=source, role_arn=role_arn, extra_args=extra
        )
        # botocore offers no public way to give a session refreshable credentials; boto3 users do the same.
        refreshable = DeferredRefreshableCredentials(method="assume-role", refresh_using=fetcher.fetch_credentials)
        setattr(self._session, "_credentials", refreshable)  # noqa: B010


def _environment_region() -> str | None:
    """``AWS_REGION`` as the other AWS SDKs read it; botocore alone looks at ``AWS_DEFAULT_REGION`` only."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")


def _environment_endpoint(service: str) -> str | None:
    """The endpoint that the environment gives for *service*, as the AWS SDKs read it."""
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    return os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
