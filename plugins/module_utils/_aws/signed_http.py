# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to AWS without a client of botocore: its signer, its credential chain, its HTTP pool, but no service model.

Loading the model of EC2 takes longer than describing a thousand instances; a plugin that starts with every
command cannot afford it.
"""

from __future__ import annotations

import json
import random
import threading
import time
import typing as t
import urllib.parse
from xml.etree import ElementTree

from .errors import AwsError, Throttled, Unreachable, from_code, translate
from .session import CONNECT_TIMEOUT, MAX_ATTEMPTS, READ_TIMEOUT, AwsSession

LONGEST_PAUSE = 8.0
"""Seconds between two tries at most."""
UNREACHABLE_ATTEMPTS = 2
"""Tries of a call that nobody answers; each may last as long as the time-out of a connection."""


class SignedHttp:
    """Signed calls of one session; may be shared by threads.

    :param sleep: waits between tries, given in seconds.
    """

    def __init__(self, session: AwsSession, sleep: t.Callable[[float], None] = time.sleep) -> None:
        from botocore.utils import get_environ_proxies

        self._session = session
        self._sleep = sleep
        self._settings: dict[str, t.Any] = {
            "verify": session.verify,
            "timeout": (CONNECT_TIMEOUT, READ_TIMEOUT),
            "proxies": get_environ_proxies("https://ec2.amazonaws.com/"),
        }
        self._own = threading.local()

    def _http(self) -> t.Any:
        """Return this thread's connections; :mod:`first_request` tells why threads cannot share them from the start."""
        from botocore.httpsession import URLLib3Session

        if not hasattr(self._own, "http"):
            self._own.http = URLLib3Session(**self._settings)
        return self._own.http

    def query(self, service: str, region: str, parameters: t.Mapping[str, str], doing: str, permission: str) -> bytes:
        """Make a call of the query protocol (EC2) and return the XML of the answer.

        :param parameters: ``Action``, ``Version`` and the action's own.
        :param doing: what is tried, for errors.
        :param permission: the IAM action it needs, for errors.
        :raises AwsError: if it fails, after retries where these make sense.
        """
        body = urllib.parse.urlencode(parameters).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return self._call(service, region, body, headers, doing, permission)

    def json(
        self, service: str, region: str, target: str, parameters: t.Mapping[str, t.Any], doing: str, permission: str
    ) -> dict[str, t.Any]:
        """Make a call of the JSON protocol (SSM) to *target*, as ``AmazonSSM.GetParameters``, and return the answer.

        :raises AwsError: as :meth:`query`.
        """
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        content = self._call(service, region, json.dumps(parameters).encode(), headers, doing, permission)
        return t.cast("dict[str, t.Any]", json.loads(content))

    def _call(
        self, service: str, region: str, body: bytes, headers: dict[str, str], doing: str, permission: str
    ) -> bytes:
        url = self._session.endpoint(service, region)
        attempt = 0
        while True:
            attempt += 1
            try:
                status, content = self._send(service, region, url, body, headers, doing)
                if status == 200:
                    return content
                code, message = read_error(content)
                error = from_code(code or f"HTTP {status}", message, doing, region, permission)
                tries = MAX_ATTEMPTS if status >= 500 or isinstance(error, Throttled) else 1
            except Unreachable as exc:
                error, tries = exc, UNREACHABLE_ATTEMPTS
            if attempt >= tries:
                raise error
            self._sleep(random.uniform(0, min(LONGEST_PAUSE, 0.25 * 2**attempt)))

    def _send(
        self, service: str, region: str, url: str, body: bytes, headers: dict[str, str], doing: str
    ) -> tuple[int, bytes]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        try:
            credentials = self._session.credentials().get_frozen_credentials()
            request = AWSRequest(method="POST", url=url, data=body, headers=dict(headers))
            SigV4Auth(credentials, service, region).add_auth(request)
            response = self._http().send(request.prepare())
            return response.status_code, response.content
        except AwsError:
            raise
        except Exception as exc:
            raise translate(exc, doing, region) from exc


def read_error(content: bytes) -> tuple[str, str]:
    """Return code and message of an error answer, XML or JSON; ``("", text)`` when it is neither."""
    if content.lstrip().startswith(b"{"):
        try:
            data = json.loads(content)
        except ValueError:
            return "", content[:200].decode("utf-8", "replace")
        kind = str(data.get("__type") or data.get("code") or "")
        return kind.rpartition("#")[2], str(data.get("message") or data.get("Message") or "")
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return "", content[:200].decode("utf-8", "replace")
    texts = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
    return texts.get("Code", ""), texts.get("Message", "")
