# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The long form of what a stack file says, and how several files become one."""

from __future__ import annotations

import typing as t

import pytest
from stack_texts import Loader

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose.document import parse
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose.ports import short_port
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose.volumes import absolute, short_volume
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.problems import revealed


def port(target: int, published: int = 0, protocol: str = "tcp") -> dict[str, t.Any]:
    return {"mode": "ingress", "target": target, "published": published, "protocol": protocol}


@pytest.mark.parametrize(
    ("entry", "ports"),
    [
        (80, [port(80)]),
        ("80", [port(80)]),
        ("8080:80", [port(80, 8080)]),
        ("53:53/UDP", [port(53, 53, "udp")]),
        ("3000-3002", [port(3000), port(3001), port(3002)]),
        ("9090-9091:8080-8081", [port(8080, 9090), port(8081, 9091)]),
        ("7000-7001:70", [port(70, 7000), port(70, 7001)]),
        ("0.0.0.0:80:80", [port(80, 80)]),
        (":80", [port(80)]),
        ("999-1000:999-1000", [port(1000, 1000), port(999, 999)]),
    ],
)
def test_short_port(entry: t.Any, ports: list[dict[str, t.Any]]) -> None:
    assert short_port(entry) == (ports, "")


@pytest.mark.parametrize("entry", ["127.0.0.1:80:80", "[::1]:80:80", "10.0.0.1::80"])
def test_address_of_a_port_is_ignored(entry: str) -> None:
    ports, warning = short_port(entry)
    assert ports[0]["target"] == 80
    assert "is ignored: a service listens on all addresses" in warning


@pytest.mark.parametrize(
    "entry", ["", "a", "80:", "1:2:3:4", "[::1]80", "[::1:80", "80-", "-80", "80:80:80", "1e3", "\uff18\uff10"]
)
def test_no_port(entry: str) -> None:
    with pytest.raises(ValueError):
        short_port(entry)


@pytest.mark.parametrize(
    ("entry", "volume"),
    [
        ("/data", {"type": "volume", "target": "/data"}),
        ("data:/data", {"type": "volume", "source": "data", "target": "/data"}),
        ("d:/data", {"type": "volume", "source": "d", "target": "/data"}),
        ("/srv:/data:ro", {"type": "bind", "source": "/srv", "target": "/data", "read_only": True}),
        ("./srv:/data", {"type": "bind", "source": "./srv", "target": "/data"}),
        ("~/srv:/data", {"type": "bind", "source": "~/srv", "target": "/data"}),
        (r"C:\srv:/data", {"type": "bind", "source": r"C:\srv", "target": "/data"}),
        (
            "v:/d:ro,nocopy",
            {"type": "volume", "source": "v", "target": "/d", "read_only": True, "volume": {"nocopy": True}},
        ),
        ("/s:/d:rslave", {"type": "bind", "source": "/s", "target": "/d", "bind": {"propagation": "rslave"}}),
    ],
)
def test_short_volume(entry: str, volume: dict[str, t.Any]) -> None:
    assert short_volume(entry) == (volume, "")


def test_option_of_a_volume_without_meaning() -> None:
    assert 'z in "/s:/d:z" has no meaning' in revealed(short_volume("/s:/d:z")[1])


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("/a/b", "/a/b"),
        ("./b", "/project/b"),
        ("../b", "/b"),
        ("b/./c", "/project/b/c"),
        ("~/b", "/home/me/b"),
        (r"C:\b", r"C:\b"),
    ],
)
def test_absolute(source: str, path: str) -> None:
    assert absolute(source, "/project", "/home/me") == path


def test_yaml_as_docker_reads_it() -> None:
    document = parse("s", b"a: yes\nb: 22:22\nc: 010\nd: 1_000\ne: ~\nf: 2024-01-01\ng: '5'\nh: !!str 5\ni: |\n  x\n")
    assert document.data == {
        "a": "yes", "b": "22:22", "c": 8, "d": 1000, "e": None, "f": "2024-01-01", "g": "5", "h": "5", "i": "x\n",
    }  # fmt: skip


def test_merge_keys() -> None:
    text = b"a: &a {x: 1, y: 1, z: 1}\nb: &b {<<: *a, y: 2, w: 2}\nc: {z: 3, <<: [*b, *a]}\nd: {'<<': text}\n"
    document = parse("s", text)
    assert document.data["c"] == {"z": 3, "x": 1, "y": 2, "w": 2}
    assert document.data["d"] == {"<<": "text"}


