# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSM Parameter Store, one function per API call."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .errors import AlreadyExists, api_call

if t.TYPE_CHECKING:
    from .signed_http import SignedHttp


@dataclass(frozen=True)
class Parameter:
    """A parameter's value (decrypted) and version; the value never shows in ``repr``."""

    name: str
    value: str
    version: int

    def __repr__(self) -> str:
        """Show no secret."""
        return f"Parameter(name={self.name!r}, version={self.version})"


@api_call("read the SSM parameter {name}", permission="ssm:GetParameter", missing=None)
def get_parameter(client: t.Any, name: str) -> Parameter | None:
    """Return the parameter *name*, decrypted, or ``None`` if it does not exist."""
    found = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    return Parameter(name=name, value=found["Value"], version=int(found["Version"]))


@api_call("write the SSM parameter {name}", permission="ssm:PutParameter")
def _put(client: t.Any, name: str, **settings: t.Any) -> int:
    return int(client.put_parameter(Name=name, **settings)["Version"])


def put_parameter(
    client: t.Any, name: str, value: str, *, secure: bool = False, data_type: str = "text", key_id: str = ""
) -> int:
    """Write *value*, making or replacing the parameter, and return its new version.

    :param secure: store a SecureString, encrypted with *key_id* (default: the account's own key for SSM).
    :param data_type: ``text`` or ``aws:ec2:image``.
    """
    return _put(client, name, Overwrite=True, **_settings(value, secure, data_type, key_id))


def create_parameter(
    client: t.Any, name: str, value: str, *, secure: bool = False, data_type: str = "text", key_id: str = ""
) -> bool:
    """Write *value* only if no such parameter exists; atomic at AWS, so exactly one of several callers wins.

    :returns: whether this caller made it.
    """
    try:
        _put(client, name, Overwrite=False, **_settings(value, secure, data_type, key_id))
    except AlreadyExists:
        return False
    return True


def _settings(value: str, secure: bool, data_type: str, key_id: str) -> dict[str, t.Any]:
    settings: dict[str, t.Any] = {"Value": value, "Type": "SecureString" if secure else "String"}
    if key_id:
        settings["KeyId"] = key_id
    if data_type != "text":
        settings["DataType"] = data_type
    return settings


@api_call("delete the SSM parameter {name}", permission="ssm:DeleteParameter", missing=False)
def delete_parameter(client: t.Any, name: str) -> bool:
    """Delete the parameter *name* and tell whether it was there."""
    client.delete_parameter(Name=name)
    return True


@api_call("list the names of SSM parameters", permission="ssm:DescribeParameters")
def names_below(client: t.Any, *paths: str) -> list[str]:
    """Return the names of all parameters that begin with one of *paths*, sorted; no value is read."""
    pages = client.get_paginator("describe_parameters").paginate(
        ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": list(paths)}]
    )
    return sorted(parameter["Name"] for page in pages for parameter in page["Parameters"])


def read_parameters(http: SignedHttp, region: str, names: t.Sequence[str]) -> dict[str, str]:
    """Return the parameters *names* that exist, not decrypted, without loading botocore's model of SSM.

    :raises AwsError: if a call fails.
    """
    found: dict[str, str] = {}
    for start in range(0, len(names), 10):
        answer = http.json(
            "ssm",
            region,
            "AmazonSSM.GetParameters",
            {"Names": list(names[start : start + 10])},
            "read what clusters tell",
            "ssm:GetParameters",
        )
        found.update({item["Name"]: item["Value"] for item in answer.get("Parameters", [])})
    return found
