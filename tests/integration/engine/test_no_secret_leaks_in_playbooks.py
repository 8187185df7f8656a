# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of everyday at C(-vvv), with secrets in all that they are given: runs that work, are refused and fail.

Nothing of the secrets may be printed, nor be left in a file of Ansible's.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import fleet
import pytest
from lab_ansible import ansible_playbook
from moto_region import Fault, Region
from planted import ALL, PLANTED, quiet_places, traces
from workbench import Swarm

ENV = {"DB_PASSWORD": PLANTED["env"], "PIN": str(PLANTED["env_number"])}


@pytest.fixture(scope="module")
def region() -> t.Iterator[Region]:
    server = Region()
    fleet.record(server, *fleet.cluster(server, "lab"), name="lab")
    yield server
    server.close()


def shop(image: str, **deploy: t.Any) -> dict[str, t.Any]:
    """Return a stack file with a secret in every place that has one; its program runs at once."""
    web = {
        "image": image,
        "environment": {"DB_PASSWORD": "$DB_PASSWORD", "PIN": "$PIN", "TOKEN": PLANTED["stack"]},
        "env_file": "shop.env",
        "labels": {"proxy.password": PLANTED["label"]},
        "configs": ["app"],
        "secrets": ["key"],
        "healthcheck": {"test": ["CMD-SHELL", f"true --password {PLANTED['command']}"], "interval": "500ms"},
        "stop_grace_period": "1s",
        "deploy": {
            "endpoint_mode": "dnsrr", "update_config": {"monitor": "1s"}, "labels": {"api_key": PLANTED["label"]},
            **deploy,
        },
    }  # fmt: skip
    return {
        "services": {"web": web},
        "configs": {"app": {"content": f"password={PLANTED['content']}\n"}},
        "secrets": {"key": {"environment": "DB_PASSWORD"}},
    }


class Shop:
    """A stack of its own, deployed and looked after by the playbooks."""

    def __init__(self, swarm: Swarm, name: str, folder: Path) -> None:
        self.swarm, self.name, self.folder = swarm, name, folder
        self.places = folder / "places"
        self.places.mkdir()
        (folder / "shop.env").write_text(f"FILE_TOKEN={PLANTED['env_file']}\n")

    def play(self, playbook: str, file: dict[str, t.Any] | None = None, **given: t.Any) -> tuple[int, str]:
        """Run a playbook; return its status, and what it printed, which holds no secret.

        :param file: stack file.
        :param given: variables; those that are None are left out.
        """
        variables = {"cluster": "lab", "region": "eu-west-1", **given}
        if playbook not in ("exec", "status"):
            variables = {"stack": self.name, "deploy_wait_timeout": 40, **variables}
        if file is not None:
            (self.folder / "shop.yml").write_text(json.dumps(file))
            variables.update(files=str(self.folder / "shop.yml"), deploy_env=ENV)
        (self.folder / "given.json").write_text(json.dumps({k: v for k, v in variables.items() if v is not None}))
        done = ansible_playbook(
            self.swarm.nodes, self.folder, f"apiary.swarm.{playbook}", "-vvv", "--diff", "-e", "@given.json"
        )
        said = done.stdout + done.stderr
        assert traces(said, self.places) == [], playbook
        return done.returncode, said


def test_d56_d57_no_playbook_shows_or_leaves_a_secret(
    swarm: Swarm, region: Region, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Shop(swarm, name, tmp_path)
    for key, value in {**quiet_places(ours.places), **region.environment()}.items():
        monkeypatch.setenv(key, value)
    v1, v2, crash = (swarm.images[tag] for tag in ("v1", "v2", "crash"))

    def fails(says: str, playbook: str, file: dict[str, t.Any] | None = None, **given: t.Any) -> None:
        status, said = ours.play(playbook, file, **given)
        assert status != 0 and says in said, said[-3000:]

    def works(says: str, playbook: str, file: dict[str, t.Any] | None = None, **given: t.Any) -> None:
        status, said = ours.play(playbook, file, **given)
        assert status == 0 and says in said, said[-3000:]

    web, password = f"{name}_web", ["--password", str(PLANTED["command"])]
    works(f"+ service {web}", "deploy", shop(v1))
    fails("exit code 7", "deploy", shop(crash))
    fails("exit code 3", "exec", service=web, command=["sh", "-c", "exit 3", *password])
    if ALL:
        fails("deploy_env", "deploy", shop(v1), deploy_evn=ENV)
        fails("nowhere", "deploy", shop(v1, placement={"constraints": ["node.hostname==nowhere"]}))
        fails("replicas", "deploy", shop(v1, replicas="$DB_PASSWORD"))
        works(f"~ service {web}", "deploy", shop(v2))
        works(web, "exec", service=web, command=["sh", "-c", "true", *password])
        fails("There is no service", "exec", service=f"{web}x", command=["sh", *password])
        fails("exec_slot", "exec", service=web, command=["sh", *password], exec_slt=PLANTED["command"])
        fails("has no release 7", "rollback", deploy_release=7)
        fails("was rolled back", "rollback", deploy_wait_timeout=1)
        works(f"~ service {web}", "rollback")
        works(web, "status")
        fails("cluster", "status", cluster=None)
        fails("There is no stack", "close", stack=f"{name}x")
    region.faults.append(Fault("*", "AccessDenied"))
    if ALL:
        fails("missing", "status")
        fails("missing", "close", close_log_groups=True)
        fails("missing", "deploy", shop(v1))
    region.faults.clear()
    works(f"- service {web}", "close")
