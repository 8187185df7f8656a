# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Specs: what reaches the engine. That they equal Docker's is shown on a real engine by the parity test."""

from __future__ import annotations

import base64
import typing as t

import pytest
from stack_texts import Loader

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose import ComposeError
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.model import Route
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.plan.versions import too_new

NAMESPACE = {"com.docker.stack.namespace": "shop"}


def test_smallest(stack: Loader) -> None:
    model = stack.model("services: {web: {image: app}}")
    assert model.services["web"].spec == {
        "Name": "shop_web",
        "Labels": {**NAMESPACE, "com.docker.stack.image": "app"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "app:latest",
                "Labels": NAMESPACE,
                "Privileges": {"CredentialSpec": None, "SELinuxContext": None, "NoNewPrivileges": False},
            },
            "Resources": {},
            "Placement": {},
            "Networks": [{"Target": "shop_default", "Aliases": ["web"]}],
            "ForceUpdate": 0,
        },
        "Mode": {"Replicated": {}},
        "EndpointSpec": {},
    }
    assert model.networks["default"].spec == {"Name": "shop_default", "Driver": "overlay", "Labels": NAMESPACE}


# Keys of the Compose Specification that docker stack deploy drops or refuses and a service of a swarm can carry.
@pytest.mark.parametrize(
    ("keys", "field", "value"),
    [
        ("dns_opt: ['ndots:2']", "DNSConfig", {"Options": ["ndots:2"]}),
        ("group_add: [audio, 1000]", "Groups", ["audio", "1000"]),
        ("oom_score_adj: 300", "OomScoreAdj", 300),
        ("tmpfs: /run", "Mounts", [{"Type": "tmpfs", "Target": "/run"}]),
        (
            "tmpfs: ['/run:size=1m,mode=1777,noexec,uid=5']",
            "Mounts",
            [
                {
                    "Type": "tmpfs",
                    "Target": "/run",
                    "TmpfsOptions": {"SizeBytes": 2**20, "Mode": 0o1777, "Options": [["noexec"], ["uid", "5"]]},
                }
            ],
        ),
        (
            "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0700}}]",
            "Mounts",
            [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 2**20, "Mode": 0o700}}],
        ),
        (
            "volumes: [{type: bind, source: /s, target: /t, bind: {recursive: readonly, create_host_path: true}}]",
            "Mounts",
            [
                {
                    "Type": "bind",
                    "Source": "/s",
                    "Target": "/t",
                    "BindOptions": {"ReadOnlyForceRecursive": True, "CreateMountpoint": True},
                }
            ],
        ),
        (
            "volumes: [{type: image, source: data, target: /t, image: {subpath: a/b}}]",
            "Mounts",
            [{"Type": "image", "Source": "data", "Target": "/t", "ImageOptions": {"Subpath": "a/b"}}],
        ),
    ],
)
def test_beyond_docker_stack(stack: Loader, keys: str, field: str, value: t.Any) -> None:
    assert stack.container(keys)[field] == value


def test_subpath_and_labels_of_a_volume(stack: Loader) -> None:
    keys = "volumes: [{type: volume, source: v, target: /t, volume: {subpath: a, labels: {x: y}}}]"
    mount = stack.container(keys, "volumes: {v: }")["Mounts"][0]
    assert mount["VolumeOptions"] == {"Labels": {"x": "y", **NAMESPACE}, "Subpath": "a"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["no-new-privileges"], {"NoNewPrivileges": True}),
        (["no-new-privileges:true"], {"NoNewPrivileges": True}),
        (["no-new-privileges=false"], {"NoNewPrivileges": False}),
        (["seccomp=unconfined"], {"Seccomp": {"Mode": "unconfined"}}),
        (["seccomp:builtin"], {"Seccomp": {"Mode": "default"}}),
        (["seccomp=profile.json"], {"Seccomp": {"Mode": "custom", "Profile": base64.b64encode(b"{}").decode()}}),
        (["apparmor=unconfined"], {"AppArmor": {"Mode": "disabled"}}),
        (["apparmor:docker-default"], {"AppArmor": {"Mode": "default"}}),
        (
            ["label=type:svc", "label=level:s0:c1"],
            {"SELinuxContext": {"Disable": False, "User": "", "Role": "", "Type": "svc", "Level": "s0:c1"}},
        ),
        (["label=disable"], {"SELinuxContext": {"Disable": True, "User": "", "Role": "", "Type": "", "Level": ""}}),
    ],
)
def test_security_options(stack: Loader, options: list[str], expected: dict[str, t.Any]) -> None:
    stack.files = {"profile.json": b"{}"}
    found = stack.container(f"security_opt: {options}")["Privileges"]
    assert found == {"CredentialSpec": None, "SELinuxContext": None, "NoNewPrivileges": False, **expected}


