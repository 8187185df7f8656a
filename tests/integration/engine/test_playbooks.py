# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks deploy, rollback and close with a real engine and an emulated AWS: what is written, and when."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from lab_ansible import Done, ansible_playbook
from moto_region import ACCOUNT, Region
from stacks import service, stack
from workbench import Swarm

Play = t.Callable[..., Done]


@pytest.fixture(scope="module")
def region_server() -> t.Iterator[Region]:
    server = Region()
    yield server
    server.close()


@pytest.fixture
def region(region_server: Region, monkeypatch: pytest.MonkeyPatch) -> Region:
    """An empty region, and the environment that leads the playbooks there."""
    for name, value in region_server.environment().items():
        monkeypatch.setenv(name, value)
    region_server.reset()
    return region_server


@pytest.fixture
def play(swarm: Swarm, region: Region, name: str, tmp_path: Path) -> Play:
    """Return a function that runs a playbook on the test's own stack; services are given as a dictionary."""

    def run(playbook: str, *arguments: str, services: dict[str, t.Any] | None = None, **variables: t.Any) -> Done:
        given = {"cluster": "lab", "region": "eu-west-1", "stack": name, **variables}
        given = {key: value for key, value in given.items() if playbook != "exec" or key != "stack"}
        if services is not None:
            (tmp_path / "stack.yml").write_text(json.dumps({"services": services}))
            given["files"] = str(tmp_path / "stack.yml")
        return ansible_playbook(swarm.nodes, tmp_path, f"apiary.swarm.{playbook}", "-e", json.dumps(given), *arguments)

    return run


def groups(region: Region) -> list[str]:
    found = region.client("logs").describe_log_groups()["logGroups"]
    return [group["logGroupName"] for group in found]


def test_u17_close_says_what_goes_and_what_is_unknown(swarm: Swarm, region: Region, play: Play, name: str) -> None:
    """Names that are slips are refused with the nearest, in check mode too; what goes is listed before and after."""
    services = [service(name, part, swarm.images["v1"]) for part in ("gate", "store")]
    assert not swarm.stack(stack(name, *services)).failed
    region.client("logs").create_log_group(logGroupName=f"/swarm/lab/{name}/gate")
    for variables, says in (
        ({"stack": f"{name}x"}, f'There is no stack {name}x in lab (did you mean "{name}"?).'),
        ({"service": "gaet"}, f'Stack {name} of lab has no service gaet (did you mean "gate"?).'),
    ):
        slip = play("close", "--check", **variables)
        assert slip.returncode != 0 and json.dumps(says)[1:-1] in slip.stdout, slip.stdout + slip.stderr
    going = [f"- service {name}_gate", f"- service {name}_store", f"- log group /swarm/lab/{name}/gate"]
    check = play("close", "--check", close_log_groups=True)
    assert check.returncode == 0 and [line for line in going if line not in check.stdout] == [], check.stdout
    assert region.writes() == ["CreateLogGroup"] and len(swarm.client.services(filters={"name": name})) == 2
    done = play("close", close_log_groups=True)
    assert done.returncode == 0 and [line for line in going if line not in done.stdout] == [], done.stdout
    assert groups(region) == [] and swarm.client.services(filters={"name": name}) == []


def test_u17_close_removes_what_is_left_of_a_stack_without_services(swarm: Swarm, play: Play, name: str) -> None:
    """A removal that was interrupted leaves networks, configs and secrets, and may have taken the releases."""
    labels = {"com.docker.stack.namespace": name}
    swarm.client.create_network(f"{name}_back", driver="overlay", labels=labels)
    swarm.client.create_config(f"{name}_c", b"x", labels)
    swarm.client.create_secret(f"{name}_s", b"x", labels)
    going = [f"- network {name}_back", f"- config {name}_c", f"- secret {name}_s"]
    slip = play("close", "--check", service="gate")
    assert slip.returncode != 0 and f"Stack {name} of lab has no service gate." in slip.stdout, slip.stdout
    for arguments in (("--check",), ()):
        done = play("close", *arguments)
        assert done.returncode == 0 and [line for line in going if line not in done.stdout] == [], done.stdout
    assert swarm.client.networks(names=[f"{name}_back"]) == []
    gone = play("close")
    assert gone.returncode != 0 and f"There is no stack {name} in lab." in gone.stdout


