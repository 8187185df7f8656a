# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every bad stack file gets one sentence with the file, the line, the key and what to write instead."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose import ComposeError, load_project
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose.document import MAX_BYTES
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.stack import build_model

BAD_STACKS: list[dict[str, str]] = yaml.safe_load((Path(__file__).parent / "bad_stacks.yml").read_text())


def read(path: str) -> bytes:
    if path == "bad.env":
        return b"A=1\nB C=2\n"
    raise FileNotFoundError(2, "No such file or directory", path)


def message(content: t.Any, name: str = "shop", file: str = "stack.yml") -> str:
    with pytest.raises(ComposeError) as caught:
        build_model(load_project({file: content}, {"KNOWN": "value"}, read, "/srv/project"), name)
    return str(caught.value)


@pytest.mark.parametrize("case", BAD_STACKS, ids=[case["name"] for case in BAD_STACKS])
def test_message(case: dict[str, str]) -> None:
    assert message(case["file"].encode()) == case["says"]


def test_each_message_is_one_line() -> None:
    assert all("\n" not in case["says"] and case["says"][-1] not in ".;" for case in BAD_STACKS)


def test_there_are_enough_of_them() -> None:
    assert len(BAD_STACKS) >= 160


def test_not_utf8() -> None:
    says = message("services:\n  web:\n    image: café\n".encode("latin-1"))
    assert says == "stack.yml:3: the file is not UTF-8 text; save it as UTF-8"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_unicode_encodings(encoding: str) -> None:
    assert "the file is not UTF-8 text" in message("services: {}".encode(encoding))


def test_binary() -> None:
    assert message(b"PK\x03\x04\x00\x00 archive") == "stack.yml:1: the character #x0003 is not allowed; remove it"


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 10 * MAX_BYTES])
def test_too_big(size: int) -> None:
    assert message(b"#" * size) == "stack.yml: the file has more than 1048576 bytes; a stack file may have no more"


def test_bomb_of_anchors() -> None:
    lines = ["x-0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    says = message("\n".join([*lines, "services: {web: {image: a}}"]).encode())
    assert says.endswith("anchors expand to more than 100000 values; write the file without them")


def test_bomb_of_merge_keys() -> None:
    lines = ["x-0: &a0 {k: [x, x, x, x, x, x, x, x, x, x]}"]
    lines += [f"x-{n}: &a{n} {{a: *a{n - 1}, b: *a{n - 1}, c: {{<<: *a{n - 1}}}, d: *a{n - 1}}}" for n in range(1, 14)]
    says = message("\n".join([*lines, "services: {web: {image: a}}"]).encode())
    assert "anchors expand to more than" in says


@pytest.mark.parametrize("depth", [100, 900, 5000, 100_000])
def test_nested_too_deep(depth: int) -> None:
    assert message(f"services: {'[' * depth}{']' * depth}".encode()).startswith("stack.yml")


def test_definition_has_no_lines() -> None:
    says = message({"services": {"web": {"image": "app", "deploy": {"replicas": "two"}}}}, file="definition")
    assert says == 'definition: services.web.deploy.replicas: must be an integer, not "two"'


def test_definition_with_a_number_as_key() -> None:
    says = message({"services": {"web": {"image": "app", "labels": {80: "x"}}}}, file="definition")
    assert says == 'definition: services.web.labels: the key 80 is not a text; write "80" in quotes'


def test_definition_that_is_no_mapping() -> None:
    assert message(["services"], file="definition") == 'definition: must be a mapping with "services"'


@pytest.mark.parametrize("name", ["", "my stack", "-shop", "shop.", "s" * 64, "läden"])
def test_name_of_the_stack(name: str) -> None:
    assert message(b"services: {web: {image: app}}", name).startswith("the stack cannot have this name: the name")


def test_no_file() -> None:
    with pytest.raises(ComposeError, match="no stack file is given"):
        load_project({}, {}, read, "/srv")


def test_place_in_the_file_that_has_it() -> None:
    files = {
        "one.yml": b"services:\n  web:\n    image: app\n",
        "two.yml": b"services:\n  web:\n    tty: true\n    networks: [front]\n",
    }
    with pytest.raises(ComposeError) as caught:
        build_model(load_project(files, {}, read, "/srv"), "shop")
    assert str(caught.value).startswith('two.yml:4: services.web.networks.front: the network "front" is not under')
    assert (caught.value.file, caught.value.line) == ("two.yml", 4)


def test_place_of_what_comes_from_an_anchor() -> None:
    text = "x-a: &a\n  image: app\n  imgae: b\nservices:\n  web:\n    <<: *a\n"
    assert message(text.encode()).startswith("stack.yml:3: services.web.imgae")


def test_place_of_what_wins_over_an_anchor() -> None:
    text = "x-a: &a {deploy: {replicas: 1}}\nservices:\n  web:\n    image: app\n    <<: *a\n    deploy:\n"
    text += "      replicas: x\n"
    assert message(text.encode()).startswith("stack.yml:7: services.web.deploy.replicas")
