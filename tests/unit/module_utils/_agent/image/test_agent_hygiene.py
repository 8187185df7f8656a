# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A builder's file system before and after its cleaning: each check finds its dirt, and cleaning cures it."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.image import hygiene
from ansible_collections.apiary.swarm.plugins.module_utils._agent.image.boot import grown
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


#: More of each kind: what other distributions, other programs and other days leave.
MORE = [
    *(("no_logs", f"var/log/{name}") for name in (
        "messages", "secure", "cron", "maillog", "messages-20261120", "secure.2.xz", "syslog.1", "kern.log", "dnf.log",
        "audit/audit.log", "audit/audit.log.1", "amazon/ssm/amazon-ssm-agent.log", "amazon/ssm/audits/x-2026-11-20",
        "amazon/amazon-cloudwatch-agent/configuration-validation.log", "journal/0123/system.journal", "apt/history.log",
        "nginx/access.log", "chrony/measurements.log", "unattended-upgrades/unattended-upgrades.log.1.gz", "boot.log",
        "cloud-init-output.log", "wtmp", "btmp", "lastlog", "sa/sa20", "a/b/c/d.bz2",
    )),
    *(("no_logs", path) for path in ("var/crash/x.crash", "var/lib/systemd/coredump/core.x", "var/mail/root")),
    *(("no_authorized_keys", f"{home}/.ssh/{name}") for home in ("root", "home/ec2-user") for name in (
        "id_rsa", "id_ed25519", "deploy-key", "known_hosts", "config", "authorized_keys2", ".hidden",
    )),
    *(("no_histories", f"{home}/{name}") for home in ("root", "home/admin") for name in (
        ".python_history", ".mysql_history", ".lesshst", ".viminfo", ".zhistory", ".ansible/tmp/x", ".cache/pip/x",
    )),
    *(("no_secrets", f"root/{name}") for name in (
        ".ecr/cache.json", ".aws/cli/cache/0.json", ".aws/sso/cache/0.json", ".aws/credentials", ".netrc", ".pypirc",
        ".git-credentials", ".config/containers/auth.json", ".vault-token",
    )),
    ("cloud_init_clean", "var/lib/cloud/instances/i-1/obj.pkl"),
    ("cloud_init_clean", "var/lib/cloud/data/instance-id"),
    ("machine_id_empty", "var/lib/dbus/machine-id"),
    ("no_random_seed", "var/lib/urandom/random-seed"),
    ("no_random_seed", "boot/efi/loader/random-seed"),
    ("no_dhcp_leases", "var/lib/dhcpcd/eth0.lease"),
    ("no_dhcp_leases", "var/lib/NetworkManager/internal-x-eth0.lease"),
    ("no_dhcp_leases", "var/lib/NetworkManager/secret_key"),
    ("no_package_caches", "var/cache/yum/x86_64/x.rpm"),
    ("no_package_caches", "var/cache/libdnf5/x/packages/x.rpm"),
    ("no_package_caches", "var/lib/apt/lists/x_InRelease"),
    ("no_ssh_host_keys", "etc/ssh/ssh_host_rsa_key.pub"),
    ("no_node_settings", "var/lib/apiary-swarm/edge/routes.last.json"),
]  # fmt: skip


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


@pytest.mark.parametrize(("name", "path"), MORE)
def test_a_hygiene_all_of_a_kind_is_found_and_cleaned(name: str, path: str, root: Path) -> None:
    put(root, path, "of the builder")
    os.utime(root / path, (1, 1))
    assert name in wrong(root)
    clean(root, quiet)
    assert wrong(root) == set()


@pytest.mark.parametrize("folder", ["root", "home/admin/project", "opt/app", "var/tmp"])
@pytest.mark.parametrize("kind", ["", "OPENSSH ", "RSA ", "EC ", "ENCRYPTED "])
def test_a_hygiene_a_private_key_of_any_name_is_a_secret(folder: str, kind: str, root: Path) -> None:
    put(root, f"{folder}/note.txt", f"-----BEGIN {kind}PRIVATE KEY-----\nx\n")
    assert "no_secrets" in wrong(root)


@pytest.mark.parametrize(
    "path", ["etc/docker/config.json", "home/admin/.docker/config.json", "var/lib/docker/config.json"]
)
@pytest.mark.parametrize("entry", [{"auth": "c2V"}, {"identitytoken": "x"}, {"registrytoken": "x"}, {"password": "x"}])
def test_a_hygiene_a_login_of_any_form_is_found(path: str, entry: dict[str, str], root: Path) -> None:
    put(root, path, json.dumps({"auths": {"r": entry}}))
    assert "no_registry_login" in wrong(root)


@pytest.mark.parametrize("content", ["[]", "null", '{"auths": []}', '{"auths": {"r": 1}}', "{"])
def test_a_hygiene_a_login_that_cannot_be_read_is_a_finding(content: str, root: Path) -> None:
    put(root, "root/.docker/config.json", content)
    assert "no_registry_login" in wrong(root)


def test_a_node_that_works_has_caches_of_credentials(root: Path) -> None:
    put(root, "root/.ecr/cache.json", "{}")
    found = {finding.name for finding in hygiene.check("boot", root) if finding.name == "no_secrets" and not finding.ok}
    assert found == set()
    assert "no_secrets" in wrong(root)


def test_what_a_running_program_logs_anew_is_no_finding(root: Path) -> None:
    put(root, "var/log/amazon/ssm/amazon-ssm-agent.log", "began a minute ago")
    assert wrong(root) == set()


def test_cleaning_keeps_folders_of_logs_and_links(root: Path) -> None:
    put(root, "var/log/audit/audit.log", "x")
    (root / "var/log/audit").chmod(0o700)
    (root / "var/lib/dbus").mkdir(parents=True)
    (root / "var/lib/dbus/machine-id").symlink_to("/etc/machine-id")
    clean(root, quiet)
    assert (root / "var/log/audit").stat().st_mode & 0o777 == 0o700
    assert (root / "var/lib/dbus/machine-id").is_symlink()


GIB = 1 << 30


@pytest.mark.parametrize(
    ("size", "listed", "ok"),
    [
        (19 * GIB, f"part {20 * GIB - 1048576}\ndisk {20 * GIB}\n", True),
        (7 * GIB, f"part {8 * GIB - 1048576}\ndisk {20 * GIB}\n", False),
        (7 * GIB, f"part {7 * GIB}\ndisk {8 * GIB}\n", True),
        (7 * GIB, f"part {8 * GIB}\ndisk {12 * GIB}\n", False),
        (30 * GIB, f"lvm  {30 * GIB}\npart {100 * GIB}\ndisk {100 * GIB}\n", False),
        (97 * GIB, f"crypt {99 * GIB}\npart {99 * GIB}\ndisk {100 * GIB}\n", True),
        (20 * GIB, f"disk {20 * GIB}\n", True),
    ],
)
def test_a_hygiene_the_disk_is_what_a_file_system_is_held_against(size: int, listed: str, ok: bool) -> None:
    """A partition that has not grown holds a file system that fills it."""
    assert grown(size, listed).ok == ok


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
