# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of AWS as one sentence each."""

from __future__ import annotations

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError

from ansible_collections.apiary.swarm.plugins.module_utils._aws import errors
from ansible_collections.apiary.swarm.plugins.module_utils._aws.signed_http import read_error


def client_error(code: str, message: str = "text") -> exceptions.ClientError:
    """Return the exception that botocore raises for an error answer."""
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("UnauthorizedOperation", errors.AccessDenied),
        ("AccessDeniedException", errors.AccessDenied),
        ("AuthFailure", errors.CredentialsError),
        ("InvalidClientTokenId", errors.CredentialsError),
        ("ExpiredToken", errors.CredentialsError),
        ("RequestExpired", errors.CredentialsError),
        ("OptInRequired", errors.RegionUnavailable),
        ("RequestLimitExceeded", errors.Throttled),
        ("ThrottlingException", errors.Throttled),
        ("ResourceNotFoundException", errors.NotFound),
        ("ParameterNotFound", errors.NotFound),
        ("InvalidInstanceID.NotFound", errors.NotFound),
        ("NoSuchEntity", errors.NotFound),
        ("ResourceAlreadyExistsException", errors.AlreadyExists),
        ("ParameterAlreadyExists", errors.AlreadyExists),
        ("InvalidKeyPair.Duplicate", errors.AlreadyExists),
        ("ValidationError", errors.AwsError),
    ],
)
def test_kinds(code: str, kind: type[errors.AwsError]) -> None:
    """Each code has its class, and keeps code and region."""
    error = errors.translate(client_error(code), "do it", "eu-west-1")
    assert error.__class__ is kind
    assert (error.code, error.region) == (code, "eu-west-1")
    assert error.message.startswith("Cannot do it in eu-west-1: ")
    assert error.message.endswith(".") and "\n" not in error.message


def test_the_missing_permission_is_named() -> None:
    """From AWS's text when it tells, else from what the call is known to need."""
    refused = client_error("AccessDenied", "User: arn:x is not authorized to perform: ecr:PutImage on resource: y")
    assert errors.translate(refused, "push").message == "Cannot push: permission ecr:PutImage is missing."
    silent = errors.translate(client_error("UnauthorizedOperation"), "push", permission="ecr:PutImage")
    assert isinstance(silent, errors.AccessDenied)
    assert silent.permission == "ecr:PutImage"


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (exceptions.NoCredentialsError(), errors.CredentialsError, "no complete AWS credentials found"),
        (exceptions.ProfileNotFound(profile="x"), errors.CredentialsError, "profile (x)"),
        (exceptions.NoRegionError(), errors.RegionUnavailable, "no region given"),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), errors.Unreachable, "no answer from AWS"),
        (exceptions.ConnectTimeoutError(endpoint_url="https://x"), errors.Unreachable, "no answer from AWS"),
        (exceptions.SSLError(endpoint_url="https://x", error=OSError("bad")), errors.Unreachable, "SSL"),
        (ValueError("odd"), errors.AwsError, "odd"),
    ],
)
def test_without_an_answer(raised: Exception, kind: type[errors.AwsError], words: str) -> None:
    """What fails before AWS answers."""
    error = errors.translate(raised, "do it", "eu-west-1")
    assert error.__class__ is kind
    assert words in error.message


def test_a_region_that_does_not_exist() -> None:
    """Nobody answers there; the nearest region is offered."""
    raised = exceptions.EndpointConnectionError(endpoint_url="https://ec2.eu-wset-1.amazonaws.com")
    message = errors.translate(raised, "do it", "eu-wset-1").message
    assert message == "Cannot do it in eu-wset-1: there is no region eu-wset-1 (did you mean eu-west-1?)."


@pytest.mark.parametrize("detail", ["<!doctype html>\n<html>x</html>", "", "two\nlines"])
def test_the_text_is_one_line(detail: str) -> None:
    """A proxy's page of HTML and line breaks are not shown."""
    message = errors.from_code("X", detail, "do it").message
    assert "\n" not in message and "<" not in message


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"<Response><Errors><Error><Code>A</Code><Message>m</Message></Error></Errors></Response>", ("A", "m")),
        (b'<E xmlns="x"><Error><Code>A</Code><Message>m</Message></Error></E>', ("A", "m")),
        (b'{"__type": "com.amazon#A", "message": "m"}', ("A", "m")),
        (b'{"__type": "A", "Message": "m"}', ("A", "m")),
        (b"{broken", ("", "{broken")),
        (b"Bad Gateway", ("", "Bad Gateway")),
        (b"", ("", "")),
    ],
)
def test_error_answers(content: bytes, found: tuple[str, str]) -> None:
    """Code and message of XML and JSON answers; anything else is text."""
    assert read_error(content) == found


def test_api_call_names_its_arguments() -> None:
    """A decorated function raises our errors, with its arguments in the text."""

    class Client:
        class meta:
            region_name = "eu-west-1"

    @errors.api_call("create {name} of {kind}", permission="x:Y")
    def create(client: object, name: str, kind: str = "sort") -> None:
        raise client_error("AccessDenied")

    with pytest.raises(errors.AccessDenied, match=r"Cannot create a of sort in eu-west-1: permission x:Y is missing\."):
        create(Client(), "a")


def test_an_answer_that_cannot_be_read_is_a_sentence() -> None:
    """A proxy's page in place of XML, for one; it is not shown."""

    class Client:
        class meta:
            region_name = "eu-west-1"

    @errors.api_call("look")
    def look(client: object) -> None:
        raise ResponseParserError("invalid XML received: b'<!doctype html>hunter2'")

    with pytest.raises(errors.Unreachable) as refused:
        look(Client())
    assert refused.value.message == (
        "Cannot look in eu-west-1: what answered is not AWS, for it cannot be read; is there a proxy on the way?"
    )


def test_what_is_missing_is_an_answer_where_that_is_said() -> None:
    class Client:
        class meta:
            region_name = "eu-west-1"

    @errors.api_call("read {name}", missing=None)
    def read(client: object, name: str) -> str:
        raise client_error(name)

    assert read(Client(), "ParameterNotFound") is None
    with pytest.raises(errors.AccessDenied):
        read(Client(), "AccessDenied")
