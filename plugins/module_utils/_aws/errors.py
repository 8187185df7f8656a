# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong at AWS, as typed errors with one clear sentence each.

Every function of this package that calls AWS is decorated with :func:`api_call`, so a caller meets
:class:`AwsError` only, never an exception of botocore.
"""

from __future__ import annotations

import functools
import inspect
import re
import typing as t

from .._errors import InvalidInput, SwarmError
from .._words import likest

_F = t.TypeVar("_F", bound=t.Callable[..., t.Any])

_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "LimitExceededException.Throttling",
        "SlowDown",
        "PriorRequestNotComplete",
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
_REJECTED = frozenset(
    {
        "AuthFailure",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "InvalidAccessKeyId",
    }
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_REGION_OFF = frozenset({"OptInRequired", "RegionDisabledException"})
_NOT_FOUND = re.compile(r"(NotFound|NotFoundException|NoSuch\w+|DoesNotExist\w*|InvalidImage\.\w+|\.NotFound)$")
_EXISTS = re.compile(r"(AlreadyExists\w*|ParameterAlreadyExists|\.Duplicate)$")


class AwsError(SwarmError):
    """A call to AWS failed.

    :ivar message: one sentence: what was tried, where, and why it failed.
    :ivar code: AWS's error code, ``""`` when there is none (no answer, no credentials).
    :ivar region: the region that was asked, ``""`` when none was.
    """

    def __init__(self, message: str, *, code: str = "", region: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.region = region


class CredentialsError(AwsError):
    """Credentials are missing, incomplete, wrong or expired."""


class AccessDenied(AwsError):
    """The caller lacks a permission.

    :ivar permission: the IAM action that is missing (``ec2:DescribeInstances``), ``""`` when AWS does not tell.
    """

    def __init__(self, message: str, *, code: str = "", region: str = "", permission: str = "") -> None:
        super().__init__(message, code=code, region=region)
        self.permission = permission


class Throttled(AwsError):
    """AWS still refused the rate of calls after all retries."""


class RegionUnavailable(AwsError):
    """The region does not exist, or the account has not opted in to it."""


class Unreachable(AwsError):
    """No answer: name resolution, connection, TLS or a time-out."""


class NotFound(AwsError):
    """The thing asked for does not exist."""


class AlreadyExists(AwsError):
    """The thing to make exists."""


def nearest(word: str, known: t.Iterable[str]) -> str:
    """Return ``" (did you mean X?)"`` for the entry of *known* most like *word*, or ``""``."""
    found = likest(word, known)
    return f" (did you mean {found}?)" if found else ""


def _permission(message: str) -> str:
    """Return the IAM action named in AWS's text of a refusal, or ``""``."""
    found = re.search(r"perform:? ([a-z0-9-]+:\w+)", message)
    return found.group(1) if found else ""


def _one_line(detail: str, code: str) -> str:
    """Return AWS's text as one line; a proxy's page of HTML says nothing to a user."""
    if not detail.strip() or "<html" in detail.lower():
        return "AWS answered with an error" if code else "no error text"
    return " ".join(detail.split()).rstrip(".")


def from_code(code: str, detail: str, doing: str, region: str = "", permission: str = "") -> AwsError:
    """Return the typed error for AWS's error *code*.

    :param detail: AWS's own message.
    :param doing: what was tried, as in ``describe instances``.
    :param permission: the IAM action that the call needs, for the text of a refusal.
    """
    where = f" in {region}" if region else ""
    if code in _DENIED:
        action = _permission(detail) or permission
        needs = f"permission {action} is missing" if action else "a permission is missing"
        return AccessDenied(f"Cannot {doing}{where}: {needs}.", code=code, region=region, permission=action)
    if code in _EXPIRED:
        return CredentialsError(f"Cannot {doing}{where}: the AWS credentials have expired.", code=code, region=region)
    if code in _REGION_OFF:
        return RegionUnavailable(
            f"Cannot {doing}{where}: the account has not opted in to this region.", code=code, region=region
        )
    if code in _REJECTED:
        # EC2 answers AuthFailure, and others UnrecognizedClient, for good credentials in a region that is not opted in.
        return CredentialsError(
            f"Cannot {doing}{where}: AWS rejected the credentials ({code}): they are wrong, "
            "or the account has not opted in to this region.",
            code=code,
            region=region,
        )
    if code in _THROTTLED:
        return Throttled(f"Cannot {doing}{where}: AWS throttles the calls ({code}).", code=code, region=region)
    text = f"Cannot {doing}{where}: {_one_line(detail, code)} ({code})."
    if _NOT_FOUND.search(code):
        return NotFound(text, code=code, region=region)
    if _EXISTS.search(code):
        return AlreadyExists(text, code=code, region=region)
    return AwsError(text, code=code, region=region)


