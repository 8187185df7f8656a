# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job on one machine: image, cluster, deploy, requests, logs, updates, a failure.

Run by C(make demo). The first step starts the local region; the others run inside it, where AWS's own names answer.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from .account import Account
from .images import Images
from .people import People
from .playbooks import Playbooks
from .report import Ended, Report, fail
from .steps import HOST, VERSIONS, Demo

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
SHOP = ROOT / "examples" / "shop"
REGION = "us-east-1"
_INVENTORY = """plugin: apiary.swarm.ec2
regions: [{region}]
clusters: [{cluster}]
"""

_NEXT = """The worker group goes back to two: one drains, leaves the swarm, and its instance ends.

What next?
  make status     the instances of the region
  make shell      a shell inside it; there, for example:
    ansible-playbook -i {inventory} apiary.swarm.status -e cluster={cluster}
    ansible -i {inventory} leader -b -a "docker service ls"
  make down       remove it all
  {run} curl -H 'Host: {host}' http://{address}/     a request through the load balancer
All commands of the demo and what they printed: {log}"""


def main() -> int:
    """Run the demo and return its exit status."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--region-name", default="local", help="name of the local region (default: %(default)s)")
    parser.add_argument("--cluster", default="demo", help="name of the cluster (default: %(default)s)")
    parser.add_argument("--started", nargs=2, metavar=("SECONDS", "SUMMARY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = CACHE / "region" / options.region_name / "demo"
    return _inside(options, folder) if options.started else _start(options)


def _start(options: argparse.Namespace) -> int:
    """Bring the region up, then go on inside it."""
    if os.geteuid() != 0:
        fail("The demo starts a local region, which needs root: sudo make demo")
    print(f"apiary.swarm on one machine: cluster {options.cluster!r} in the local region {options.region_name!r}\n")
    print(" 1. Start the local region: AWS's APIs, instances, ECR, a load balancer ...", flush=True)
    began = time.monotonic()
    up = subprocess.run(_sandbox(options.region_name), capture_output=True, text=True, check=False)
    if up.returncode != 0:
        print(up.stdout + up.stderr)
        return 1
    seconds = time.monotonic() - began
    summary = f"up as {REGION}; the host's network, firewall and Docker engine are not touched"
    print(f"    {summary}\n    ok, {seconds:.1f} s", flush=True)
    run = CACHE / "region" / options.region_name / "run"
    names = ["--region-name", options.region_name, "--cluster", options.cluster]
    given = ["--started", f"{seconds:.1f}", summary]
    return subprocess.run([str(run), sys.executable, "-m", "demo", *names, *given], check=False).returncode


def _sandbox(name: str) -> list[str]:
    return [
        "ansible-playbook",
        "apiary.swarm.sandbox",
        f"-esandbox_name={name}",
        f"-esandbox_home={CACHE / 'region'}",
        f"-esandbox_cache={CACHE / 'region-cache'}",
        f"-esandbox_python={sys.executable}",
    ]


def _inside(options: argparse.Namespace, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    inventory = folder / "demo.swarm_ec2.yml"
    inventory.write_text(_INVENTORY.format(region=REGION, cluster=options.cluster))
    log = folder / "demo.log"
    account = Account(options.cluster, REGION)
    people = People(account)
    people.engage()
    playbooks = Playbooks(log, {"cluster": options.cluster, "region": REGION}, people, inventory)
    images = Images(SHOP, CACHE / "shop", account.registry, folder / "docker", VERSIONS)
    demo = Demo(account, playbooks, folder, images)
    report = Report(log, folder / "report.json")
    seconds, summary = options.started
    report.note(Ended("Start the local region", float(seconds), [summary]))
    with images:
        passed = report.run(demo.steps)
    print(f"\n{report.table()}\n")
    if not passed:
        return 1
    demo.give_back()
    run = os.path.relpath(CACHE / "region" / options.region_name / "run")
    print(
        _NEXT.format(
            run=run, host=HOST, address=demo.client.address, log=os.path.relpath(log),
            inventory=os.path.relpath(inventory), cluster=options.cluster,
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