def test_u17_exec_and_rollback_name_the_nearest(swarm: Swarm, play: Play, name: str) -> None:
    assert not swarm.stack(stack(name, service(name, "gate", swarm.images["v1"]))).failed
    slip = play("exec", service=f"{name}_gaet", command="true")
    says = f'There is no service {name}_gaet (did you mean "{name}_gate"?).'
    assert slip.returncode != 0 and json.dumps(says)[1:-1] in slip.stdout, slip.stdout
    slip = play("rollback", "--check", stack=f"{name}x")
    says = f'There is no release of a stack {name}x (did you mean "{name}"?).'
    assert slip.returncode != 0 and json.dumps(says)[1:-1] in slip.stdout, slip.stdout


def described(swarm: Swarm, **placement: t.Any) -> dict[str, t.Any]:
    """Return a service of a stack file that runs at once, and whose log group the playbook makes."""
    deploy = {"endpoint_mode": "dnsrr", "update_config": {"monitor": "1s"}, "placement": placement}
    return {"web": {"image": swarm.images["v1"], "deploy": deploy}}


def test_u6_u10_u14_a_refused_deploy_writes_nothing_and_check_mode_says_so(
    swarm: Swarm, region: Region, play: Play, name: str
) -> None:
    """No log group is made before the plan is accepted."""
    nowhere = described(swarm, constraints=["node.hostname==nowhere"])
    for arguments in ((), ("--check",)):
        refused = play("deploy", *arguments, services=nowhere)
        assert refused.returncode != 0, refused.stdout
        assert "node.hostname==nowhere" in refused.stdout.partition("FAILED!")[2], refused.stdout + refused.stderr
        assert region.writes() == []
    done = play("deploy", "--diff", services=described(swarm), deploy_progress=False)
    assert done.returncode == 0 and groups(region) == [f"/swarm/lab/{name}/web"], done.stdout + done.stderr
    # U14: the plan is said once, as lines and not as quoted JSON; --diff does not say it again.
    assert f"+++ after: {name}" not in done.stdout and done.stdout.count("+++ after") == 1
    assert done.stdout.count(f"+ service {name}_web") == 1 and f"\n  + service {name}_web\n" in done.stdout
    # The same again: the groups are there, so that the plan is asked for once.
    again = play("deploy", services=described(swarm))
    assert again.returncode == 0 and "accepted before anything is written" in again.stdout
    accept = again.stdout.partition("accepted before anything is written")[2]
    assert "skipping" in accept.partition("TASK")[0]
    back = play("rollback", "--check", deploy_release=7)
    assert back.returncode != 0 and "has no release 7" in back.stdout


def test_an_image_that_is_not_in_ecr_stops_the_deploy_before_anything_is_made(
    swarm: Swarm, region: Region, play: Play, name: str
) -> None:
    """Repository or tag: a sentence names each; no log group is made, and no service."""
    region.client("ecr").create_repository(repositoryName="shop/api")
    host = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
    images = {"api": f"{host}/shop/api:v9", "web": f"{host}/shop/none:v1", "redis": "redis:7"}
    region.forget()
    done = play("deploy", services={key: {"image": image} for key, image in images.items()})
    assert done.returncode != 0
    assert "has no image with the tag v9" in done.stdout, done.stdout + done.stderr
    assert "shop/none" in done.stdout and "redis" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert region.writes() == [] and groups(region) == []
    assert swarm.client.services(filters={"name": name}) == []


def test_u3_credentials_of_another_account_than_the_clusters_write_nothing(
    swarm: Swarm, region: Region, play: Play, name: str, tmp_path: Path
) -> None:
    of_all = tmp_path / "group_vars" / "all.yml"
    of_all.parent.mkdir()
    of_all.write_text(json.dumps({"swarm_node": {"account": "999999999999"}}))
    logs = {"gate": {"image": swarm.images["v1"]}}
    done = play("deploy", services=logs)
    assert done.returncode != 0 and "and this is for account 999999999999" in done.stdout, done.stdout
    assert region.writes() == [] and swarm.client.services(filters={"name": name}) == []
    of_all.write_text(json.dumps({"swarm_node": {"account": ACCOUNT}}))
    done = play("deploy", services=logs)
    assert done.returncode == 0 and groups(region) == [f"/swarm/lab/{name}/gate"], done.stdout + done.stderr
