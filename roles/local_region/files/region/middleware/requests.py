# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading an AWS request: which service and action, in which region, by whom, with which parameters."""

from __future__ import annotations

import functools
import io
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

DEFAULT_REGION = "us-east-1"

# Names that a request is signed for or addressed to, where botocore names the service differently.
SERVICE_NAMES = {
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
    "states": "stepfunctions",
    "elasticfilesystem": "efs",
    "elasticmapreduce": "emr",
    "email": "ses",
    "api.ecr": "ecr",
    "streams.dynamodb": "dynamodbstreams",
}
_HOST = re.compile(
    r"^(?:(?P<prefix>.+)\.)?(?P<service>[a-z0-9-]+)(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.(?:amazonaws\.com|api\.aws)$"
)
_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/(?P<date>\d+)/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_OLDER_SIGNATURE = re.compile(r"AWS (?P<key>[^:]+):")


@dataclass
class Call:
    """One request to an AWS API.

    :ivar service: botocore's name; empty when the request does not tell.
    :ivar action: as in the API reference; empty when it cannot be told.
    :ivar access_key: empty for an unsigned request.
    :ivar token: session token; empty for long-lived credentials.
    """

    service: str
    region: str
    action: str
    access_key: str
    token: str
    protocol: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    host: str = ""

    @property
    def model(self) -> ServiceModel | None:
        """botocore's description of the service, None for one that it does not know."""
        return service_model(self.service)


@functools.cache
def service_model(name: str) -> ServiceModel | None:
    """Return botocore's description of a service, None for one that it does not know."""
    try:
        return get_service_model(name)
    except (UnknownServiceError, ValueError):
        return None


def operation_model(model: ServiceModel, action: str) -> OperationModel | None:
    """Return botocore's description of an action, None for one that the service does not have."""
    try:
        return model.operation_model(action)
    except OperationNotFoundError:
        return None


def buffer_body(environ: dict[str, Any]) -> bytes:
    """Read the request's body and put it back, so that it can be read again."""
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        body = environ["wsgi.input"].read()
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING")
        environ.pop("wsgi.input_terminated", None)
    else:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return bytes(body)


def parse(environ: dict[str, Any]) -> Call:
    """Describe the request. Leaves its body readable. What cannot be told stays empty; nothing is raised."""
    body = buffer_body(environ)
    host = environ.get("HTTP_HOST", "").rsplit(":", 1)[0].lower()
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    credential = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "")) or _CREDENTIAL.match(
        "Credential=" + query.get("X-Amz-Credential", [""])[0]
    )
    by_host = _HOST.match(host)
    named = credential.group("service") if credential else _host_service(by_host)
    older = _OLDER_SIGNATURE.match(environ.get("HTTP_AUTHORIZATION", ""))
    older_key = older.group("key") if older else query.get("AWSAccessKeyId", [""])[0]
    if not named and older_key:
        named = "s3"  # only S3 still takes the older signature, which names neither service nor region
    region = credential.group("region") if credential else (by_host and by_host.group("region")) or DEFAULT_REGION
    call = Call(
        service=_service_name(named.lower(), body),
        region=region,
        action="",
        access_key=credential.group("key") if credential else older_key,
        token=environ.get("HTTP_X_AMZ_SECURITY_TOKEN", "") or query.get("X-Amz-Security-Token", [""])[0],
        host=host,
    )
    _read_action(call, environ, body)
    environ["wsgi.input"] = io.BytesIO(body)
    return call


def _host_service(host: re.Match[str] | None) -> str:
    if host is None:
        return ""
    if host.group("prefix") == "api" and host.group("service") == "ecr":
        return "ecr"
    return host.group("service")


def _service_name(name: str, body: bytes) -> str:
    if name == "elasticloadbalancing":
        return "elb" if b"Version=2012-06-01" in body else "elbv2"
    return SERVICE_NAMES.get(name, name)


def _read_action(call: Call, environ: dict[str, Any], body: bytes) -> None:
    if call.service == "ec2-instance-connect" and environ.get("PATH_INFO") == "/openTunnel":
        # botocore does not know it: it is no call, but the handshake of a WebSocket.
        call.action = "OpenTunnel"
        given = parse_qs(environ.get("QUERY_STRING", ""))
        call.parameters = {name: values[0] for name, values in given.items() if not name.startswith("X-Amz-")}
        return
    model = call.model
    if model is None:
        return
    scratch = dict(environ)
    scratch["wsgi.input"] = io.BytesIO(body)
    if call.service == "s3":
        _path_style(scratch, call.host)
    request = Request(scratch)
    try:
        call.protocol = determine_request_protocol(model, request.content_type)
    except NotImplementedError:
        call.protocol = str(model.protocol)
    labels: dict[str, Any] = {}
    target = request.headers.get("X-Amz-Target")
    if target:
        call.action = target.rsplit(".", 1)[-1]
    elif call.protocol in ("query", "ec2"):
        call.action = request.values.get("Action", "")
    else:
        try:
            operation, labels = get_service_router(call.service).match(request)
            call.action = str(operation.name)
        except (HTTPException, NotImplementedError):
            return
    operation_or_none = operation_model(model, call.action)
    if operation_or_none is not None and call.protocol in PROTOCOL_PARSERS:
        call.parameters = _parameters(operation_or_none, call.protocol, request, labels)


def _path_style(environ: dict[str, Any], host: str) -> None:
    """Rewrite a virtual-hosted S3 request, so that the router finds the bucket in the path."""
    match = _HOST.match(host)
    bucket = (match.group("prefix") or "") if match and match.group("service") == "s3" else ""
    if bucket:
        environ["PATH_INFO"] = f"/{bucket}{environ.get('PATH_INFO', '')}"
        environ.pop("RAW_URI", None)
        environ.pop("REQUEST_URI", None)


def _parameters(operation: OperationModel, protocol: str, request: Request, labels: dict[str, Any]) -> dict[str, Any]:
    parser = PROTOCOL_PARSERS[protocol](operation)
    try:
        parsed = parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": labels,
            }
        )
    except Exception:  # a malformed request is the service's to refuse, not the recorder's
        return {}
    return {**labels, **{key: value for key, value in dict(parsed).items() if value is not None}}
