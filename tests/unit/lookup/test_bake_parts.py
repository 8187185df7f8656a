# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bake depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.apiary.swarm.plugins.lookup.bake_parts import LookupModule, collection_version, files_hash


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("roles/engine/tasks/main.yml", "roles/engine/README.md", "roles/edge/files/x", "plugins/one.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


FOLDERS = ("roles/engine", "roles/edge", "plugins/one.py")


def test_equal_files_give_equal_hashes(tree: Path) -> None:
    assert files_hash(tree, FOLDERS) == files_hash(tree, reversed(FOLDERS))


@pytest.mark.parametrize("name", ["roles/engine/tasks/main.yml", "roles/edge/files/x", "plugins/one.py"])
def test_every_file_counts(tree: Path, name: str) -> None:
    before = files_hash(tree, FOLDERS)
    (tree / name).write_text("other")
    assert files_hash(tree, FOLDERS) != before


def test_names_and_modes_count(tree: Path) -> None:
    before = files_hash(tree, FOLDERS)
    (tree / "roles/edge/files/x").chmod(0o755)
    executable = files_hash(tree, FOLDERS)
    (tree / "roles/edge/files/x").rename(tree / "roles/edge/files/y")
    assert len({before, executable, files_hash(tree, FOLDERS)}) == 3


@pytest.mark.parametrize(
    "name", ["roles/engine/README.md", "roles/engine/meta/main.yml", "roles/edge/__pycache__/x.pyc"]
)
def test_what_does_not_reach_the_node_does_not_count(tree: Path, name: str) -> None:
    before = files_hash(tree, FOLDERS)
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text("other")
    assert files_hash(tree, FOLDERS) == before


def test_version_of_a_work_tree_and_of_an_installed_collection(tmp_path: Path) -> None:
    (tmp_path / "galaxy.yml").write_text("version: 1.2.3\n")
    assert collection_version(tmp_path) == "1.2.3"
    (tmp_path / "MANIFEST.json").write_text('{"collection_info": {"version": "1.2.4"}}')
    assert collection_version(tmp_path) == "1.2.4"


class Lookup(LookupModule):
    """The lookup with options as given: Ansible's own reading of them needs an installed collection."""

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        self._given = {"roles": ["engine"], "extra": {}, **direct}

    def get_option(self, option: str, hostvars: Any = None) -> Any:
        return self._given[option]


def parts(variables: dict[str, Any], **options: Any) -> dict[str, str]:
    """Run the lookup."""
    templar = Templar(loader=DataLoader(), variables=variables)
    lookup = Lookup(templar=templar)
    (found,) = lookup.run([], variables, **options)
    return dict(found)


def test_variables_of_the_roles_count_and_others_do_not() -> None:
    before = parts({"other": 1})
    assert parts({"other": 2}) == before
    changed = parts({"engine_version": "27"})
    assert changed["variables"] != before["variables"]
    assert changed["roles"] == before["roles"]


def test_extra_values_count() -> None:
    assert parts({}, extra={"size": 8})["variables"] != parts({}, extra={"size": 9})["variables"]


def test_an_unknown_role() -> None:
    with pytest.raises(AnsibleLookupError, match="no role nginx"):
        parts({}, roles=["nginx"])
