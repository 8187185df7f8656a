# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user sees while a module waits, in a real run of Ansible."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from lab_ansible import task
from stacks import service, stack
from workbench import Swarm

SLOWLY = {"parallelism": 1, "delay": "3s", "monitor": "1s", "order": "stop-first"}


@pytest.mark.parametrize(("progress", "seen"), [(True, True), (False, False)])
def test_a_line_for_each_task(swarm: Swarm, name: str, tmp_path: Path, progress: bool, seen: bool) -> None:
    web = {"image": swarm.images["v1"], "deploy": {"replicas": 2, "endpoint_mode": "dnsrr", "update_config": SLOWLY}}
    web["networks"] = {}
    options: dict[str, t.Any] = {"name": name, "definition": {"services": {"web": web}}, "progress": progress}
    first = task(swarm.nodes, tmp_path, "stack", options, "n1")
    assert first.returncode == 0, first.stdout + first.stderr
    web["image"] = swarm.images["v2"]
    done = task(swarm.nodes, tmp_path, "stack", options, "n1")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line.strip() for line in done.stdout.splitlines()}
    wanted = {f"{name}_web.{slot} running on n" for slot in (1, 2)}
    assert all(any(line.startswith(start) for line in lines) for start in wanted) is seen, done.stdout


def test_service_and_job_too(swarm: Swarm, name: str, tmp_path: Path) -> None:
    assert not swarm.stack(stack(name, service(name, "web", swarm.images["v1"], 2))).failed
    options = {"name": f"{name}_web", "image": swarm.images["v2"], "update_config": SLOWLY}
    done = task(swarm.nodes, tmp_path, "service", options, "n1")
    assert done.returncode == 0 and f"  {name}_web.1 running on n" in done.stdout, done.stdout + done.stderr
    job = {"service": f"{name}_web", "command": ["sleep", "4"]}
    ran = task(swarm.nodes, tmp_path, "job", job, "n1")
    assert ran.returncode == 0 and f"  {name}_web-job 0/1 progressing" in ran.stdout, ran.stdout + ran.stderr