def test_lines() -> None:
    document = parse("s", b"# c\na:\n  - b\n  - c:\n      d: 1\n")
    assert [document.line(path) for path in (("a",), ("a", 0), ("a", 1, "c"), ("a", 1, "c", "d"), ("a", 9), ())] == [
        2, 3, 4, 5, 2, 0,
    ]  # fmt: skip


def test_byte_order_mark() -> None:
    assert parse("s", b"\xef\xbb\xbfa: 1\n").data == {"a": 1}


BOTH = """
services:
  web: {image: app, ports: ["53:53/udp", "53:53/tcp", "90", "91"], configs: [c, {source: c, target: /two}],
        healthcheck: {test: [CMD, one]}, environment: {A: 1, B: 2}, cap_add: [CHOWN]}
configs: {c: {content: x}}
"""


def merged(stack: Loader, override: str) -> dict[str, t.Any]:
    return stack.project(BOTH, f"services: {{web: {override}}}").sections.services["web"]


def test_a_second_file_loses_nothing_of_the_first(stack: Loader) -> None:
    service = merged(stack, "{tty: true}")
    assert sorted((item["published"], item["target"], item["protocol"]) for item in service["ports"]) == [
        (0, 90, "tcp"), (0, 91, "tcp"), (53, 53, "tcp"), (53, 53, "udp"),
    ]  # fmt: skip
    assert [item.get("target") for item in service["configs"]] == [None, "/two"]


def test_health_check_is_replaced(stack: Loader) -> None:
    assert merged(stack, "{healthcheck: {test: [CMD, two]}}")["healthcheck"] == {"test": ["CMD", "two"]}


def test_override_replaces_by_published_port_and_protocol(stack: Loader) -> None:
    ports = merged(stack, "{ports: ['53:5353/udp']}")["ports"]
    assert sorted((item["published"], item["target"], item["protocol"]) for item in ports) == [
        (0, 90, "tcp"), (0, 91, "tcp"), (53, 53, "tcp"), (53, 5353, "udp"),
    ]  # fmt: skip


def test_empty_values_do_not_override(stack: Loader) -> None:
    service = merged(stack, "{image: '', environment: {A: ''}, cap_add: []}")
    assert (service["image"], service["environment"], service["cap_add"]) == ("app", {"A": "1", "B": "2"}, ["CHOWN"])


def test_lists_grow(stack: Loader) -> None:
    assert merged(stack, "{cap_add: [KILL]}")["cap_add"] == ["CHOWN", "KILL"]


def test_extensions_are_merged_by_key(stack: Loader) -> None:
    first = "services: {web: {image: app, x-apiary: {wave: 1, logs: {retention_days: 7, tags: {a: b}}}}}"
    second = "services: {web: {x-apiary: {logs: {retention_days: 30}}}}\nx-apiary: {logs: {tags: {c: d}}}"
    sections = stack.project(first, second).sections
    assert sections.services["web"]["x-apiary"] == {"wave": 1, "logs": {"retention_days": 30, "tags": {"a": "b"}}}
    assert sections.apiary == {"logs": {"tags": {"c": "d"}}}


def test_env_files(stack: Loader) -> None:
    stack.files = {"a.env": b"# c\n\nA=1\n B=two words \nC\nD\nE=\n", "b.env": b"A=2\r\nQ='q'\n"}
    stack.env = {"C": "from env", "E": "filled"}
    env = stack.container("env_file: [a.env, b.env], environment: {B: over}")["Env"]
    assert env == ["A=2", "B=over", "C=from env", "E=filled", "Q='q'"]


def test_optional_env_file(stack: Loader) -> None:
    assert "Env" not in stack.container("env_file: [{path: nope.env, required: false}]")


def test_ignored_keys_are_told_once(stack: Loader) -> None:
    model = stack.model("services: {a: {image: x, build: ., privileged: true}, b: {image: y, build: .}}")
    assert model.warnings == [
        "build of a, b is ignored: a swarm runs images that exist: build and push the image first",
        "privileged of a is ignored: give the capabilities that are needed with cap_add",
    ]


def test_warnings(stack: Loader) -> None:
    model = stack.model("name: other\nservices: {a: {image: x, ports: ['127.0.0.1:80:80'], volumes: ['./d:/d']}}")
    assert model.warnings == [
        'a: the address in "127.0.0.1:80:80" is ignored: a service listens on all addresses of a node',
        "a: the bind mount ./d becomes /srv/project/d on every node",
        'the name "other" in the file is ignored: the stack is called "shop"',
    ]
