# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible would read as something else than what was written."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.apiary.swarm.plugins.module_utils._errors import EngineUnreachable, PlanRefused
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.service import service_problems
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.types import type_problems
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.connection import Connection
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.session import EngineWork
from ansible_collections.apiary.swarm.plugins.modules.service import ARGUMENTS

SECRET = "hunter2xyz"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"args": ["sleep", True]}, "args: entry 2 must be text; write it in quotes"),
        ({"args": ["a", None]}, "args: entry 2 is empty; remove it, or write a text in quotes"),
        ({"args": [[SECRET]]}, "args: entry 1 must be text; write it in quotes"),
        ({"args": True}, "args: must be a list"),
        ({"user": True}, "user: must be text; write it in quotes"),
        ({"user": {"a": SECRET}}, "user: must be text; write it in quotes"),
        ({"working_dir": [SECRET]}, "working_dir: must be text; write it in quotes"),
        ({"dns_options": [False]}, "dns_options: entry 1 must be text; write it in quotes"),
        ({"replicas": True}, "replicas: must be a number"),
        ({"limits": {"cpus": True}}, "limits.cpus: must be a number"),
        ({"limits": {"memory": True}}, "limits.memory: must be text; write it in quotes"),
        ({"publish": [{"target_port": True}]}, "publish.target_port: must be a number"),
        ({"update_config": {"parallelism": True}}, "update_config.parallelism: must be a number"),
        ({"tls_ca_cert": {"a": SECRET}}, "tls_ca_cert: must be text; write it in quotes"),
        (
            {"secrets": [{"secret_name": "a", "mode": "0444"}]},
            "secrets.mode: must be a number; in quotes its leading zero would be lost, so write it without them",
        ),
    ],
)
def test_p9_what_ansible_would_read_as_something_else(given: dict[str, t.Any], says: str) -> None:
    assert list(type_problems(given, ARGUMENTS)) == [says]


def test_p9_what_has_one_meaning_is_taken() -> None:
    given = {
        "args": ["sleep", 5, ""], "user": 1000, "replicas": "3", "limits": {"cpus": "0.5", "memory": 512},
        "publish": [{"target_port": "80", "published_port": 0}], "labels": {"a": True}, "dns": "10.0.0.1",
        "env": [True], "secrets": [{"secret_name": "a", "mode": 292}], "wait": "yes", "hostname": None,
        "networks": [None],
    }  # fmt: skip
    assert list(type_problems(given, ARGUMENTS)) == []


def test_p9_every_module_of_the_engine_looks_at_what_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    with patch_module_args({"name": {"a": SECRET}}), pytest.raises(SystemExit):
        EngineWork({"name": {"type": "str"}}, lambda *dummy: {}).main()
    answer = json.loads(capsys.readouterr().out)
    assert answer["failed"] and answer["msg"] == "name: must be text; write it in quotes."


def test_p9_a_name_of_a_host_has_no_blank() -> None:
    params = dict.fromkeys(ARGUMENTS) | {"name": "web", "hosts": {"db cache": "10.0.0.1", "": "10.0.0.2"}}
    assert [line for line in service_problems(params) if line.startswith("hosts")] == [
        'hosts: "db cache" is not the name of one host; write an entry for each',
        'hosts: "" is not the name of one host; write an entry for each',
    ]


@pytest.mark.parametrize("seconds", [0, -1])
def test_p7_a_timeout_that_is_none(seconds: int) -> None:
    with pytest.raises(PlanRefused, match="timeout: must be at least 1 second"):
        Connection.from_params({"timeout": seconds}, {})


def test_p7_an_address_that_is_none() -> None:
    with pytest.raises(EngineUnreachable, match=r"Cannot use the Docker engine at tcp:.*:99999"):
        Connection(host="tcp://127.0.0.1:99999").open()
