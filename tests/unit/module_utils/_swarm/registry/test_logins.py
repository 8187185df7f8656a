# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins of registries: one for each host."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.registry.auth import NOBODY, doubled, header_after
from ansible_collections.apiary.swarm.plugins.modules import registry_auth

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def login(registry: str) -> dict[str, str]:
    return {"registry": registry, "username": "AWS", "password": "hush"}


@pytest.mark.parametrize(
    ("registries", "host"),
    [
        ([], ""),
        ([HOST, "registry.example:5000"], ""),
        (["registry.example:5000", "registry.example"], ""),
        ([HOST, "registry.example", HOST], HOST),
        ([HOST, f"https://{HOST}"], HOST),
        ([HOST, f"https://{HOST}/"], HOST),
    ],
)
def test_two_logins_of_one_host_are_found(registries: list[str], host: str) -> None:
    assert doubled([login(registry) for registry in registries]) == host


def test_two_logins_of_one_host_are_refused_before_the_engine_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence; neither login is shown, and there is no engine at that address."""
    arguments: dict[str, Any] = {
        "docker_host": "unix:///nowhere",
        "registry_auth": [login(HOST), login(f"https://{HOST}")],
    }
    with patch_module_args(arguments), pytest.raises(SystemExit):
        registry_auth.main()
    said = capsys.readouterr().out
    found = json.loads(said)
    assert found["msg"] == f"registry_auth: the registry {HOST} is given twice; one login serves all of its images."
    assert "hush" not in said


@pytest.mark.parametrize(
    ("header", "image", "before", "expected"),
    [
        ("ours", "r.test/a:1", "other.test/a:1", "ours"),
        ("", "r.test/a:2", "r.test/a:1", ""),
        ("", "r.test/a:1", "", ""),
        ("", "nginx:1", "library/nginx:2", ""),
        ("", "r.test/a:1", "other.test/a:1", NOBODY),
        ("", "nginx:1", f"{HOST}/a:1", NOBODY),
    ],
)
def test_no_registry_gets_the_login_of_another(header: str, image: str, before: str, expected: str) -> None:
    assert header_after(header, image, before) == expected
