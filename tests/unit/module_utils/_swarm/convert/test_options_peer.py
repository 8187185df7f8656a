# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module service as community.docker.docker_swarm_service has them, and where they are refused."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._diff import Change
from ansible_collections.apiary.swarm.plugins.module_utils._errors import HIDDEN, SwarmError
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.from_options import apply_options
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.to_options import changed_options, to_options

SECRET = "hunter2xyz"


def container(live: dict[str, t.Any] | None = None, **options: t.Any) -> dict[str, t.Any]:
    spec = apply_options(live or {}, {"name": "x", **options})
    return t.cast("dict[str, t.Any]", spec["TaskTemplate"]["ContainerSpec"])


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"networks": [{"name": "n", "aliases": "abc"}]}, "networks.aliases: must be a list"),
        ({"networks": [{"name": "n", "aliases": {"a": 1}}]}, "networks.aliases: must be a list"),
        ({"networks": [{"name": "n", "aliases": [True]}]}, "networks.aliases: entry 1"),
        ({"networks": [{"name": "n", "options": [1]}]}, "networks.options: must be a mapping"),
        ({"networks": [{"name": True}]}, "networks.name: must be text"),
        ({"placement": {"preferences": [{"spread": None}]}}, "placement.preferences: an entry must look like"),
        ({"healthcheck": {"test": ["curl", "hunter2xyz"]}}, "healthcheck.test: a list must begin with CMD"),
        ({"command": {"a": 1}}, "command: must be a text, or a list"),
        ({"command": True}, "command: must be a text, or a list"),
        ({"command": ["sleep", True]}, "command: entry 2 must be text"),
        ({"command": ["sleep", None]}, "command: entry 2 must be text"),
        ({"command": [["a"]]}, "command: entry 1 must be text"),
        ({"command": "a 'hunter2xyz"}, "command: a quote or a backslash has no end"),
        ({"command": "hunter2xyz\\"}, "command: a quote or a backslash has no end"),
        ({"labels": {"c": None}}, "labels: the value of c must be text"),
        ({"labels": {"a": True}}, "labels: the value of a must be text"),
        ({"labels": {"a": ["hunter2xyz"]}}, "labels: the value of a must be text"),
        ({"container_labels": {"a": False}}, "container_labels: the value of a"),
        ({"sysctls": {"a": None}}, "sysctls: the value of a"),
        ({"logging": {"options": {"token": ["hunter2xyz"]}}}, "logging.options: the value of token"),
        ({"env": 5}, "env: must be a mapping"),
        ({"env": True}, "env: must be a mapping"),
        ({"env": {"PIN": 12345678}}, "env: the value of PIN must be text"),
        ({"env": {"P": ["hunter2xyz"]}}, "env: the value of P must be text"),
        ({"env": ["A=1", "hunter2xyz"]}, "env: entry 2 must look like"),
        ({"env": [{"A": "hunter2xyz"}]}, "env: entry 1 must look like"),
        ({"env": ["=hunter2xyz"]}, "env: entry 1 must look like"),
        ({"env": "A=1,hunter2xyz"}, "env: entry 2 must look like"),
        ({"healthcheck": {"test": {"a": "hunter2xyz"}}}, "healthcheck.test: must be a text"),
        ({"healthcheck": {"test": ["CMD", True]}}, "healthcheck.test: entry 2"),
        ({"reservations": {"generic_resources": {"gpu": "two"}}}, "reservations.gpu: must be a number"),
    ],
)
def test_p9_p10_d57_what_can_be_meant_in_two_ways_is_refused_without_its_value(
    options: dict[str, t.Any], names: str
) -> None:
    with pytest.raises(SwarmError) as caught:
        container(**options)
    assert caught.value.message.startswith(names)
    assert SECRET not in caught.value.message and "12345678" not in caught.value.message
    assert "\n" not in caught.value.message and "object has no" not in caught.value.message


