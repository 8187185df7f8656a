# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory ec2 against amazon.aws.aws_ec2 and against a static inventory, on recorded answers of EC2."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import BIN, CACHE, ROOT, Result, Run, environment, run, side_by_side

REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-2")
ALL_REGIONS = 38
"""Regions that the endpoint lists; only the first three have instances."""


def record_fleet(count: int) -> Path:
    """Return a folder with EC2's answers for *count* instances in three regions, recorded from moto once."""
    folder = CACHE / f"fleet-{count}"
    if (folder / "done").exists():
        return folder
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    import boto3
    from fleet import run as start
    from moto_region import Region

    folder.mkdir(parents=True, exist_ok=True)
    region = Region()
    try:
        for number, name in enumerate(REGIONS):
            size = count // 3 + (1 if number < count % 3 else 0)
            managers = min(3, size)
            for role, many in (("manager", managers), ("worker", size - managers)):
                tags = {"swarm:cluster": "demo", "swarm:role": role, "Name": f"demo-{role}", "Env": "prod"}
                if many:
                    start(region, many, where=name, tags=tags)
            (folder / f"{name}.xml").write_bytes(_raw(region.client("ec2", name)))
    finally:
        region.close()
    names = boto3.session.Session().get_available_regions("ec2")
    listed = sorted({*REGIONS, *names[: ALL_REGIONS - 3]})
    items = "".join(
        f"<item><regionName>{name}</regionName><regionEndpoint>x</regionEndpoint></item>" for name in listed
    )
    (folder / "regions.xml").write_text(
        '<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>'
        f"<regionInfo>{items}</regionInfo></DescribeRegionsResponse>",
        encoding="utf-8",
    )
    (folder / "done").touch()
    return folder


def _raw(client: t.Any) -> bytes:
    """Return the bytes of DescribeInstances."""
    kept: list[bytes] = []
    client.meta.events.register(
        "before-parse.ec2.DescribeInstances", lambda response_dict, **dummy: kept.append(response_dict["body"])
    )
    client.describe_instances()
    (body,) = kept
    return body


@contextmanager
def endpoint(folder: Path, latency: float = 0.0) -> Iterator[str]:
    """Serve the recorded answers in a process of their own; yields the URL."""
    command = [sys.executable, str(Path(__file__).with_name("canned.py")), str(folder), str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


OURS = {"plugin": "apiary.swarm.ec2", "clusters": ["demo"], "hostnames": ["instance-id"]}
PEER = {
    "plugin": "amazon.aws.aws_ec2",
    "filters": {"tag:swarm:cluster": ["demo"]},
    "hostnames": ["instance-id"],
    "keyed_groups": [
        {"key": "tags['swarm:cluster']", "separator": ""},
        {"key": "placement.availability_zone", "prefix": "az"},
        {"key": "instance_type", "prefix": "type"},
        {"key": "image_id", "separator": ""},
    ],
    "groups": {
        "managers": "tags['swarm:role'] == 'manager'",
        "workers": "tags['swarm:role'] == 'worker'",
        "spot": "instance_lifecycle | default('') == 'spot'",
        "on_demand": "instance_lifecycle | default('') != 'spot'",
    },
    "compose": {"ansible_host": "private_ip_address"},
}


def lister(config: dict[str, t.Any], file: str, url: str, *arguments: str) -> t.Callable[[], Run]:
    """Return a function that lists the inventory *config* once."""
    path = CACHE / file
    path.write_text(json.dumps(config), encoding="utf-8")
    command = [str(BIN / "ansible-inventory"), "-i", str(path), *(arguments or ("--list",))]
    env = environment(AWS_REGION=REGIONS[0], AWS_DEFAULT_REGION=REGIONS[0], AWS_ENDPOINT_URL=url)
    return lambda: run(command, env)


def static(listing: str, file: str) -> t.Callable[[], Run]:
    """Return a function that lists the hosts of *listing* from a file, the least that Ansible itself needs."""
    data = json.loads(listing)
    hosts = data["_meta"]["hostvars"]
    children = {
        name: {"hosts": dict.fromkeys(group["hosts"])}
        for name, group in data.items()
        if name not in ("_meta", "all", "ungrouped")
    }
    path = CACHE / file
    path.write_text(json.dumps({"all": {"hosts": hosts, "children": children}}), encoding="utf-8")
    command = [str(BIN / "ansible-inventory"), "-i", str(path), "--list"]
    return lambda: run(command, environment(ANSIBLE_INVENTORY_ENABLED="yaml"))


def same_groups(ours: str, peer: str) -> None:
    """Check that both rivals list the same hosts in the same groups.

    :raises AssertionError: if they do not.
    """

    def members(text: str) -> dict[str, list[str]]:
        ignored = ("_meta", "all", "ungrouped", "aws_ec2")
        return {name: sorted(group.get("hosts", [])) for name, group in json.loads(text).items() if name not in ignored}

    assert members(ours) == members(peer), "the rivals do not give the same groups"


def hosts_in_three_regions(count: int, pairs: int) -> dict[str, Result]:
    """Measure ours, the peer and a static inventory with *count* hosts in three regions."""
    with endpoint(record_fleet(count)) as url:
        regions = {"regions": list(REGIONS)}
        ours = lister({**OURS, **regions}, "ours.swarm_ec2.yml", url)
        peer = lister({**PEER, **regions}, "peer.aws_ec2.yml", url)
        listed = ours().output
        same_groups(listed, peer().output)
        return side_by_side({"ours": ours, "peer": peer, "static": static(listed, "static.json")}, pairs)


def all_regions_with_latency(count: int, pairs: int, latency: float) -> dict[str, Result]:
    """Measure ours and the peer asking all regions, each call taking *latency* seconds."""
    with endpoint(record_fleet(count), latency) as url:
        ours = lister({**OURS, "regions": ["all"]}, "ours-all.swarm_ec2.yml", url)
        peer = lister(PEER, "peer-all.aws_ec2.yml", url)
        same_groups(ours().output, peer().output)
        return side_by_side({"ours": ours, "peer": peer}, pairs)
