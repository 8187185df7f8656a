# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad arguments of modules get one sentence before anything is asked or written."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from workbench import run_module

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import STACK_OPTIONS as STACK
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.service import service_problems
from ansible_collections.apiary.swarm.plugins.modules.job import ARGUMENTS as JOB
from ansible_collections.apiary.swarm.plugins.modules.service import ARGUMENTS as SERVICE
from ansible_collections.apiary.swarm.plugins.plugin_utils._follow import checked

Json = dict[str, t.Any]

#: (options of the module service, its words)
BAD_SERVICES: list[tuple[Json, str]] = [
    ({"name": "my web"}, 'name: the name "my web" may have only letters, digits, "-" and "_"'),
    ({"name": "web."}, 'name: the name "web." may have only'),
    ({"name": "w" * 64}, "has 64 characters; the engine takes 63"),
    ({"image": "App:1"}, 'image: "App:1" is not an image: the name must be in lower case'),
    ({"image": "app :1"}, "it has a blank in it"),
    ({"image": "app:"}, 'the tag after ":" is missing'),
    ({"image": "http://app"}, "is not an image; write it like"),
    ({"replicas": -2}, "replicas: must be at least 0, or -1 to keep the number that there is, not -2"),
    ({"wait_timeout": 0}, "wait_timeout: must be at least 1, not 0"),
    ({"progress_timeout": -1}, "progress_timeout: must be at least 1, not -1"),
    ({"max_concurrent": 0, "mode": "replicated-job"}, "max_concurrent: must be at least 1, not 0"),
    ({"docker_host": "/var/run/docker.sock"}, 'docker_host: must begin with "unix://" or "tcp://"'),
    ({"registry_auth": [{"registry": "r", "username": "u", "password": "p"}] * 2}, "there are two logins for r"),
    ({"env": {"": "x"}}, 'env: "" cannot be the name of a variable'),
    ({"env": {"A=B": "x"}}, 'env: "A=..." cannot be the name of a variable'),
    ({"dns": ["dns.example.org"]}, 'dns: must be an IP address, not "dns.example.org"'),
    ({"dns": ["10.0.0.256"]}, 'dns: must be an IP address, not "10.0.0.256"'),
    ({"hosts": {"db": "database"}}, 'hosts.db: must be an IP address, not "database"'),
    ({"limits": {"cpus": -1}}, "limits.cpus: must not be negative"),
    ({"reservations": {"cpus": -0.5}}, "reservations.cpus: must not be negative"),
    ({"limits": {"memory": "1M"}}, "limits.memory: must be at least 4M"),
    ({"limits": {"memory": "64M"}, "reservations": {"memory": "1G"}}, "must not be more than limits.memory"),
    ({"limits": {"cpus": 0.5}, "reservations": {"cpus": 2}}, "must not be more than limits.cpus"),
    ({"limits": {"pids": -2}}, "limits.pids: must be a number of processes, or 0 for no limit"),
    ({"update_config": {"parallelism": -1}}, "update_config.parallelism: must be a number of tasks"),
    ({"update_config": {"max_failure_ratio": 20}}, "update_config.max_failure_ratio: must be from 0 to 1, not 20"),
    ({"rollback_config": {"max_failure_ratio": -0.1}}, "rollback_config.max_failure_ratio: must be from 0 to 1"),
    ({"update_config": {"order": "start-first"}, "mode": "global-job"}, "update_config: a job has no updates"),
    ({"restart_config": {"condition": "any"}, "mode": "replicated-job"}, "restart_config.condition: a job is not"),
    ({"restart_config": {"max_attempts": -1}}, "restart_config.max_attempts: must be a number of attempts"),
    ({"healthcheck": {"retries": -1}}, "healthcheck.retries: must not be negative"),
    ({"healthcheck": {"interval": "5us"}}, "healthcheck.interval: must be at least 1ms"),
    ({"publish": [{"target_port": 0}]}, "publish.target_port: must be from 1 to 65535, not 0"),
    ({"publish": [{"target_port": 80, "published_port": 70000}]}, "publish.published_port: must be from 1 to 65535"),
    ({"publish": [{"target_port": 80, "published_port": 80}, {"target_port": 81, "published_port": 80}]},
     "publish: port 80/tcp is published twice"),
    ({"mounts": [{"target": "data", "type": "tmpfs"}]}, 'the target "data" must be a path from the root'),
    ({"mounts": [{"target": "/d", "type": "tmpfs"}] * 2}, "there are two mounts at /d; remove one"),
    ({"mounts": [{"target": "/d", "source": "./data"}]}, 'the source "./data" must be a path from the root'),
    ({"configs": [{"config_name": "my conf"}]}, 'configs: the name "my conf" may have only'),
    ({"secrets": [{"secret_name": "a", "filename": "k"}, {"secret_name": "b", "filename": "k"}]},
     "secrets: two of them are at k; give one another filename"),
    ({"placement": {"constraints": ["node.role=manager"]}}, '"node.role=manager" is not a constraint; write it like'),
    ({"placement": {"constraints": ["disk == ssd"]}}, "there is no attribute disk, only node.id"),
    ({"placement": {"replicas_max_per_node": -1}}, "replicas_max_per_node: must be a number of tasks"),
    ({"ulimits": [{"name": "nofile", "soft": 2, "hard": 1}]}, "ulimits.nofile: soft (2) is more than hard (1)"),
    ({"oom_score_adj": 2000}, "oom_score_adj: must be from -1000 to 1000, not 2000"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "says"), BAD_SERVICES, ids=[says[:40] for _options, says in BAD_SERVICES])