@pytest.mark.parametrize("option", ["seccomp=nope.json", "seccomp=bad.json", "label=x", "no-new-privileges:maybe", "x"])
def test_bad_security_options(stack: Loader, option: str) -> None:
    stack.files = {"bad.json": b"nope"}
    with pytest.raises(ComposeError, match=r"stack.yml:1: services.web.security_opt: "):
        stack.container(f"security_opt: ['{option}']")


def test_credential_spec_names_its_config(stack: Loader) -> None:
    container = stack.container("credential_spec: {config: c}", "configs: {c: {external: true, name: real}}")
    assert container["Privileges"]["CredentialSpec"] == {"Config": "real", "File": "", "Registry": ""}
    assert container["Configs"] == [{"Runtime": {}, "ConfigID": "", "ConfigName": "real"}]


@pytest.mark.parametrize(("limit", "pids"), [(5, {"Pids": 5}), (-1, {}), (0, {})])
def test_pids_limit(stack: Loader, limit: int, pids: dict[str, int]) -> None:
    resources = stack.service(f"pids_limit: {limit}")["TaskTemplate"]["Resources"]
    assert resources.get("Limits", {}) == pids


@pytest.mark.parametrize(
    ("restart", "policy"),
    [
        ("'no'", None),
        ("no", None),
        ("always", {"Condition": "any"}),
        ("unless-stopped", {"Condition": "any"}),
        ("on-failure", {"Condition": "on-failure"}),
        ("on-failure:3", {"Condition": "on-failure", "MaxAttempts": 3}),
    ],
)
def test_restart(stack: Loader, restart: str, policy: dict[str, t.Any] | None) -> None:
    assert stack.service(f"restart: {restart}")["TaskTemplate"].get("RestartPolicy") == policy


def test_same_port_for_two_protocols(stack: Loader) -> None:
    ports = stack.service("ports: ['53:53/udp', '53:53']")["EndpointSpec"]["Ports"]
    assert [(port["PublishedPort"], port["Protocol"]) for port in ports] == [(53, "tcp"), (53, "udp")]


