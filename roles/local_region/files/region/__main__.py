# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the local region; the role C(local_region) is what calls it."""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from region.config import RegionConfig
from region.machines import images
from region.world import environment, lifecycle


def main(arguments: list[str] | None = None) -> int:
    """Run one command and print its result as one line of JSON; return the exit status."""
    parser = argparse.ArgumentParser(prog="region", description=__doc__)
    parser.add_argument("command", choices=("images", "up", "down", "status", "api"))
    parser.add_argument("--config", type=Path, required=True, help="JSON file with the region's settings")
    options = parser.parse_args(arguments)
    config = RegionConfig.load(options.config)
    try:
        result = _COMMANDS[options.command](config)
    except lifecycle.RegionError as exc:
        print(exc, file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


def _images(config: RegionConfig) -> dict[str, object]:
    # Each is the work of one processor.
    with ThreadPoolExecutor() as pool:
        changed = pool.map(lambda release: images.ensure(config, release), config.node_releases)
        made = [release for release, new in zip(config.node_releases, changed, strict=True) if new]
    return {"changed": bool(made), "made": made}


def _up(config: RegionConfig) -> dict[str, object]:
    from region.world import supervisor  # needs the AWS SDK, which making images and taking down can do without

    changed = lifecycle.start(config, supervisor.main)
    environment.write_run_script(config)
    return {"changed": changed, **environment.status(config)}


def _down(config: RegionConfig) -> dict[str, object]:
    return {"changed": lifecycle.stop(config)}


def _status(config: RegionConfig) -> dict[str, object]:
    return environment.status(config)


def _api(config: RegionConfig) -> dict[str, object]:
    from region import api  # needs moto

    api.main(config)
    return {}


_COMMANDS = {"images": _images, "up": _up, "down": _down, "status": _status, "api": _api}

if __name__ == "__main__":
    sys.exit(main())