def translate(error: Exception, doing: str, region: str = "", permission: str = "") -> SwarmError:
    """Return the typed error for *error*, an exception of botocore (or one of ours, returned as it is)."""
    if isinstance(error, SwarmError):
        return error
    response = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        detail = response["Error"]
        return from_code(
            str(detail.get("Code", "")), str(detail.get("Message") or ""), doing, region=region, permission=permission
        )
    where = f" in {region}" if region else ""
    name = type(error).__name__
    if name in ("NoCredentialsError", "PartialCredentialsError"):
        return CredentialsError(
            f"Cannot {doing}{where}: no complete AWS credentials found; give profile, access_key and secret_key, "
            "environment variables or an instance profile.",
            region=region,
        )
    if name in (
        "ProfileNotFound",
        "CredentialRetrievalError",
        "UnauthorizedSSOTokenError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "RefreshWithMFAUnsupportedError",
        "InvalidConfigError",
    ):
        return CredentialsError(f"Cannot {doing}{where}: {error}", region=region)
    if name == "InvalidRegionError":
        return RegionUnavailable(f"Cannot {doing}: there is no region {region}.", region=region)
    if name == "ValueError" and str(error).startswith("Invalid endpoint"):
        return InvalidInput(f"Cannot {doing}{where}: endpoint_url is not an address; write it like https://HOST:PORT.")
    if "Invalid header value" in str(error):  # http.client: C(putheader); it quotes the value
        return CredentialsError(
            f"Cannot {doing}{where}: the access key or the session token has a line break in it: give it without.",
            region=region,
        )
    if name == "NoRegionError":
        return RegionUnavailable(f"Cannot {doing}: no region given; set region, AWS_REGION or the profile's region.")
    if name in (
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ConnectionClosedError",
        "SSLError",
        "ProxyConnectionError",
        "ConnectionError",
        "HTTPClientError",
    ):
        return Unreachable(f"Cannot {doing}{where}: {_unreachable(error, region)}", region=region)
    if name == "ResponseParserError":  # it quotes the answer, a page of a proxy most likely
        return Unreachable(
            f"Cannot {doing}{where}: what answered is not AWS, for it cannot be read; is there a proxy on the way?",
            region=region,
        )
    return AwsError(f"Cannot {doing}{where}: {error}", region=region)


def _unreachable(error: Exception, region: str) -> str:
    """Return why nobody answered; a region that botocore has never heard of is the likeliest cause."""
    known = known_regions()
    if region and known and region not in known:
        return f"there is no region {region}{nearest(region, known)}."
    return f"no answer from AWS: {error}"


@functools.lru_cache(maxsize=1)
def known_regions() -> tuple[str, ...]:
    """Return every region name that botocore's own table holds."""
    from botocore.session import Session

    session = Session()
    return tuple(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition_name=partition)
    )


#: What :func:`api_call` does about a thing that is not there, unless it is told what to return instead.
RAISE: t.Final = object()


def api_call(doing: str, permission: str = "", missing: t.Any = RAISE) -> t.Callable[[_F], _F]:
    """Decorate a function that makes one AWS call; its first argument is a botocore client.

    :param doing: what it tries, with its arguments as placeholders: ``create log group {name}``.
    :param permission: the IAM action that it needs.
    :param missing: what is returned when the thing asked for does not exist.
    :raises AwsError: from the decorated function, for whatever botocore raises.
    """

    def decorate(function: _F) -> _F:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(client: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
            from botocore.exceptions import BotoCoreError, ClientError
            from botocore.parsers import ResponseParserError

            try:
                return function(client, *args, **kwargs)
            except (BotoCoreError, ClientError, ResponseParserError) as exc:
                bound = signature.bind(client, *args, **kwargs)
                bound.apply_defaults()
                region = str(client.meta.region_name or "")
                found = translate(exc, doing.format(**bound.arguments), region, permission)
                if missing is not RAISE and isinstance(found, NotFound):
                    return missing
                raise found from exc

        return t.cast(_F, call)

    return decorate