def test_raw_fields(stack: Loader) -> None:
    raw = (
        "{Mode: {ReplicatedJob: {MaxConcurrent: 2}},"
        " TaskTemplate: {Resources: {SwapBytes: -1}, ContainerSpec: {TTY: null, Groups: [g]}}}"
    )
    spec = stack.service(f"deploy: {{mode: replicated-job, replicas: 9}}, tty: true, x-apiary: {{spec: {raw}}}")
    assert spec["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 9}}
    assert spec["TaskTemplate"]["Resources"] == {"SwapBytes": -1}
    assert spec["TaskTemplate"]["ContainerSpec"]["Groups"] == ["g"]
    assert "TTY" not in spec["TaskTemplate"]["ContainerSpec"]


# -- configs and secrets ---------------------------------------------------------------------------------------------
OBJECTS = """
services: {{web: {{image: app, configs: [c], secrets: [s]}}}}
configs: {{c: {{content: "{0}"}}}}
secrets: {{s: {{environment: PW}}}}
"""


def test_names_follow_the_content(stack: Loader) -> None:
    def names_of(content: str, password: str) -> list[str]:
        stack.env = {"PW": password}
        model = stack.model(OBJECTS.format(content))
        container = model.services["web"].spec["TaskTemplate"]["ContainerSpec"]
        assert container["Configs"][0]["ConfigName"] == model.configs["c"].name
        assert container["Secrets"][0]["SecretName"] == model.secrets["s"].name
        assert model.configs["c"].spec["Name"] == model.configs["c"].name
        return [model.configs["c"].name, model.secrets["s"].name]

    first = names_of("x", "one")
    assert first == names_of("x", "one")
    assert first == ["shop_c_6acc8ddcbb83", "shop_s_5e4d4d4dd075"]
    assert [a == b for a, b in zip(first, names_of("x", "two"), strict=True)] == [True, False]
    assert [a == b for a, b in zip(first, names_of("y", "one"), strict=True)] == [False, True]


def test_files_keep_their_target(stack: Loader) -> None:
    stack.env = {"PW": "x"}
    container = stack.model(OBJECTS.format("x")).services["web"].spec["TaskTemplate"]["ContainerSpec"]
    assert container["Configs"][0]["File"] == {"Name": "c", "UID": "0", "GID": "0", "Mode": 0o444}


def test_plain_names(stack: Loader) -> None:
    stack.env = {"PW": "x"}
    model = stack.model(OBJECTS.format("x"), hash_names=False)
    assert (model.configs["c"].name, model.configs["c"].hashed) == ("shop_c", False)


@pytest.mark.parametrize(
    ("definition", "name", "hashed", "external"),
    [
        ("{content: x, name: mine}", "mine", False, False),
        ("{external: true}", "c", False, True),
        ("{external: true, name: real}", "real", False, True),
        ("{external: {name: real}}", "real", False, True),
    ],
)
def test_names_that_are_given(stack: Loader, definition: str, name: str, hashed: bool, external: bool) -> None:
    entry = stack.model(f"services: {{web: {{image: app}}}}\nconfigs: {{c: {definition}}}").configs["c"]
    assert (entry.name, entry.hashed, entry.external) == (name, hashed, external)


def test_the_digest_counts_what_cannot_be_changed(stack: Loader) -> None:
    text = "services: {web: {image: app}}\nconfigs: {a: {content: x}, b: {content: x, template_driver: golang}}"
    configs = stack.model(text).configs
    assert configs["a"].name[-12:] != configs["b"].name[-12:]
    assert configs["b"].spec["Templating"] == {"Name": "golang"}


def test_secret_of_a_driver(stack: Loader) -> None:
    text = "services: {web: {image: app}}\nsecrets: {s: {driver: vault, driver_opts: {path: a, n: 1}}}"
    entry = stack.model(text).secrets["s"]
    assert (entry.data, entry.spec["Driver"]) == (None, {"Name": "vault", "Options": {"path": "a", "n": "1"}})


def test_binary_content(stack: Loader) -> None:
    stack.files = {"blob": bytes(range(256))}
    entry = stack.model("services: {web: {image: app}}\nconfigs: {c: {file: blob}}").configs["c"]
    assert base64.b64decode(entry.body()["Data"]) == bytes(range(256))


@pytest.mark.parametrize(("section", "most"), [("configs", 1000 * 1024 - 1), ("secrets", 500 * 1024 - 1)])
def test_size_of_content(stack: Loader, section: str, most: int) -> None:
    text = f"services: {{web: {{image: app}}}}\n{section}: {{c: {{file: blob}}}}"
    stack.files = {"blob": b"x" * most}
    stack.model(text)
    stack.files = {"blob": b"x" * (most + 1)}
    with pytest.raises(ComposeError, match=f"has {most + 1} bytes; the engine takes 1 to {most}"):
        stack.model(text)


# -- routes, logs, waves, migrations ---------------------------------------------------------------------------------
def test_route(stack: Loader) -> None:
    labels = "{edge.host: Shop.Example.org., edge.path: /api, edge.port: 8080, edge.balance: sticky, edge.weight: 5}"
    model = stack.model(f"services: {{web: {{image: app, deploy: {{labels: {labels}}}}}}}")
    assert model.services["web"].routes == [Route(8080, "shop.example.org", "/api", "sticky", 5)]
    assert model.services["web"].spec["Labels"]["edge.port"] == "8080"


@pytest.mark.parametrize("host", ["a", "a.b", "*.a.b", "xn--bcher-kva.example", "1.example", "a" * 63])
def test_hosts(stack: Loader, host: str) -> None:
    labels = f"{{edge.port: 1, edge.host: '{host}'}}"
    assert (
        stack.model(f"services: {{w: {{image: a, deploy: {{labels: {labels}}}}}}}").services["w"].routes[0].host == host
    )


@pytest.mark.parametrize(
    "host", ["-a", "a-", "a..b", "*", "a.*", "**.a", "a b", "a;b", "a/b", "a" * 64, "a_b", "ä.org", "a:80"]
)
def test_bad_hosts(stack: Loader, host: str) -> None:
    with pytest.raises(ComposeError, match=r"labels\.edge\.host: must be a host name"):
        stack.model(f"services: {{w: {{image: a, deploy: {{labels: {{edge.port: 1, edge.host: '{host}'}}}}}}}}")


@pytest.mark.parametrize("path", ["", "api", "/a b", "/a;b", "/{x}", "/a\\b", "/$$x", "/a\nb", "/a#b", "/a?b"])
def test_bad_paths(stack: Loader, path: str) -> None:
    definition = {"services": {"w": {"image": "a", "deploy": {"labels": {"edge.port": 1, "edge.path": path}}}}}
    with pytest.raises(ComposeError, match=r"labels\.edge\.path: must be a path"):
        stack.definition(definition)


def test_a_routed_service_joins_the_edge(stack: Loader) -> None:
    model = stack.model("services: {w: {image: a, deploy: {labels: {edge.port: 80}}}, x: {image: a}}")
    assert model.services["w"].spec["TaskTemplate"]["Networks"] == [
        {"Target": "edge"},
        {"Target": "shop_default", "Aliases": ["w"]},
    ]
    assert [item["Target"] for item in model.services["x"].spec["TaskTemplate"]["Networks"]] == ["shop_default"]
    assert {entry.name: entry.external for entry in model.networks.values()} == {"edge": True, "shop_default": False}


def test_a_service_that_joins_the_edge_itself(stack: Loader) -> None:
    text = """
    services: {w: {image: a, networks: [edge], deploy: {labels: {edge.port: 80}}}}
    networks: {edge: {external: true}}
    """
    model = stack.model(text)
    assert model.services["w"].spec["TaskTemplate"]["Networks"] == [{"Target": "edge", "Aliases": ["w"]}]
    assert list(model.networks) == ["edge"]


PREFIX = {"log_group_prefix": "/swarm/prod/", "log_region": "eu-west-1"}


def test_logs_go_to_cloudwatch(stack: Loader) -> None:
    text = "x-apiary: {logs: {retention_days: 7, tags: {team: shop}}}\nservices: {web: {image: app}}"
    entry = stack.model(text, **PREFIX).services["web"]
    assert entry.spec["TaskTemplate"]["LogDriver"] == {
        "Name": "awslogs",
        "Options": {
            "awslogs-region": "eu-west-1",
            "awslogs-group": "/swarm/prod/shop/web",
            "tag": "{{.Name}}",
            "mode": "non-blocking",
            "max-buffer-size": "25m",
        },
    }
    assert entry.logs == {
        "group": "/swarm/prod/shop/web", "retention_days": 7, "tags": {"team": "shop"}, "kms_key_id": None,
    }  # fmt: skip


def test_blocking_logs(stack: Loader) -> None:
    text = "services: {web: {image: app, x-apiary: {logs: {mode: blocking}}}}"
    options = stack.model(text, **PREFIX).services["web"].spec["TaskTemplate"]["LogDriver"]["Options"]
    assert options["mode"] == "blocking"
    assert "max-buffer-size" not in options


def test_logging_of_the_file_is_left_alone(stack: Loader) -> None:
    text = "services: {web: {image: app, logging: {driver: json-file}}, none: {image: app}}"
    assert stack.model(text, **PREFIX).services["web"].logs is None
    assert stack.model(text, **PREFIX).services["web"].spec["TaskTemplate"]["LogDriver"] == {"Name": "json-file"}
    assert "LogDriver" not in stack.model(text).services["none"].spec["TaskTemplate"]


def test_own_log_group(stack: Loader) -> None:
    text = "services: {web: {image: app, logging: {driver: awslogs, options: {awslogs-group: mine}}}}"
    assert (stack.model(text).services["web"].logs or {})["group"] == "mine"


def test_waves(stack: Loader) -> None:
    text = """
    services:
      web: {image: a, depends_on: {api: {condition: service_healthy}, cache: {condition: service_started}}}
      api: {image: a, depends_on: [db]}
      cache: {image: a, x-apiary: {wave: 5}}
      db: {image: a}
      free: {image: a}
    """
    waves = {name: entry.wave for name, entry in stack.model(text).services.items()}
    assert waves == {"web": 6, "api": 1, "cache": 5, "db": 0, "free": 0}


def test_migrations(stack: Loader) -> None:
    text = """
    x-apiary: {migrate: {service: api, command: "./migrate up 'all of it'", timeout: 5m}}
    services:
      api: {image: a}
      db: {image: a, x-apiary: {migrate: {command: [vacuum], timeout: 30}}}
    """
    assert [item.to_dict() for item in stack.model(text).migrate] == [
        {"service": "api", "command": ["./migrate", "up", "all of it"], "timeout": 300},
        {"service": "db", "command": ["vacuum"], "timeout": 30},
    ]


# -- engines ---------------------------------------------------------------------------------------------------------
MODERN = """
services:
  web:
    image: a
    oom_score_adj: 5
    security_opt: [no-new-privileges, seccomp=unconfined, apparmor=unconfined]
    healthcheck: {test: x, start_interval: 1s}
    tmpfs: /run:noexec
    volumes:
      - {type: volume, source: v, target: /v, volume: {subpath: s}}
      - {type: cluster, source: 'group:g', target: /g}
    x-apiary: {spec: {TaskTemplate: {Resources: {SwapBytes: 0, MemorySwappiness: 10}}}}
volumes: {v: }
"""


@pytest.mark.parametrize(
    ("version", "count"), [("1.41", 10), ("1.42", 9), ("1.45", 4), ("1.46", 2), ("1.52", 0), ("", 0)]
)
def test_fields_that_an_engine_lacks(stack: Loader, version: str, count: int) -> None:
    spec = stack.model(MODERN).services["web"].spec
    assert len(too_new(spec, version)) == count


@pytest.mark.parametrize(
    ("mount", "word"),
    [
        ("{type: bind, source: /a, target: /a, bind: {create_host_path: true}}", "bind.create_host_path of a mount"),
        ("{type: bind, source: /a, target: /a, bind: {recursive: writable}}", "bind.recursive (writable) of a mount"),
        ("{type: bind, source: /a, target: /a, bind: {recursive: readonly}}", "bind.recursive (readonly) of a mount"),
        ("{type: image, source: a, target: /a}", "a mount of type image"),
    ],
)
def test_what_no_engine_gives_to_services(stack: Loader, mount: str, word: str) -> None:
    """Whatever its version says: engines up to 29 drop these bind options of services, and refuse such mounts."""
    spec = stack.model(f"services: {{web: {{image: a, volumes: [{mount}]}}}}").services["web"].spec
    text = f"service shop_web: {word} is for single containers, no engine gives it to services yet; remove it"
    assert too_new(spec, "1.41") == too_new(spec, "1.53") == [text]


@pytest.mark.parametrize("options", ["recursive: enabled", "recursive: disabled", "create_host_path: false"])
def test_bind_options_of_services_that_engines_take(stack: Loader, options: str) -> None:
    volume = f"{{type: bind, source: /a, target: /a, bind: {{{options}}}}}"
    spec = stack.model(f"services: {{web: {{image: a, volumes: [{volume}]}}}}").services["web"].spec
    assert too_new(spec, "1.41") == []


def test_what_is_said_of_them(stack: Loader) -> None:
    spec = stack.model("services: {web: {image: a, oom_score_adj: 5, init: false}}").services["web"].spec
    assert too_new(spec, "1.41") == ["service shop_web: oom_score_adj needs Engine API 1.46, the manager has 1.41"]
    assert too_new(stack.model("services: {web: {image: a}}").services["web"].spec, "1.41") == []
