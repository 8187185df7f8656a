# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSM parameters."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_one_of_many_creates(account: Any) -> None:
    client = account.client("ssm")
    results: list[str] = []
    barrier = threading.Barrier(8)

    def create(index: int) -> None:
        barrier.wait()
        try:
            client.put_parameter(Name="/swarm/demo/managers", Value=str(index), Type="String")
            results.append("won")
        except ClientError as exc:
            results.append(exc.response["Error"]["Code"])

    threads = [threading.Thread(target=create, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["ParameterAlreadyExists"] * 7 + ["won"]


def test_secure_string_needs_decryption(account: Any) -> None:
    ssm = account.client("ssm")
    ssm.put_parameter(Name="/swarm/demo/token/worker", Value="SWMTKN-1", Type="SecureString")
    assert ssm.get_parameter(Name="/swarm/demo/token/worker")["Parameter"]["Value"] != "SWMTKN-1"
    found = ssm.get_parameter(Name="/swarm/demo/token/worker", WithDecryption=True)
    assert found["Parameter"]["Value"] == "SWMTKN-1"


def test_image_parameter_names_an_image(account: Any) -> None:
    ssm = account.client("ssm")
    ssm.put_parameter(Name="/swarm/demo/ami", Value="ami-0deb1a00000000013", Type="String", DataType="aws:ec2:image")
    with pytest.raises(ClientError, match="ValidationException"):
        ssm.put_parameter(Name="/swarm/x/ami", Value="ami-00000000", Type="String", DataType="aws:ec2:image")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"Value": "x" * 4097, "Type": "String"}, "ValidationException"),
        ({"Value": "x", "Type": "SecureString", "KeyId": "alias/missing"}, "InvalidKeyId"),
        ({"Value": "x"}, "ValidationException"),
        (
            {"Value": "x", "Type": "String", "Overwrite": True, "Tags": [{"Key": "a", "Value": "b"}]},
            "ValidationException",
        ),
    ],
)
def test_bad_parameters_are_refused(account: Any, options: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        account.client("ssm").put_parameter(Name="/swarm/demo/x", **options)
    assert caught.value.response["Error"]["Code"] == code
