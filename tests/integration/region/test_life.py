# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local region's life: up, up again, two side by side, broken, and gone without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_region import HOME, LocalRegion, local_region

INSTANCES = "import boto3, json; ec2 = boto3.client('ec2'); "


@pytest.fixture(scope="module")
def region() -> Iterator[LocalRegion]:
    with local_region("life") as found:
        yield found


def traces(name: str) -> list[str]:
    """Return everything on the host that belongs to the region *name*."""
    found = [str(path) for path in HOME.glob(f"{name}*")]
    found += [str(path) for path in Path("/sys/fs/cgroup").rglob(f"apiary-swarm-{name}")]
    state = str(HOME / name)
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if f"{state}/" in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{state}/" in command:
            found.append(f"process {process.name}: {command}")
    return found


def interfaces() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


def launch(region: LocalRegion) -> dict[str, str]:
    """Launch an instance from the base image and wait until it runs."""
    return dict(
        region.python(
            INSTANCES + "image = boto3.client('ssm').get_parameter(Name='/aws/service/debian/release/13/latest/amd64');"
            "one = ec2.run_instances(ImageId=image['Parameter']['Value'], MinCount=1, MaxCount=1)['Instances'][0];"
            "ec2.get_waiter('instance_running').wait(InstanceIds=[one['InstanceId']], WaiterConfig={'Delay': 1});"
            "print(json.dumps({'id': one['InstanceId'], 'address': one['PrivateIpAddress']}))"
        )
    )


def test_second_up_changes_nothing(region: LocalRegion) -> None:
    output = region.up()
    assert "changed=0" in output


def test_base_image_knows_nothing_of_the_machine_that_made_it(region: LocalRegion) -> None:
    (image,) = (HOME.parent / "region-cache" / "images").glob("debian-trixie-*.tar")
    with tarfile.open(image) as tar:
        names = tar.getnames()
    here = str(HOME.parent.parent).strip("/")
    assert [name for name in names if here in name] == []
    assert [name for name in names if name.startswith("./tmp/")] == []


def test_status_names_the_instances(region: LocalRegion) -> None:
    instance = launch(region)
    done = region.sandbox("status")
    assert done.returncode == 0
    assert instance["id"] in done.stdout


def test_aws_names_answer_only_inside(region: LocalRegion) -> None:
    inside = region.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "https://ssm.us-east-1.amazonaws.com/"])
    assert inside.stdout != "000", inside.stderr
    # The region has no way out: even a registry of packages is not reached from inside.
    outside = region.run(["curl", "-s", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}", "http://198.51.100.1/"])
    assert outside.stdout == "000"


def test_metadata_needs_a_token_and_knows_the_caller(region: LocalRegion) -> None:
    instance = launch(region)
    script = (
        "curl -s -o /dev/null -w '%{http_code} ' http://169.254.169.254/latest/meta-data/instance-id; "
        "t=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token); "
        'curl -s -H "X-aws-ec2-metadata-token: $t" http://169.254.169.254/latest/meta-data/instance-id'
    )
    done = region.run(["docker", "exec", instance["id"], "sh", "-c", script])
    assert done.stdout == f"401 {instance['id']}", done.stderr


def test_terminated_instance_is_gone(region: LocalRegion) -> None:
    instance = launch(region)
    region.python(
        INSTANCES + f"ec2.terminate_instances(InstanceIds=['{instance['id']}']);"
        f"ec2.get_waiter('instance_terminated').wait(InstanceIds=['{instance['id']}'], WaiterConfig={{'Delay': 1}});"
        "print('null')"
    )
    assert instance["id"] not in region.run(["docker", "ps", "-a", "--format", "{{.Names}}"]).stdout


def test_power_off_from_inside_stops_the_instance(region: LocalRegion) -> None:
    instance = launch(region)
    # Until systemd answers: an instance runs for AWS before its system is up.
    region.run(["docker", "exec", instance["id"], "sh", "-c", "until systemctl poweroff; do sleep 0.2; done"])
    region.python(
        INSTANCES
        + f"ec2.get_waiter('instance_stopped').wait(InstanceIds=['{instance['id']}'], WaiterConfig={{'Delay': 1}});"
        "print('null')"
    )


def test_two_regions_side_by_side(region: LocalRegion) -> None:
    with local_region("beside") as other:
        first, second = launch(region), launch(other)
        # The same private network twice, and neither sees the other.
        assert second["id"] not in region.run(["docker", "ps", "--format", "{{.Names}}"]).stdout
        assert first["id"] in region.run(["docker", "ps", "--format", "{{.Names}}"]).stdout
    assert traces("beside") == []
    assert region.run(["docker", "ps", "-q"]).stdout


@pytest.mark.parametrize("victim", ["region api", "init"])
def test_down_after_a_crash_leaves_nothing(victim: str) -> None:
    before = interfaces()
    broken = LocalRegion("broken")
    broken.down()
    try:
        broken.up()
        launch(broken)
        if victim == "init":
            os.kill(broken.init, signal.SIGKILL)
        else:
            broken.run(["pkill", "-KILL", "-f", victim])
        deadline = time.monotonic() + 20
        while Path(f"/proc/{broken.init}").exists():
            assert time.monotonic() < deadline, f"the region outlived its {victim}"
            time.sleep(0.1)
    finally:
        broken.down()
    assert traces("broken") == []
    assert interfaces() == before
    assert "changed=0" in broken.down()


def test_up_cut_off_half_way(tmp_path: Path) -> None:
    cut = LocalRegion("cut")
    cut.down()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            cut.sandbox("present", timeout=6)
        cut.up()
        assert launch(cut)["id"]
    finally:
        cut.down()
    assert traces("cut") == []


def test_run_says_when_the_region_is_down() -> None:
    with local_region("short") as short:
        script = (short.state_dir / "run").read_text()
        os.kill(short.init, signal.SIGKILL)
        time.sleep(0.5)
        done = short.run(["true"])
        assert script
        assert done.returncode == 1
        assert "is not running" in done.stderr
