# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors in the protocol in which the request came, and what a response says about its own failure."""

from __future__ import annotations

import json
import re
import uuid
import warnings

from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.serialize import SERIALIZERS, get_serializer_class

from region.middleware.requests import Call, operation_model

_ERROR_CODE_XML = re.compile(rb"<Code>([^<]+)</Code>")
_ERROR_CODE_JSON = re.compile(rb'"(?:__type|code)"\s*:\s*"(?:[^"#]*#)?([^"]+)"')


class ErrorResponse(Exception):
    """Ends a request with an AWS error: HTTP *status*, *code* and *message*."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message = status, code, message


class _Serializable(ServiceException):
    """moto looks up the service of an error by the module of its class: it must be none of moto's own."""


def serialize(call: Call, error: ErrorResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, headers and body of *error* as a client of the call's service expects it."""
    request_id = str(uuid.uuid4())
    headers = [("x-amzn-RequestId", request_id), ("x-amzn-ErrorType", error.code)]
    model = call.model
    if model is None:
        body = f'{{"__type":"{error.code}","message":{json.dumps(error.message)}}}'
        return error.status, [*headers, ("Content-Type", "application/json")], body.encode()
    protocol = next((one for one in (call.protocol, str(model.protocol)) if one in SERIALIZERS), "query")
    operation = operation_model(model, call.action) or OperationModel({}, model)
    serializer = get_serializer_class(model.service_name, protocol)(operation_model=operation)
    serializer.context.request_id = request_id
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about codes that are in no service's model, as NotEmulated
        response = serializer.serialize(_Serializable(error.code, error.message))
    own = {key.lower() for key, dummy in headers}
    headers += [(key, str(value)) for key, value in response["headers"].items() if key.lower() not in own]
    return error.status, headers, str(response["body"]).encode()


def error_code(status: int, body: bytes, headers: list[tuple[str, str]]) -> str:
    """Return the AWS error code that a response carries, empty for a success."""
    if status < 400:
        return ""
    for pattern in (_ERROR_CODE_XML, _ERROR_CODE_JSON):
        match = pattern.search(body)
        if match:
            return match.group(1).decode()
    for name, value in headers:
        if name.lower() == "x-amzn-errortype":
            return value.split(":")[0]
    return str(status)
