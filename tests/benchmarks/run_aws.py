# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the AWS side against amazon.aws and write the part ``aws`` of docs/benchmarks.md.

``run_aws.py [PAIRS]``: five pairs of runs by default, half as many for the table of growth. The page is written after
each part. Nothing is asserted about time; the page shows ratios.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import inventory
import log_groups
from bench_report import machine, peer_version, table, write_part
from measure import CACHE, Result

GROWTH = (100, 1000, 5000)
"""Hosts for the table of growth."""


def versions() -> str:
    """Return a line with the versions and the machine of this run."""
    return f"amazon.aws {peer_version('amazon', 'aws')}, {machine('botocore', 'moto')}"


def seconds(result: Result) -> str:
    """Return the median time and the spread."""
    times = [run.seconds for run in result.runs]
    return f"{result.seconds:.2f} ({min(times):.2f} to {max(times):.2f})"


def figures(name: str, result: Result, ours: Result) -> list[str]:
    """Return a row: time, CPU time, memory, and the ratio to ours."""
    return [name, seconds(result), f"{result.cpu:.2f}", f"{result.memory:.0f}", f"{result.ratio_to(ours):.2f}"]


def inventory_part(pairs: int) -> str:
    """Measure the inventory and return its part of the page."""
    rows, growth = [], []
    for count in GROWTH:
        found = inventory.hosts_in_three_regions(count, pairs if count == 1000 else (pairs + 1) // 2)
        ours, peer, static = found["ours"], found["peer"], found["static"]
        growth.append(
            [str(count), *(f"{item.seconds:.2f}" for item in (ours, peer, static)), f"{peer.ratio_to(ours):.1f}"]
        )
        if count == 1000:
            for name, result in (("`apiary.swarm.ec2`", ours), ("`amazon.aws.aws_ec2`", peer), ("static file", static)):
                rows.append(figures(name, result, ours))
    slow = inventory.all_regions_with_latency(1000, pairs, 0.15)
    far = [
        figures(name, slow[key], slow["ours"])
        for name, key in (("`apiary.swarm.ec2`", "ours"), ("`amazon.aws.aws_ec2`", "peer"))
    ]
    head = ["inventory", "seconds (from, to)", "CPU seconds", "peak MiB", "times ours"]
    return f"""## Inventory

`ansible-inventory --list`, whole process. EC2 is an endpoint that answers with recorded bytes, so that the client is
measured and not an emulator. Both give the same hosts in the same groups; that is checked before each measurement.

1000 instances in 3 regions:

{table(head, rows)}

1000 instances, all {inventory.ALL_REGIONS} regions asked, each call takes 150 ms:

{table(head, far)}

Growth, seconds by number of hosts:

{table(["hosts", "`apiary.swarm.ec2`", "`amazon.aws.aws_ec2`", "static file", "peer to ours"], growth)}
"""


def log_group_part(pairs: int) -> str:
    """Measure the module log_group and return its part of the page."""
    found = log_groups.compare(pairs)
    rows = []
    for work, results in (("create", found.create), ("nothing to change", found.unchanged)):
        ours, peer, floor = results["ours"], results["peer"], results["empty"].seconds
        key = "create" if work == "create" else "unchanged"
        net = (peer.seconds - floor) / (ours.seconds - floor)
        calls = (
            f"{found.calls['ours'][key] / log_groups.GROUPS:.2f} / {found.calls['peer'][key] / log_groups.GROUPS:.2f}"
        )
        times = [seconds(ours), seconds(peer), seconds(results["empty"])]
        rows.append([work, *times, f"{peer.ratio_to(ours):.1f}", f"{net:.1f}", calls])
    head = [
        "work",
        "ours",
        "loop",
        "empty playbook",
        "loop to ours",
        "the same without an empty playbook's time",
        "calls per group",
    ]
    return f"""## Log groups

{log_groups.GROUPS} log groups with retention and two tags: one task of `apiary.swarm.log_group` against a loop over
`amazon.aws.cloudwatchlogs_log_group`, against an emulated region, with the same final state. Seconds of the whole
`ansible-playbook` process, and those of a playbook without a task, run in the same turns.

{table(head, rows)}
"""


def main() -> None:
    """Measure everything and write the page."""
    logging.disable(logging.INFO)
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    CACHE.mkdir(parents=True, exist_ok=True)
    head = (
        f"## The AWS side\n\nMeasured with {versions()}; {pairs} pairs, for growth {(pairs + 1) // 2}. "
        "Repeat with `make bench`, or `python tests/benchmarks/run_aws.py`.\n"
    )
    parts = [head]
    for measure in (log_group_part, inventory_part):
        parts.append(measure(pairs).replace("## ", "### ", 1))
        print(parts[-1], flush=True)
        write_part("aws", "\n".join(parts))


if __name__ == "__main__":
    main()
