# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure deploys against community.docker and the command line on a real engine; write docs/benchmarks.md's part.

Nothing is asserted about time; the page shows ratios and says which targets they meet.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bench_report import PAGE, machine, peer_version, write_part
from engine_bench import Bench, Plan
from engine_figures import Figures
from engine_report import page, picture
from engine_rivals import docker_version
from engine_site import site
from measure import CACHE


def numbers(text: str) -> list[int]:
    """Return the numbers of a list with commas."""
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each rival (default: 5)")
    parser.add_argument("--sizes", type=numbers, default=[10, 30, 100], help="services (default: 10,30,100)")
    parser.add_argument("--growth", type=numbers, default=[150, 200, 300], help="more sizes for nothing to change")
    parser.add_argument("--create-rounds", type=numbers, default=[5, 5, 5], help="runs of creation, for each size")
    parser.add_argument("--stack-rounds", type=numbers, default=[5, 5, 5], help="runs of docker_stack, for each size")
    parser.add_argument("--loop-rounds", type=numbers, default=[5, 2, 1], help="runs of the loop, for each size")
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    create, stack, loop = (
        dict(zip(options.sizes, rounds, strict=False))
        for rounds in (options.create_rounds, options.stack_rounds, options.loop_rounds)
    )
    plan = Plan(options.sizes, options.growth, options.rounds, create, stack, loop)
    with site() as found:
        engine = found.versions()
        setting = (
            f"Measured with community.docker {peer_version('community', 'docker')}, {docker_version()}, dockerd "
            f"{engine['dockerd']} (API {engine['API']}), {machine()}; {plan.rounds} rounds, in turns; "
            f"load average at the start {os.getloadavg()[0]:.1f}. "
            "Repeat with `make bench`, or `python tests/benchmarks/run_engine.py`; `--help` tells how."
        )

        def save(figures: Figures) -> None:
            (PAGE.parent / "benchmarks-growth.svg").write_text(picture(figures), encoding="utf-8")
            write_part("engine", page(figures, setting))

        Bench(found, plan).run(save)
    print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
