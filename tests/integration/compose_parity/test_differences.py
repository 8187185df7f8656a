# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where docs/stack-file.md says that Docker refuses or changes a text and we do not, the Docker CLI itself is asked."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose import load_project
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.stack import build_model

ENV = {"SET": "value", "HOME": "/home/me"}


def docker(folder: Path, *texts: str) -> tuple[dict[str, t.Any], str]:
    """Return what C(docker stack config) makes of stack files, or its complaint."""
    names = []
    for index, text in enumerate(texts):
        (folder / f"{index}.yml").write_text(text)
        names += ["-c", f"{index}.yml"]
    env = {"PATH": os.environ["PATH"], **ENV}
    done = subprocess.run(
        ["docker", "stack", "config", *names], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    return (yaml.safe_load(done.stdout) if done.returncode == 0 else {}), done.stderr


def ours(*texts: str) -> t.Any:
    files = {f"{index}.yml": text.encode() for index, text in enumerate(texts)}
    return build_model(load_project(files, ENV, lambda _path: b"", "/srv"), "shop")


def web(text: str, rest: str = "") -> str:
    return f"services: {{web: {{image: a, {text}}}, db: {{image: b}}}}\n{rest}\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (web('hostname: "x${SET:+alt}"'), "invalid interpolation format"),
        (web("depends_on: {db: {condition: service_started}}"), "must be a list"),
        (web('secrets: [{source: s, mode: "0440"}]', "secrets: {s: {external: true}}"), "must be a number"),
        (web("deploy: {resources: {limits: {memory: 52428800}}}"), "must be a string"),
    ],
)
def test_p6_what_docker_refuses_and_we_take(tmp_path: Path, text: str, complaint: str) -> None:
    assert complaint in docker(tmp_path, text)[1]
    assert ours(text).services["web"]


def test_p6_files_of_several_versions(tmp_path: Path) -> None:
    texts = ['version: "3.8"\n' + web("tty: true"), 'version: "3.7"\n' + web("tty: false")]
    assert "version mismatched" in docker(tmp_path, *texts)[1]
    assert ours(*texts).services["web"]


def test_p6_the_home_folder_is_that_of_env(tmp_path: Path) -> None:
    text = web('volumes: ["~/x:/y"]')
    assert docker(tmp_path, text)[0]["services"]["web"]["volumes"][0]["source"] == "/home/me/x"
    assert ours(text).services["web"].spec["TaskTemplate"]["ContainerSpec"]["Mounts"][0]["Source"] == "/home/me/x"
    with pytest.raises(SwarmError, match="give HOME in env"):
        build_model(load_project({"s.yml": text.encode()}, {}, lambda _path: b"", "/srv"), "shop")


@pytest.mark.parametrize(
    "written", ["${P:-$2y$05$abc$$d}", "x ${Q:-a$} y", "${Q-$SET}", "$$${SET}", "${SET:-$x}", "${Q:-http://a?b:c}"]
)
def test_p5_defaults_hold_the_text_that_docker_puts_there(tmp_path: Path, written: str) -> None:
    text = web(f"environment: {{A: '{written}'}}")
    expected = docker(tmp_path, text)[0]["services"]["web"]["environment"]["A"]
    assert ours(text).services["web"].spec["TaskTemplate"]["ContainerSpec"]["Env"] == [f"A={expected}"]


@pytest.mark.parametrize(("section", "word"), [("secrets", "Secret"), ("configs", "Config")])
def test_p6_long_keys_of_configs_and_secrets(section: str, word: str) -> None:
    """Up to the engine's 64 characters, which leave no room for a digest."""
    keys = ["k" * 58 + end for end in "ab"]
    text = web(
        f"{section}: [{', '.join(keys)}]", f"{section}: {{{', '.join(f'{key}: {{content: x}}' for key in keys)}}}"
    )
    files = ours(text).services["web"].spec["TaskTemplate"]["ContainerSpec"][f"{word}s"]
    names = {item[f"{word}Name"] for item in files}
    assert len(names) == 2 and {len(name) for name in names} == {64}
    with pytest.raises(SwarmError, match="has 65 characters; the engine takes 64"):
        ours(text.replace("k" * 58, "k" * 59))
