# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and configs of a stack that come from Parameter Store and Secrets Manager."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from moto_region import Region

STACK = """\
services:
  web: {image: app, secrets: [db], configs: [flags], environment: {API_KEY: "${API_KEY}"}}
secrets:
  db: {environment: DB_PASSWORD}
configs:
  flags: {environment: FLAGS}
"""
#: What users write into their variables; nothing of it is a secret.
ENV = {
    "DB_PASSWORD": "{{ lookup('amazon.aws.ssm_parameter', '/shop/db-password') }}",
    "API_KEY": "{{ lookup('amazon.aws.secretsmanager_secret', 'shop/api-key') }}",
    "FLAGS": "{{ lookup('amazon.aws.ssm_parameter', '/shop/flags') }}",
}


def _play(folder: Path, *tasks: dict[str, t.Any]) -> str:
    plays = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"env": ENV},
              "tasks": list(tasks)}]  # fmt: skip
    (folder / "play.yml").write_text(json.dumps(plays))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-vvv", "-i", "localhost,", "play.yml"]
    env = {**os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr


def test_values_reach_the_stack_and_are_never_printed(region: Region, tmp_path: Path) -> None:
    ssm, secrets = region.client("ssm"), region.client("secretsmanager")
    ssm.put_parameter(Name="/shop/db-password", Value="sw0rdfish-1", Type="SecureString")
    ssm.put_parameter(Name="/shop/flags", Value="beta=on", Type="String")
    secrets.create_secret(Name="shop/api-key", SecretString="k3y-of-the-api")
    (tmp_path / "stack.yml").write_text(STACK)
    deploy = {"name": "shop", "files": ["stack.yml"], "env": "{{ env }}", "docker_host": "unix:///nowhere"}
    said = _play(tmp_path, {"apiary.swarm.stack": deploy})
    # The files and their variables were fine; only then is the engine asked, which is not there.
    assert "no engine answers at unix:///nowhere" in said, said
    for value in ("sw0rdfish-1", "k3y-of-the-api", "c3cwcmRmaXNoLTE="):
        assert value not in said


def test_a_parameter_that_is_not_there_stops_the_deploy(region: Region, tmp_path: Path) -> None:
    (tmp_path / "stack.yml").write_text(STACK)
    deploy = {"name": "shop", "files": ["stack.yml"], "env": "{{ env }}", "docker_host": "unix:///nowhere"}
    said = _play(tmp_path, {"apiary.swarm.stack": deploy})
    assert "/shop/db-password" in said and "no engine answers" not in said
