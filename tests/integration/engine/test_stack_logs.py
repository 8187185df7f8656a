# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks deploy, status and close on a real swarm: log groups come first, are shown, and go when asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import fleet
import pytest
import yaml
from moto_region import Region
from workbench import Swarm

ROOT = Path(__file__).resolve().parents[3]
PREFIX = "/swarm/demo"
# The engine's socket is where the collection looks for it, in a mount namespace of the playbook's own.
HERE = 'mount -t tmpfs none /run && touch /run/docker.sock && mount --bind "$SOCKET" /run/docker.sock && exec "$@"'
Play = t.Callable[..., str]


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Region]:
    """A region of AWS with a cluster, and the environment that leads there."""
    server = Region()
    server.reset()
    for key, value in server.environment().items():
        monkeypatch.setenv(key, value)
    fleet.record(server, *fleet.cluster(server))
    server.forget()
    yield server
    server.close()


@pytest.fixture
def play(region: Region, swarm: Swarm, name: str, tmp_path: Path) -> Play:
    """Return a function that runs a playbook for the stack *name* on the manager; it returns what is printed."""
    inventory = tmp_path / "inventory.yml"
    here = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    groups = {group: {"hosts": {"one": here}} for group in ("managers", "demo")}
    inventory.write_text(yaml.safe_dump({"all": {"children": groups}}))

    def run(playbook: str, *options: str, **variables: t.Any) -> str:
        given = {"cluster": "demo", "region": "eu-west-1", "stack": name, "deploy_wait_timeout": 60, **variables}
        program = [str(Path(sys.executable).with_name("ansible-playbook")), f"apiary.swarm.{playbook}"]
        done = subprocess.run(
            [
                "unshare",
                "--mount",
                "sh",
                "-c",
                HERE,
                "sh",
                *program,
                "-i",
                str(inventory),
                "-e",
                json.dumps(given),
                *options,
            ],
            env={
                **os.environ,
                "SOCKET": str(swarm.nodes[0].socket),
                "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.cache/ac:{ROOT}/.cache/collections",
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        shown = done.stdout + done.stderr
        assert done.returncode == 0, shown
        assert "Traceback" not in shown
        return shown

    return run


def groups(region: Region) -> dict[str, int | None]:
    """Return the log groups' retention by name."""
    found = region.client("logs").describe_log_groups(logGroupNamePrefix=PREFIX)["logGroups"]
    return {group["logGroupName"]: group.get("retentionInDays") for group in found}


def stack_file(folder: Path, swarm: Swarm) -> str:
    """Write a stack of three services; those that log to CloudWatch, which no container reaches here, have no task."""
    none = {"deploy": {"replicas": 0}}
    services: dict[str, t.Any] = {
        "api": {"image": swarm.images["v1"], "x-apiary": {"logs": {"retention_days": 90}}, **none},
        "audit": {"image": swarm.images["v1"], "x-apiary": {"logs": {"mode": "blocking"}}, **none},
        "web": {"image": swarm.images["v1"], "logging": {"driver": "json-file", "options": {"max-size": "1m"}}},
    }
    path = folder / "stack.yml"
    path.write_text(yaml.safe_dump({"services": services}))
    return str(path)


def test_log_groups_from_deploy_to_close(region: Region, swarm: Swarm, name: str, play: Play, tmp_path: Path) -> None:
    """Made with the file's retention, shown by status beside orphans, removed by close when asked."""
    files = stack_file(tmp_path, swarm)
    orphan = f"{PREFIX}/gone/old"
    region.client("logs").create_log_group(logGroupName=orphan)
    own = {f"{PREFIX}/{name}/api": 90, f"{PREFIX}/{name}/audit": 30}
    region.forget()
    play("deploy", "--check", files=files)
    assert region.writes() == []

    play("deploy", files=files)
    assert groups(region) == {**own, orphan: None}
    drivers = {
        service: swarm.spec(f"{name}_{service}")["TaskTemplate"]["LogDriver"] for service in ("api", "audit", "web")
    }
    assert drivers["api"]["Name"] == drivers["audit"]["Name"] == "awslogs"
    assert drivers["api"]["Options"]["mode"] == "non-blocking"
    assert drivers["api"]["Options"]["max-buffer-size"] == "25m"
    assert drivers["api"]["Options"]["awslogs-group"] == f"{PREFIX}/{name}/api"
    assert drivers["audit"]["Options"]["mode"] == "blocking"
    assert "max-buffer-size" not in drivers["audit"]["Options"]
    assert drivers["web"] == {"Name": "json-file", "Options": {"max-size": "1m"}}

    region.forget()
    shown = play("status")
    assert region.writes() == []
    before, after = shown.split("Log groups of no service", 1)
    assert f"{PREFIX}/{name}/api" in before and "90" in before.split(f"{PREFIX}/{name}/api", 1)[1][:20]
    assert orphan in after and f"{PREFIX}/{name}/api" not in after

    play("close", "--check", close_log_groups=True)
    assert region.writes() == []
    play("close", service="audit", close_log_groups=True)
    assert groups(region) == {f"{PREFIX}/{name}/api": 90, orphan: None}
    play("close", close_log_groups=True)
    assert groups(region) == {orphan: None}
