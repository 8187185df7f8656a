# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive that users install: what is in it, that its playbooks run from an empty place, what it requires."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

import pytest
import yaml
from background import ROOT

TOP_LEVEL = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "LICENSES",
    "MANIFEST.json",
    "README.md",
    "changelogs",
    "docs",
    "examples",
    "jenkins",
    "meta",
    "playbooks",
    "plugins",
    "roles",
}
# Paths of templates mirror the node's, and an example needs what it is built with.
HIDDEN = {".docker", ".dockerignore"}
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))


def ansible(*command: str, cwd: Path, collections: Path) -> subprocess.CompletedProcess[str]:
    """Run an Ansible command that sees only *collections* and the collections that ours depends on."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE", "PYTHONPATH"))}
    environment["ANSIBLE_COLLECTIONS_PATH"] = f"{collections}:{ROOT / '.cache/collections'}"
    environment["ANSIBLE_HOME"] = str(cwd / "ansible-home")
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=180, check=False)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, built from the work tree."""
    target = tmp_path_factory.mktemp("archive")
    done = ansible(
        "ansible-galaxy", "collection", "build", "--output-path", str(target), cwd=ROOT, collections=target / "none"
    )
    assert done.returncode == 0, done.stderr
    return next(target.glob("apiary-swarm-*.tar.gz"))


@pytest.fixture(scope="module")
def members(archive: Path) -> list[PurePosixPath]:
    """The files in the archive."""
    with tarfile.open(archive) as content:
        return [PurePosixPath(member.name) for member in content if member.isfile()]


@pytest.fixture(scope="module")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds nothing but the installed archive."""
    place = tmp_path_factory.mktemp("installed")
    install = ("ansible-galaxy", "collection", "install", "--no-deps", "--offline", str(archive), "-p", str(place))
    done = ansible(*install, cwd=place, collections=place)
    assert done.returncode == 0, done.stderr
    return place


def test_only_what_users_need_is_in_it(members: list[PurePosixPath]) -> None:
    assert {member.parts[0] for member in members} <= TOP_LEVEL


def test_no_leftovers_are_in_it(members: list[PurePosixPath]) -> None:
    hidden = [
        member
        for member in members
        if any(part.startswith((".", "__pycache__")) and part not in HIDDEN for part in member.parts)
    ]
    built = [member for member in members if member.suffix in {".pyc", ".gz", ".log", ".retry", ".pem", ".key"}]
    assert hidden + built == []


def test_archive_is_small(archive: Path) -> None:
    assert archive.stat().st_size < 3_000_000


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbook_is_found_by_name(playbook: str, installed: Path) -> None:
    command = ("ansible-playbook", f"apiary.swarm.{playbook}", "--syntax-check", "-e", "cluster=shop region=eu-west-1")
    done = ansible(*command, cwd=installed, collections=installed)
    assert done.returncode == 0, done.stdout + done.stderr


def test_documentation_of_every_module_is_found(installed: Path) -> None:
    done = ansible("ansible-doc", "--json", "--list", "apiary.swarm", cwd=installed, collections=installed)
    modules = {f"apiary.swarm.{path.stem}" for path in (ROOT / "plugins/modules").glob("*.py")}
    assert set(json.loads(done.stdout)) == modules, done.stderr


def builder(*arguments: str) -> str:
    """Return what ansible-builder, which galaxy-importer brings, prints."""
    command = (str(ROOT / ".cache/venv-importer/bin/ansible-builder"), *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_builder_of_execution_environments_finds_the_requirements(installed: Path) -> None:
    found = yaml.safe_load(builder("introspect", str(installed)))
    assert [line.partition(">=")[0] for line in found["python"]] == ["boto3", "docker", "jsonschema"]
    assert [line.partition(" ")[0] for line in found["system"]] == ["openssh-client", "openssh-clients"]


def test_documented_execution_environment_can_be_made(tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text()
    definition = tmp_path / "execution-environment.yml"
    definition.write_text(page.partition("# execution-environment.yml\n")[2].partition("```")[0])
    builder("create", "--file", str(definition), "--context", str(tmp_path / "context"))
    wanted = yaml.safe_load((tmp_path / "context/_build/requirements.yml").read_text())
    assert wanted == {"collections": ["apiary.swarm"]}