def test_p9_numbers_have_one_form_only() -> None:
    found = container(command=["sleep", 5], labels={}, container_labels={"a": 1, "b": 1.5})
    assert found["Command"] == ["sleep", "5"] and found["Labels"] == {"a": "1", "b": "1.5"}


def test_p11_options_of_the_resolver_have_no_order() -> None:
    live = apply_options({}, {"name": "x", "dns_options": ["ndots:1", "rotate"]})
    assert container(live, dns_options=["rotate", "ndots:1"])["DNSConfig"]["Options"] == ["ndots:1", "rotate"]
    assert container(live, dns_options=["rotate"])["DNSConfig"]["Options"] == ["rotate"]
    assert container(live, dns_options=[])["DNSConfig"]["Options"] == []


def test_p12_an_empty_health_check_removes_the_one_that_is_there() -> None:
    live = apply_options({}, {"name": "x", "healthcheck": {"test": ["CMD", "a"], "retries": 3}})
    empty = dict.fromkeys(["test", "interval", "timeout", "start_period", "start_interval", "retries"])
    assert "Healthcheck" in container(live) and "Healthcheck" in container(live, healthcheck=None)
    assert "Healthcheck" not in container(live, healthcheck=empty)
    assert "Healthcheck" not in container(live, healthcheck={})
    assert container(live, healthcheck={**empty, "retries": 5})["Healthcheck"]["Test"] == ["CMD", "a"]


def test_p8_the_service_as_its_peer_returns_it() -> None:
    spec = apply_options(
        {},
        {
            "name": "x", "image": "a:1", "replicas": 2, "env": {"A": SECRET}, "labels": {"a": "b", "password": SECRET},
            "command": "serve --token hunter2xyz", "hosts": {"h": "10.0.0.1"}, "limits": {"cpus": 0.5, "memory": "50M"},
            "healthcheck": {"test": ["CMD", "a"], "interval": "90s"}, "networks": ["n"],
            "publish": [{"target_port": 80, "published_port": 8080, "protocol": "tcp"}],
            "placement": {"preferences": [{"spread": "node.labels.z"}]}, "restart_config": {"condition": "any"},
        },
    )  # fmt: skip
    found = to_options(spec)
    assert {key: found[key] for key in ("image", "mode", "replicas", "hosts", "limit_cpu", "limit_memory")} == {
        "image": "a:1", "mode": "replicated", "replicas": 2, "hosts": {"h": "10.0.0.1"}, "limit_cpu": 0.5,
        "limit_memory": 50 * 2**20,
    }  # fmt: skip
    assert found["healthcheck"] == {"test": ["CMD", "a"], "interval": 90 * 10**9} and not found["healthcheck_disabled"]
    assert found["publish"] == [{"published_port": 8080, "target_port": 80, "protocol": "tcp", "mode": "ingress"}]
    assert found["placement_preferences"] == [{"spread": "node.labels.z"}] and found["restart_policy"] == "any"
    assert found["env"] == [f"A={HIDDEN}"] and found["labels"]["a"] == "b" and SECRET not in str(found)


@pytest.mark.parametrize(
    ("path", "option"),
    [
        ("TaskTemplate.ContainerSpec.Env.A", "env"), ("TaskTemplate.ContainerSpec.Image", "image"),
        ("Mode.Replicas", "replicas"), ("Mode.Kind", "mode"), ("UpdateConfig.Delay", "update_delay"),
        ("RollbackConfig.Delay", "rollback_config"), ("TaskTemplate.ContainerSpec.DNSConfig.Options", "dns_options"),
        ("TaskTemplate.Resources.Limits.NanoCPUs", "limit_cpu"), ("Labels.x", "labels"),
    ],
)  # fmt: skip
def test_p8_changes_have_the_peers_names_too(path: str, option: str) -> None:
    assert changed_options([Change(tuple(path.split(".")), 1, 2)]) == [option]
