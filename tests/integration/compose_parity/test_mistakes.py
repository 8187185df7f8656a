# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of docs/stack-file.md where Docker's own reading of a stack file is a mistake, shown with its CLI."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from stack_texts import Loader

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose import ComposeError

ENV = {"NAME": "shop", "B": "value", "MODE": "0440"}
OBJECTS = "configs: {c: {file: ./c}}"


def docker_reads(folder: Path, *texts: str) -> dict[str, t.Any]:
    """Return the service "web" as the CLI understands it."""
    (folder / "c").write_text("x")
    arguments = []
    for index, text in enumerate(texts):
        (folder / f"{index}.yml").write_text(text)
        arguments += ["-c", f"{index}.yml"]
    env = {"PATH": os.environ["PATH"], "DOCKER_CONFIG": str(folder), **ENV}
    command = ["docker", "stack", "config", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=True)
    service: dict[str, t.Any] = yaml.safe_load(done.stdout)["services"]["web"]
    return service


def we_read(*texts: str) -> dict[str, t.Any]:
    loader = Loader()
    loader.env = ENV
    loader.files = {"./c": b"x"}
    return loader.project(*texts).sections.services["web"]


def web(keys: str, rest: str = "") -> str:
    return f"services: {{web: {{image: app, {keys}}}}}\n{rest}\n"


def test_oom_score_adj(tmp_path: Path) -> None:
    text = web("oom_score_adj: 500")
    assert "oom_score_adj" not in docker_reads(tmp_path, text)
    assert we_read(text)["oom_score_adj"] == 500


def test_ports_of_two_files(tmp_path: Path) -> None:
    texts = web("ports: ['53:53/udp', '53:53/tcp', '90', '91']"), web("tty: true")
    found = [(item.get("published", 0), item["target"]) for item in docker_reads(tmp_path, *texts)["ports"]]
    assert found == [(0, 91), (53, 53)]
    assert len(we_read(*texts)["ports"]) == 4


def test_configs_of_two_files(tmp_path: Path) -> None:
    texts = web("configs: [c, {source: c, target: /two}]", OBJECTS), web("tty: true")
    assert docker_reads(tmp_path, *texts)["configs"] == [{"source": "c", "target": "/two"}]
    assert we_read(*texts)["configs"] == [{"source": "c"}, {"source": "c", "target": "/two"}]


def test_health_checks_of_two_files(tmp_path: Path) -> None:
    texts = web("healthcheck: {test: [CMD, a]}"), web("healthcheck: {test: [CMD, b]}")
    assert docker_reads(tmp_path, *texts)["healthcheck"]["test"] == ["CMD", "a", "CMD", "b"]
    assert we_read(*texts)["healthcheck"]["test"] == ["CMD", "b"]


def test_text_after_a_variable(tmp_path: Path) -> None:
    text = web("hostname: $NAME-app")
    assert docker_reads(tmp_path, text)["hostname"] == "shop"
    with pytest.raises(ComposeError, match="can be read in two ways"):
        we_read(text)


def test_nested_variables(tmp_path: Path) -> None:
    text = web("hostname: '${A:-${B}}'")
    assert docker_reads(tmp_path, text)["hostname"] == "${B}"
    assert we_read(text)["hostname"] == "value"


def test_mode_from_a_variable(tmp_path: Path) -> None:
    text = web("configs: [{source: c, mode: '${MODE}'}]", OBJECTS)
    assert docker_reads(tmp_path, text)["configs"][0]["mode"] == 440
    assert we_read(text)["configs"][0]["mode"] == 0o440


def test_volume_with_a_name_of_one_letter(tmp_path: Path) -> None:
    text = web("volumes: ['v:/data:ro']")
    assert docker_reads(tmp_path, text)["volumes"] == [{"type": "bind", "source": "v:/data", "target": "ro"}]
    assert we_read(text)["volumes"] == [{"type": "volume", "source": "v", "target": "/data", "read_only": True}]


def test_dates(tmp_path: Path) -> None:
    text = web("labels: {released: 2024-01-31}")
    assert str(docker_reads(tmp_path, text)["labels"]["released"]).startswith("2024-01-31 00:00:00")
    assert we_read(text)["labels"] == {"released": "2024-01-31"}
