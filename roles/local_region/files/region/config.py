# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a local region is called, where it keeps its files and which addresses it answers on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class RegionConfig:
    """Settings of one local region.

    All addresses exist only inside the region's own network namespace, so that several regions can live side by
    side with the same ones. C(100.64.0.0/10) is carrier space: no VPC may use it, hence it cannot collide with one.

    :ivar state_dir: removed by "absent".
    :ivar cache_dir: node base images and packages; kept between runs.
    """

    name: str
    state_dir: Path
    cache_dir: Path
    region: str = "us-east-1"
    account: str = "123456789012"
    api_address: str = "100.100.0.1"
    registry_address: str = "100.100.0.2"
    packages_address: str = "100.100.0.3"
    load_balancer_network: str = "100.100.1.0/24"
    imds_address: str = "169.254.169.254"
    dns_address: str = "169.254.169.253"
    node_releases: tuple[str, ...] = ("trixie",)

    @property
    def ca_file(self) -> Path:
        """PEM file of the region's throw-away certificate authority."""
        return self.state_dir / "tls" / "ca.crt"

    def save(self, path: Path) -> None:
        """Write the settings as JSON to *path*."""
        folders = {"state_dir": str(self.state_dir), "cache_dir": str(self.cache_dir)}
        path.write_text(json.dumps({**asdict(self), **folders}))

    @classmethod
    def load(cls, path: Path) -> RegionConfig:
        """Read settings written by :meth:`save`."""
        raw = json.loads(path.read_text())
        raw["state_dir"], raw["cache_dir"] = Path(raw["state_dir"]), Path(raw["cache_dir"])
        raw["node_releases"] = tuple(raw["node_releases"])
        return cls(**raw)
