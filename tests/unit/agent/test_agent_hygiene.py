# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A builder's file system before and after its cleaning: each check finds its dirt, and cleaning cures it."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.image import hygiene
from ansible_collections.apiary.swarm.plugins.module_utils._agent.image.clean import clean

TOKEN = f"SWMTKN-1-{'a' * 50}-{'b' * 25}"

#: Name of the check → a file that it must find, and what is in it.
DIRT = {
    "swarm_inactive": ("var/lib/docker/swarm/docker-state.json", "{}"),
    "no_live_restore": ("etc/docker/daemon.json", '{"live-restore": true}'),
    "no_registry_login": ("root/.docker/config.json", '{"auths": {"r": {"auth": "c2VjcmV0"}}}'),
    "no_secrets": ("opt/notes", f"join with {TOKEN}"),
    "no_engine_identity": ("etc/docker/key.json", "{}"),
    "no_swarm_folder": ("var/lib/docker/swarm/worker/tasks.db", ""),
    "machine_id_empty": ("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    "no_ssh_host_keys": ("etc/ssh/ssh_host_ed25519_key", "key"),
    "no_authorized_keys": ("home/admin/.ssh/authorized_keys", "ssh-ed25519 x"),
    "no_histories": ("root/.bash_history", "ls"),
    "cloud_init_clean": ("var/lib/cloud/instances/i-1/user-data.txt", ""),
    "no_random_seed": ("var/lib/systemd/random-seed", "x"),
    "no_dhcp_leases": ("var/lib/dhcp/dhclient.eth0.leases", "lease"),
    "no_package_caches": ("var/cache/apt/archives/x.deb", "x"),
    "no_logs": ("var/log/auth.log", "x"),
    "no_node_settings": ("etc/apiary-swarm/node.json", "{}"),
    "no_ssm_registration": ("var/lib/amazon/ssm/Vault/x", "x"),
}
#: Wrong by somebody's decision, so that cleaning must not hide it.
NOT_CLEANED = {"no_live_restore", "no_registry_login", "no_secrets"}


def put(root: Path, path: str, content: str) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put(tmp_path, "etc/machine-id", "")
    put(tmp_path, "etc/docker/daemon.json", '{"log-driver": "awslogs"}')
    put(tmp_path, "etc/apiary-swarm/image.json", json.dumps({"worker_token": TOKEN}))
    put(tmp_path, "root/.docker/config.json", '{"credHelpers": {"r": "ecr-login"}}')
    return tmp_path


def wrong(root: Path) -> set[str]:
    return {finding.name for finding in hygiene.check("image", root) if not finding.ok}


def quiet(_command: t.Sequence[str]) -> None:
    pass


def test_a_clean_image(root: Path) -> None:
    assert wrong(root) == set()


def test_every_check_of_an_image_has_its_dirt(root: Path) -> None:
    assert {finding.name for finding in hygiene.check("image", root)} == set(DIRT)


@pytest.mark.parametrize("name", DIRT)
def test_dirt_is_found_and_cleaned(name: str, root: Path) -> None:
    put(root, *DIRT[name])
    assert name in wrong(root)
    clean(root, quiet)
    assert (name in wrong(root)) == (name in NOT_CLEANED)


def test_cleaning_stops_first_what_would_write_again(root: Path) -> None:
    commands: list[t.Sequence[str]] = []
    clean(root, commands.append)
    assert commands[0][:2] == ["systemctl", "stop"]
    assert "systemd-random-seed.service" in commands[0]


def test_cleaning_twice_changes_nothing(root: Path) -> None:
    for path, content in DIRT.values():
        put(root, path, content)
    assert clean(root, quiet)
    assert clean(root, quiet) == []
    assert (root / "etc/machine-id").read_text() == ""


def test_the_image_keeps_what_it_is_made_of(root: Path) -> None:
    put(root, "var/lib/docker/image/overlay2/repositories.json", "{}")
    clean(root, quiet)
    for path in (
        "etc/docker/daemon.json",
        "etc/apiary-swarm/image.json",
        "root/.docker/config.json",
        "var/lib/docker/image/overlay2/repositories.json",
    ):
        assert (root / path).exists()


def test_an_access_key_is_a_secret_too(root: Path) -> None:
    put(root, "home/admin/.aws/credentials", "aws_access_key_id = AKIAIOSFODNN7EXAMPLE")
    assert "no_secrets" in wrong(root)


def test_a_check_that_fails_is_a_finding(root: Path) -> None:
    put(root, "etc/docker/daemon.json", "not JSON")
    found = next(f for f in hygiene.check("image", root) if f.name == "no_live_restore")
    assert not found.ok
    assert "could not be checked" in found.detail
