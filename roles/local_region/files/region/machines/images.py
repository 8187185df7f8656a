# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Base images of the nodes: what Debian publishes as its EC2 images, made with mmdebstrap and kept in the cache."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from region.config import RegionConfig
from region.world import packages
from region.world.lifecycle import RegionError

_PACKAGES = [
    *("systemd", "systemd-sysv", "dbus", "udev", "kmod", "procps", "chrony"),
    *("cloud-init", "openssh-server", "sudo", "python3", "python3-apt", "apt-utils", "gpg", "less"),
    *("iproute2", "iptables", "netbase", "ca-certificates", "curl"),
]

# As an option of mmdebstrap it would start a filter for every package of the first layer: a fifth of the time.
_NO_LOCALES = 'echo "path-exclude=/usr/share/locale/*" > "$1/etc/dpkg/dpkg.cfg.d/01_locales"'

# What Debian's own EC2 image is set up with, as far as it means something in a container.
_CUSTOMIZE = """
set -eu
root="$1"
release="$2"
printf "%s\\n" "deb http://cdn-aws.deb.debian.org/debian $release main" \
  "deb http://cdn-aws.deb.debian.org/debian $release-updates main" \
  "deb http://cdn-aws.deb.debian.org/debian-security $release-security main" > "$root/etc/apt/sources.list"
mkdir -p "$root/etc/cloud/cloud.cfg.d"
cat > "$root/etc/cloud/cloud.cfg.d/01_ec2.cfg" <<EOT
datasource_list: [Ec2]
datasource:
  Ec2:
    strict_id: false
    max_wait: 30
apt_preserve_sources_list: true
network: {config: disabled}
updates: {network: {when: [boot-new-instance]}}
system_info:
  default_user:
    name: admin
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
    shell: /bin/bash
    groups: [adm, sudo]
EOT
# Addresses are set before the first process starts and nobody answers DHCP: without a client cloud-init does not ask.
for client in /usr/sbin/dhcpcd /sbin/dhclient /usr/sbin/dhclient; do
  [ ! -e "$root$client" ] || chroot "$root" dpkg-divert --quiet --local --rename --add "$client"
done
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id"
: > "$root/etc/machine-id"
rm -f "$root"/etc/resolv.conf "$root/etc/hostname"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
rm -rf "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/*
for unit in getty@tty1.service serial-getty@.service systemd-networkd.service systemd-logind.service \
  apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
"""

# The cloud-init of Debian 12 asks for en_US.UTF-8, which only Debian's own image has, and fails without.
_CUSTOMIZE_ONE = {"bookworm": 'echo "locale: C.UTF-8" > "$root/etc/cloud/cloud.cfg.d/02_locale.cfg"\n'}


def archive(config: RegionConfig, release: str) -> Path:
    """Return where the image of *release* is kept; the name changes with everything that goes into it."""
    parts = [release, *_PACKAGES, _NO_LOCALES, _CUSTOMIZE, *filter(None, [_CUSTOMIZE_ONE.get(release)])]
    recipe = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    return config.cache_dir / "images" / f"debian-{release}-{recipe}.tar"


def ensure(config: RegionConfig, release: str) -> bool:
    """Make the base image of a Debian *release* unless the cache has it.

    :returns: whether it had to be made.
    :raises RegionError: when mmdebstrap fails; the message ends with its last lines.
    """
    target = archive(config, release)
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    bases = packages.mirror_bases()
    main, security = bases["debian"], bases["debian-security"]
    sources = f"deb {main} {release} main\ndeb {main} {release}-updates main\ndeb {security} {release}-security main\n"
    with tempfile.TemporaryDirectory(prefix="apiary-swarm-") as scratch:
        hook = Path(scratch) / "customize"
        hook.write_text(f"#!/bin/sh\n{_CUSTOMIZE}{_CUSTOMIZE_ONE.get(release, '')}")
        hook.chmod(0o755)
        partial = target.with_suffix(f".{os.getpid()}.tar")
        command = [
            "mmdebstrap",
            "--variant=minbase",
            f"--include={','.join(_PACKAGES)}",
            "--aptopt=Apt::Install-Recommends false",
            f"--extract-hook={_NO_LOCALES}",
            f'--customize-hook={hook} "$1" {release}',
            release,
            str(partial),
            "-",
        ]
        # Packages compile their Python when they are set up: where the caller keeps such files is not for the image.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        run = subprocess.run(command, input=sources, env=clean, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            partial.unlink(missing_ok=True)
            tail = "\n".join(run.stderr.splitlines()[-8:])
            raise RegionError(f"mmdebstrap could not make the base image of Debian {release}:\n{tail}")
        partial.rename(target)
    for old in target.parent.glob(f"debian-{release}-*.tar"):
        if old != target:
            old.unlink()
    return True
