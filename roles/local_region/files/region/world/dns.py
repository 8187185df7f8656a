# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The region's resolver: AWS's names, instances' private names, load balancers, and nothing else."""

from __future__ import annotations

import signal
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from region.config import RegionConfig
from region.world.children import Child, ChildError
from region.world.endpoints import DOMAIN, global_hosts, private_domain, regions

PACKAGE_HOSTS = ("cdn-aws.deb.debian.org", "deb.debian.org", "security.debian.org", "archive.ubuntu.com")
PRIVATE_RANGES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
START_TIMEOUT = 10.0  # seconds


class Dns:
    """Debian's dnsmasq on the region's resolver address, without any upstream.

    A name that no AWS region has gets NXDOMAIN at once, just as a misspelt region does on AWS.
    """

    def __init__(self, config: RegionConfig) -> None:
        """Describe the resolver of the region *config*; its files go to C(state_dir/dns)."""
        self._config = config
        self._directory = config.state_dir / "dns"
        self._hosts_file = self._directory / "hosts"
        self._hosts: dict[str, str] = {}
        self._child = Child(
            "dnsmasq",
            ["dnsmasq", "--keep-in-foreground", f"--conf-file={self._directory / 'dnsmasq.conf'}"],
            config.state_dir / "log" / "dnsmasq.log",
        )

    @property
    def hosts(self) -> dict[str, str]:
        """The names and addresses set by L(set_hosts)."""
        return dict(self._hosts)

    def start(self) -> None:
        """Start the resolver and wait until it answers. C(dns_address) must be on an interface already.

        :raises ChildError: it did not answer within 10 seconds; the message ends with its log.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        (self._directory / "dnsmasq.conf").write_text(configuration(self._config, self._hosts_file))
        self._write_hosts()
        self._child.start()
        deadline = time.monotonic() + START_TIMEOUT
        while not _answers(self._config.dns_address):
            if not self._child.running or time.monotonic() > deadline:
                raise ChildError(f"the region's resolver did not start:\n{self._child.tail()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the resolver."""
        self._child.stop()

    def set_hosts(self, hosts: Mapping[str, str]) -> None:
        """Make *hosts* (name to IPv4 address) the only names beside the built-in ones, also while it runs.

        :raises ChildError: the resolver ended by itself.
        """
        if dict(hosts) == self._hosts:
            return
        self._hosts = dict(hosts)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._write_hosts()
        if self._child.running:
            # dnsmasq's directory watch adds names but does not forget them; a hang-up signal reads the file afresh.
            self._child.signal(signal.SIGHUP)

    def _write_hosts(self) -> None:
        temporary = self._hosts_file.with_suffix(".new")
        temporary.write_text("".join(f"{address} {name}\n" for name, address in sorted(self._hosts.items())))
        temporary.replace(self._hosts_file)


def configuration(config: RegionConfig, hosts_file: Path) -> str:
    """Return the text of dnsmasq's configuration file for *config*, with further names read from *hosts_file*."""
    lines = [
        "no-resolv",
        "no-hosts",
        "no-poll",
        "bind-interfaces",
        f"listen-address={config.dns_address}",
        "user=root",
        "group=root",  # a change of group would take the parent-death signal away
        "pid-file=",
        "log-facility=-",
        "local-ttl=1",
        "cache-size=0",
        f"addn-hosts={hosts_file}",
        "address=/#/",  # whatever is not named below does not exist
    ]
    zones = dict.fromkeys(global_hosts(), config.api_address)
    zones |= {f"{region}.{DOMAIN}": config.api_address for region in regions()}
    zones |= {f"dkr.ecr.{region}.{DOMAIN}": config.registry_address for region in regions()}
    zones |= dict.fromkeys(PACKAGE_HOSTS, config.packages_address)
    for zone, address in zones.items():
        # The second line answers other types (AAAA) with "no data"; "no such name" would hide the address as well.
        lines += [f"address=/{zone}/{address}", f"local=/{zone}/"]
    domain = private_domain(config.region)
    lines += [f"synth-domain={domain},{network},ip-" for network in PRIVATE_RANGES]
    return "\n".join(lines) + "\n"


def _answers(address: str) -> bool:
    """Whether a resolver at *address* answers a query for the root's name servers."""
    query = struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + b"\0" + struct.pack("!2H", 2, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        try:
            sock.connect((address, 53))
            sock.send(query)
            return bool(sock.recv(512))
        except OSError:
            return False
