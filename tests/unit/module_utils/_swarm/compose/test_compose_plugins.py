# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stack files on the controller: where they are found, how they are read, what the lookup tells of them."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from stack_texts import Loader

from ansible_collections.apiary.swarm.plugins.module_utils._swarm.compose import ComposeError
from ansible_collections.apiary.swarm.plugins.plugin_utils._stack_files import Request, StackFiles, environment, summary


@pytest.fixture
def loader(tmp_path: Path) -> DataLoader:
    loader = DataLoader()
    loader.set_basedir(str(tmp_path))
    loader.set_vault_secrets([("default", VaultSecret(b"key"))])
    return loader


@pytest.fixture
def files(loader: DataLoader, tmp_path: Path) -> StackFiles:
    return StackFiles(loader, lambda path: str(tmp_path / path))


def test_files_lie_beside_the_first(files: StackFiles, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "stack.yml").write_text("services: {web: {image: app, volumes: ['./d:/d']}}")
    (tmp_path / "b" / "more.yml").write_text("configs: {c: {file: ./app.conf}}")
    (tmp_path / "a" / "app.conf").write_bytes(b"hello")
    model = files.model(Request("shop", ["a/stack.yml", "b/more.yml"]))
    assert model.configs["c"].data == "aGVsbG8="
    mounts = model.services["web"].spec["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert mounts[0]["Source"] == str(tmp_path.resolve() / "a" / "d")


def test_vaulted_files(files: StackFiles, tmp_path: Path) -> None:
    vault = VaultLib([("default", VaultSecret(b"key"))])
    (tmp_path / "stack.yml").write_bytes(vault.encrypt("services: {web: {image: app}}\nsecrets: {s: {file: pw}}"))
    (tmp_path / "pw").write_bytes(vault.encrypt("hello"))
    model = files.model(Request("shop", ["stack.yml"]))
    assert model.secrets["s"].data == "aGVsbG8="


def test_definition_over_files(files: StackFiles, tmp_path: Path) -> None:
    (tmp_path / "stack.yml").write_text("services: {web: {image: app}}")
    definition = {"services": {"web": {"image": "app:${TAG}"}}}
    model = files.model(Request("shop", ["stack.yml"], definition, {"TAG": 7}))
    assert model.services["web"].image == "app:7"


def test_file_where_the_user_stands(loader: DataLoader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(path: str) -> str:
        raise AnsibleError(f"{path} not found")

    (tmp_path / "stack.yml").write_text("services: {web: {image: app}}")
    monkeypatch.chdir(tmp_path)
    assert list(StackFiles(loader, nowhere).model(Request("shop", ["stack.yml"])).services) == ["web"]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["nope.yml"], "nope.yml: the file does not exist on the controller"),
        (["stack.yml", "stack.yml"], "stack.yml: the file is given twice; name it once"),
        (["."], ".: the file cannot be read: Is a directory"),
        (["huge.yml"], "huge.yml: the file has more than 1048576 bytes; a stack file may have no more"),
    ],
)
def test_bad_files(files: StackFiles, tmp_path: Path, names: list[str], says: str) -> None:
    (tmp_path / "stack.yml").write_text("services: {web: {image: app}}")
    (tmp_path / "huge.yml").write_bytes(b"#" * 10 * 2**20)
    with pytest.raises(ComposeError) as caught:
        files.model(Request("shop", names))
    assert str(caught.value) == says


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN", "process")
    monkeypatch.setenv("BOTH", "process")
    env: dict[str, t.Any] = {"BOTH": "task", "N": 1, "F": 1.5, "YES": True, "NONE": None}
    assert environment(Request("shop", env=env)) == {"BOTH": "task", "N": "1", "F": "1.5", "YES": "true"}
    with_own = environment(Request("shop", env=env, env_from_controller=True))
    assert (with_own["OWN"], with_own["BOTH"]) == ("process", "task")


def test_summary(stack: Loader) -> None:
    stack.env = {"PW": "never shown"}
    text = """
    x-apiary: {logs: {retention_days: 7}}
    services:
      web:
        image: registry.example.org/web:1
        secrets: [pw]
        depends_on: [api]
        deploy: {labels: {edge.port: 80, edge.host: a.example.org}}
      api: {image: api, x-apiary: {logs: {retention_days: 30, tags: {a: b}}}}
      quiet: {image: api, logging: {driver: none}}
    secrets: {pw: {environment: PW}}
    """
    found = summary(stack.model(text, log_group_prefix="/swarm/prod"))
    assert found["registries"] == ["docker.io", "registry.example.org"]
    assert found["log_groups"] == [
        {"name": "/swarm/prod/shop/api", "retention_in_days": 30, "tags": {"a": "b"}},
        {"name": "/swarm/prod/shop/web", "retention_in_days": 7},
    ]
    assert [item["name"] for item in found["services"]] == ["api", "quiet", "web"]
    assert found["services"][1]["log_group"] is None
    assert found["services"][2] == {
        "name": "web",
        "image": "registry.example.org/web:1",
        "registry": "registry.example.org",
        "wave": 1,
        "log_group": "/swarm/prod/shop/web",
        "retention_days": 7,
        "routes": [{"port": 80, "host": "a.example.org", "path": "/", "balance": "round_robin", "weight": 1}],
    }
    assert "never shown" not in str(found)