def test_service(options: Json, says: str) -> None:
    # No engine is there to be asked: the words are about the options, so they came first.
    out = run_module("service", {"docker_host": "unix:///nowhere", "name": "web", "image": "app:1", **options})
    assert out.failed and out.msg.startswith("Nothing was changed: ") and says in out.msg and "\n" not in out.msg
    assert "Traceback" not in out.text


def test_p14_a_bind_needs_a_path() -> None:
    given = {"name": "web", "image": "app:1", "mounts": [{"target": "/d", "source": "data", "type": "bind"}]}
    out = run_module("service", {"docker_host": "unix:///nowhere", **given})
    assert (
        out.failed and 'the source "data" must be a path from the root' in out.msg and "or use type volume" in out.msg
    )


def test_good_arguments_of_a_service_have_no_problem() -> None:
    given = {
        "name": "shop_web", "image": "registry.example.org:5000/shop/web:1@sha256:" + "0" * 64, "dns": ["::1"],
        "limits": {"cpus": 0.5, "memory": "64M", "pids": -1}, "reservations": {"memory": "64M"}, "replicas": -1,
        "publish": [{"target_port": 80, "published_port": 80, "mode": "host"},
                    {"target_port": 80, "published_port": 80}, {"target_port": 81}, {"target_port": 82}],
        "ulimits": [{"name": "core", "soft": 1, "hard": -1}], "env": ["A=1"], "healthcheck": {"interval": "0s"},
        "placement": {"constraints": ["node.labels.disk == ssd", "node.role!=manager", "engine.labels.a==b"]},
        "mounts": [{"target": "/d", "source": "/s"}, {"target": "/v", "source": "data", "type": "volume"}],
    }  # fmt: skip
    found = ArgumentSpecValidator(SERVICE).validate(given)
    assert found.error_messages == [] and list(service_problems(found.validated_parameters)) == []


@pytest.mark.parametrize(
    ("module", "options", "says"),
    [
        ("stack", {"state": "absent", "name": "my shop"}, 'Nothing was deployed: name: the name "my shop" may have'),
        ("stack", {"state": "rolled_back", "release": 0}, "release: must be at least 1, not 0"),
        ("stack", {"state": "absent", "release": 3}, "release: only goes with state rolled_back, not absent"),
        ("stack", {"state": "absent", "keep_releases": 0}, "keep_releases: must be at least 1, not 0"),
        ("stack", {"state": "absent", "wait_timeout": -5, "keep_releases": -1}, "not -5; keep_releases: must be"),
        ("job", {"service": "web", "command": [""]}, "Nothing was run: command: the program is empty"),
        ("job", {"service": "web", "name": "a b"}, 'name: the name "a b" may have only'),
        ("job", {"service": "web", "image": "A"}, "the name must be in lower case"),
        ("job", {"service": "web", "env": {"A=": "1"}}, 'env: "A=..." cannot be the name of a variable'),
        ("job", {"service": "web", "wait_timeout": 0}, "wait_timeout: must be at least 1, not 0"),
        ("exec", {"service": "web", "command": []}, "command is empty"),
        ("exec", {"command": ["true"]}, "one of the following is required: service, container"),
        ("exec", {"service": "web", "container": "x", "command": ["true"]}, "mutually exclusive: service|container"),
    ],
)
def test_other_modules(module: str, options: Json, says: str) -> None:
    out = run_module(module, {"docker_host": "unix:///nowhere", **({"name": "shop"} if module == "stack" else {}),
                              **options})  # fmt: skip
    assert out.failed and says in out.msg and "Traceback" not in out.text


@pytest.mark.parametrize(
    ("action", "specification", "given", "says"),
    [
        ("service", SERVICE, {"name": "a", "imgae": "b"}, 'there is no option "imgae" (did you mean "image"?)'),
        ("service", SERVICE, {"name": "a", "limits": {"cpu": 1}}, '"limits.cpu" (did you mean "cpus"?)'),
        ("service", SERVICE, {"name": "a", "publish": [{"target_port": 1, "port": 2}]}, '"publish.port"'),
        ("service", SERVICE, {"name": "a", "zzzzz": 1}, 'there is no option "zzzzz"; remove it'),
        ("service", SERVICE, {"name": "a", "mode": "replicate"}, "value of mode must be one of"),
        (
            "service",
            SERVICE,
            {"name": "a", "rollback_config": {"failure_action": "rollback"}},
            "must be one of: continue, pause, got: rollback found in rollback_config",
        ),
        ("service", SERVICE, {"name": "a", "replicas": "two"}, "replicas"),
        ("service", SERVICE, {}, "missing required arguments: name"),
        ("job", JOB, {"service": "a", "comand": ["x"]}, 'there is no option "comand" (did you mean "command"?)'),
        ("job", JOB, {"command": ["x"]}, "missing required arguments: service"),
        ("stack", STACK, {"name": "a", "model": {}}, 'there is no option "model"'),
        ("stack", STACK, {"name": "a", "registry_auth": [{"registry": "r"}]}, "missing required arguments"),
    ],
)
def test_unknown_options_get_the_nearest_known_one(action: str, specification: Json, given: Json, says: str) -> None:
    with pytest.raises(AnsibleActionFail) as caught:
        checked(action, given, specification)
    assert says in str(caught.value) and str(caught.value).startswith(f"{action}: ")
