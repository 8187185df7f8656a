# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""boto3 clients for the emulator's own use: same application, same record, no network."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from werkzeug.test import EnvironBuilder, run_wsgi_app

from region.emulator import credentials
from region.emulator.state import runtime
from region.middleware.app import VIA
from region.middleware.identity import principals


class _Body(io.BytesIO):
    """A response body as botocore reads it."""

    def stream(self, **kwargs: Any) -> Iterator[bytes]:
        """Yield the whole body once."""
        content = self.read()
        while content:
            yield content
            content = self.read()


def for_service(name: str, by: str, region: str) -> Any:
    """Return a client of service *name* whose calls are those of AWS's own service *by*, e.g. C(autoscaling)."""
    return _client(name, region, credentials.service(by), "-", "", by)


def for_caller(name: str, access_key: str, token: str, region: str, via: str) -> Any:
    """Return a client of service *name* that service *via* uses with its caller's own key, as CloudFormation does."""
    return _client(name, region, access_key, principals.secret(access_key) or "-", token, via)


def reset() -> None:
    """Forget all clients."""
    _client.cache_clear()


@functools.lru_cache(maxsize=256)
def _client(name: str, region: str, access_key: str, secret: str, token: str, via: str) -> Any:
    options: dict[str, Any] = {
        "retries": {"total_max_attempts": 1},
        "inject_host_prefix": False,
        "ignore_configured_endpoint_urls": True,
    }
    client = boto3.client(  # type: ignore[call-overload]
        name,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        aws_session_token=token or None,
        config=Config(**options),
    )
    client.meta.events.register("before-send", functools.partial(_send, via))
    return client


def _send(via: str, request: AWSPreparedRequest, **kwargs: Any) -> AWSResponse:
    """Run the request in this thread instead of sending it."""
    url = urlsplit(str(request.url))
    builder = EnvironBuilder(
        method=str(request.method),
        base_url=f"{url.scheme}://{url.netloc}",
        path=url.path or "/",
        query_string=url.query,
        headers=[(key, _text(value)) for key, value in request.headers.items()],
        data=_content(request.body),
        environ_overrides={VIA: via},
    )
    if runtime.application is None:
        raise RuntimeError("the emulator serves no application: call region.emulator.application first")
    chunks, status, headers = run_wsgi_app(runtime.application, builder.get_environ(), buffered=True)
    raw = _Body(b"".join(chunks))
    return AWSResponse(str(request.url), int(status.split()[0]), dict(headers), raw)  # type: ignore[arg-type]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _content(body: Any) -> bytes:
    if body is None:
        return b""
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body)
