# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A region of AWS in the test process: moto's server on loopback, with a record of calls and with faults.

What moto 5.2.5 lacks of CloudWatch Logs (KMS keys, log class, deletion protection, upsert of metric filters) is
added here. Of the 1300 images that it gives to each region, a few are left: they are made anew for every test.
"""

from __future__ import annotations

import functools
import io
import json
import re
import threading
import typing as t
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

import botocore.session

# Imported because it registers the services.
import moto.server  # noqa: F401  # pylint: disable=unused-import
from moto.ec2.models import amis
from moto.logs.models import LogGroup, LogsBackend
from moto.logs.responses import LogsResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

ACCOUNT = "123456789012"
IMAGE = "ami-12c6146b"
"""An image that every region has."""
WRITES = re.compile(r"^(Create|Put|Delete|Associate|Disassociate|Tag|Untag|Run|Terminate|Modify|Set|Start|Stop|Update)")


@dataclass(frozen=True)
class Call:
    """One request that arrived."""

    service: str
    region: str
    action: str
    body: str = field(default="", repr=False)

    @property
    def writes(self) -> bool:
        """Whether the call changes something."""
        return bool(WRITES.match(self.action))


@dataclass
class Fault:
    """An answer of error instead of the real one.

    :ivar action: the API action that fails, ``*`` for all.
    :ivar region: only there, ``""`` for everywhere.
    :ivar times: how often, ``-1`` for ever.
    :ivar containing: only for requests whose body contains this text.
    """

    action: str
    code: str
    message: str = "injected"
    status: int = 400
    region: str = ""
    times: int = -1
    containing: str = ""

    def matches(self, call: Call) -> bool:
        """Tell whether *call* fails, and count it."""
        hit = (
            self.times != 0
            and self.action in ("*", call.action)
            and self.region in ("", call.region)
            and self.containing in call.body
        )
        if hit and self.times > 0:
            self.times -= 1
        return hit


class Region:
    """The server; use :meth:`reset` between tests."""

    def __init__(self) -> None:
        _patch_moto()
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self._clients: dict[tuple[str, str], t.Any] = {}
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=MotoRequestHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def environment(self, region: str = "eu-west-1") -> dict[str, str]:
        """Return the environment variables that lead the AWS SDKs here."""
        return {
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, region: str = "eu-west-1") -> t.Any:
        """Return a boto3 client that talks to this server, made once; its calls are recorded too."""
        import boto3

        made: t.Any = boto3.client  # which service it is, is known at run time only
        if (service, region) not in self._clients:
            self._clients[service, region] = made(
                service,
                region_name=region,
                endpoint_url=self.url,
                aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
                aws_secret_access_key="secret",
            )
        return self._clients[service, region]

    def actions(self) -> list[str]:
        """Return the actions called since the last :meth:`forget`, in order."""
        return [call.action for call in self.calls]

    def writes(self) -> list[str]:
        """Return the actions that change something, called since the last :meth:`forget`."""
        return [call.action for call in self.calls if call.writes]

    def forget(self) -> None:
        """Empty the record of calls."""
        self.calls.clear()

    def reset(self) -> None:
        """Empty the region, the record and the faults."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST", data=b"")
        urllib.request.urlopen(request, timeout=60).read()
        self.faults.clear()
        self.forget()

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self, environ: dict[str, t.Any], start_response: t.Any) -> t.Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        call = _identify(environ, body.decode("utf-8", "replace"))
        if call is not None:
            self.calls.append(call)
            for fault in self.faults:
                if fault.matches(call):
                    return _answer_fault(fault, call, start_response)
        return t.cast("t.Iterable[bytes]", self._app(environ, start_response))


def _identify(environ: dict[str, t.Any], body: str) -> Call | None:
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    if scope is None:
        return None
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    action = target.rpartition(".")[2] if target else urllib.parse.parse_qs(body).get("Action", [""])[0]
    return Call(service=scope.group(2), region=scope.group(1), action=action or environ["PATH_INFO"], body=body)


def _answer_fault(fault: Fault, call: Call, start_response: t.Any) -> t.Iterable[bytes]:
    if call.service in ("ec2", "sts", "iam", "autoscaling", "cloudformation", "elasticloadbalancing", "sns"):
        content = (
            f"<Response><Errors><Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error></Errors>"
            "<RequestID>1</RequestID></Response>"
        )
        kind = "text/xml"
    else:
        content, kind = json.dumps({"__type": fault.code, "message": fault.message}), "application/x-amz-json-1.1"
    start_response(f"{fault.status} Fault", [("Content-Type", kind), ("Content-Length", str(len(content)))])
    return [content.encode()]


def _patch_moto() -> None:
    """Add what moto lacks; done once, doing it again changes nothing."""
    if hasattr(LogsResponse, "associate_kms_key"):
        return
    # Each session would read and parse the models of the services that it uses by itself.
    botocore.session.create_loader = functools.lru_cache(maxsize=None)(botocore.session.create_loader)
    amis.AMIS[:] = [ami for ami in amis.AMIS if ami["ami_id"] == IMAGE] + amis.AMIS[:5]
    amis.load_resource = lambda path: []
    plain_create = LogsBackend.create_log_group
    plain_describe = LogGroup.to_describe_dict
    plain_put_filter = LogsBackend.put_metric_filter

    def group_of(response: LogsResponse, key: str = "logGroupName") -> LogGroup:
        groups: dict[str, LogGroup] = response.logs_backend.groups
        return groups[response._get_param(key)]

    def create_log_group(self: LogsResponse) -> str:
        name = self._get_param("logGroupName")
        group = plain_create(self.logs_backend, name, self._get_param("tags"), kmsKeyId=self._get_param("kmsKeyId"))
        group.log_class = self._get_param("logGroupClass") or "STANDARD"
        return ""

    def to_describe_dict(self: LogGroup) -> dict[str, t.Any]:
        protected = getattr(self, "deletion_protection", False)
        described = {**plain_describe(self), "logGroupArn": self.arn, "deletionProtectionEnabled": protected}
        return {**described, "arn": f"{self.arn}:*", "logGroupClass": getattr(self, "log_class", "STANDARD")}

    def associate_kms_key(self: LogsResponse) -> str:
        group_of(self).kms_key_id = self._get_param("kmsKeyId")
        return ""

    def disassociate_kms_key(self: LogsResponse) -> str:
        group_of(self).kms_key_id = None
        return ""

    def put_log_group_deletion_protection(self: LogsResponse) -> str:
        group_of(self, "logGroupIdentifier").deletion_protection = self._get_param("deletionProtectionEnabled")
        return ""

    def put_metric_filter(self: LogsBackend, name: str, pattern: str, group: str, transformations: t.Any) -> None:
        kept = self.filters.metric_filters
        kept[:] = [item for item in kept if (item["logGroupName"], item["filterName"]) != (group, name)]
        plain_put_filter(self, name, pattern, group, transformations)

    LogsResponse.create_log_group = create_log_group
    LogGroup.to_describe_dict = to_describe_dict
    LogsResponse.associate_kms_key = associate_kms_key
    LogsResponse.disassociate_kms_key = disassociate_kms_key
    LogsResponse.put_log_group_deletion_protection = put_log_group_deletion_protection
    LogsBackend.put_metric_filter = put_metric_filter
