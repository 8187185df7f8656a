# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks refuse before any host is asked: nothing answers where the hosts of these inventories are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

GOOD = "services: {web: {image: app}}\n"
#: 192.0.2.0/24 is for documentation: a connection to it would time out.
HOSTS = {"one": ("demo", "us-east-1"), "two": ("two-places", "us-east-1"), "three": ("two-places", "eu-west-1")}


def inventory(folder: Path) -> Path:
    """Write what the inventory ec2 would say of managers of two clusters, one of which has a namesake elsewhere."""
    hosts = {
        host: {
            "ansible_host": "192.0.2.1",
            "placement": {"region": region},
            "swarm_node": {"cluster": cluster},
        }
        for host, (cluster, region) in HOSTS.items()
    }
    children: dict[str, t.Any] = {"managers": {"hosts": {host: {} for host in hosts}}}
    for host, (cluster, _region) in HOSTS.items():
        children.setdefault(cluster.replace("-", "_"), {"hosts": {}})["hosts"][host] = {}
    path = folder / "hosts.json"
    path.write_text(json.dumps({"all": {"hosts": hosts, "children": children}}))
    return path


def play(folder: Path, playbook: str, *arguments: str, **variables: t.Any) -> str:
    """Run a playbook, which must be refused; return the one message of it."""
    (folder / "stack.yml").write_text(GOOD)
    env = {**os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_LOCALHOST_WARNING": "false", "PWD": str(folder)}
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory(folder)), *arguments]
    given = ["-e", json.dumps(variables)]
    done = subprocess.run(
        [*command, f"apiary.swarm.{playbook}", *given], cwd=folder, env=env, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode != 0, output
    assert output.count("[ERROR]") == 1 and "Finalization" not in output and "Traceback" not in output, output
    assert "Find the managers" not in output and "unreachable=1" not in output, output
    message: str = json.JSONDecoder().raw_decode(done.stdout.partition("FAILED! => ")[2])[0]["msg"]
    assert output.count(message.partition("\n")[0]) == 1 + ('"' not in message), output
    return message


@pytest.mark.parametrize("playbook", ["deploy", "rollback", "close", "status", "exec"])
def test_u3_the_region_is_the_one_of_the_hosts(tmp_path: Path, playbook: str) -> None:
    wanted = {"stack": "shop", "files": "stack.yml"} if playbook == "deploy" else {"stack": "shop"}
    wanted = {"service": "a", "command": "b"} if playbook == "exec" else {} if playbook == "status" else wanted
    says = play(tmp_path, playbook, cluster="demo", region="eu-west-1", **wanted)
    assert says == (
        "The hosts of cluster demo are in us-east-1, not in eu-west-1: leave region out, or take the inventory of "
        "eu-west-1."
    )


def test_u3_other_places_that_can_contradict(tmp_path: Path) -> None:
    wanted = {"stack": "shop", "files": "stack.yml"}
    assert play(tmp_path, "deploy", cluster="demo", deploy_region="eu-west-1", **wanted) == (
        'deploy_region is "eu-west-1", region is "us-east-1": leave deploy_region out, it follows region.'
    )
    assert play(tmp_path, "deploy", cluster="demo", deploy_cluster="prod", **wanted) == (
        'deploy_cluster is "prod", cluster is "demo": leave deploy_cluster out, it follows cluster.'
    )
    assert play(tmp_path, "deploy", cluster="two-places", **wanted) == (
        "Cluster two-places is in eu-west-1 and us-east-1: say which one, for example -e region=eu-west-1."
    )
    assert play(tmp_path, "deploy", cluster="dmeo", **wanted).startswith(
        'The inventory has no manager of dmeo (did you mean "demo"?): give one with -i'
    )


@pytest.mark.parametrize("nothing", ["", None])
def test_u3_a_region_without_a_value_is_not_that_of_the_environment(tmp_path: Path, nothing: t.Any) -> None:
    """A pipeline whose REGION is empty: services in the cluster, log groups wherever AWS_REGION says."""
    says = play(tmp_path, "deploy", cluster="demo", stack="shop", files="stack.yml", region=nothing)
    assert says == "Region is given without a value: leave it out, or write -e region=us-east-1."


@pytest.mark.parametrize("name", ["swarm_manager", "deploy_manager"])
def test_u3_a_manager_of_another_cluster_is_not_taken(tmp_path: Path, name: str) -> None:
    says = play(tmp_path, "deploy", cluster="demo", stack="shop", files="stack.yml", **{name: "two"})
    assert says.startswith(f'{name} is "two", which is not a manager of demo there')


def test_u3_variables_that_follow_the_region_are_no_contradiction(tmp_path: Path) -> None:
    """The region is known from the hosts a moment later."""
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text(
        'deploy_region: "{{ region }}"\ndeploy_manager: "{{ swarm_manager }}"\n'
    )
    (tmp_path / "bad.yml").write_text("services: {web: {")
    assert "bad.yml" in play(tmp_path, "deploy", cluster="demo", stack="shop", files="bad.yml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "services: {web: {imgae: app}}",
            'bad.yml:1: services.web.imgae: is not a key that is known here (did you mean "image"?)',
        ),
        ("services: {web: {image: 'app:${TAG}'}}", "the variable TAG is not set; give it in deploy_env, or write"),
        ("services: {web: {image: 'app:${TAG:?say it}'}}", "TAG must be set: say it; give it in deploy_env"),
        ("services: {web: [", "bad.yml:2: not valid YAML"),
        (
            "services: {web: {image: a, secrets: [s]}}\nsecrets: {s: {environment: PW}}",
            "PW is not set; give it in deploy_env",
        ),
    ],
)
def test_u13_a_bad_stack_file_is_one_sentence_before_any_host_is_asked(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "bad.yml").write_text(text)
    assert says in play(tmp_path, "deploy", cluster="demo", stack="shop", files="bad.yml")


def test_u13_what_is_missing_is_said_before_any_host_is_asked(tmp_path: Path) -> None:
    shop = {"cluster": "demo", "stack": "shop"}
    assert "nope.yml: the file does not exist" in play(tmp_path, "deploy", files="nope.yml", **shop)
    assert play(tmp_path, "deploy", cluster="demo") == "Say stack and files: -e stack=shop -e files=shop.yml."
    assert play(tmp_path, "exec", cluster="demo", service="x") == "Say command: -e command='/app/migrate --to-latest'."


@pytest.mark.parametrize(
    ("playbook", "variables", "says"),
    [
        ("deploy", {"deploy_wait_timout": 5}, '"deploy_wait_timout" (did you mean "deploy_wait_timeout"?)'),
        ("deploy", {"deploy_nonsense": 5}, 'there is no variable "deploy_nonsense"; remove it'),
        ("close", {"servce": "gate"}, 'there is no variable "servce" (did you mean "service"?)'),
        ("close", {"close_log_group": True}, '(did you mean "close_log_groups"?)'),
        ("rollback", {"deploy_relaese": 3}, '(did you mean "deploy_release"?)'),
        ("exec", {"exec_slto": 3}, '(did you mean "exec_slot"?)'),
        (
            "cluster",
            {"cluster_workrs": 3, "stat": "absent"},
            '(did you mean "cluster_workers"?); there is no variable ',
        ),
        ("bake", {"bake_adress": "public"}, '(did you mean "bake_address"?)'),
        ("bake", {"node_nonsense": "public"}, 'there is no variable "node_nonsense"; remove it'),
        ("sandbox", {"sandbox_sate": "absent"}, '(did you mean "sandbox_state"?)'),
        ("images", {"images_trakcer": "x"}, '(did you mean "images_tracker"?)'),
        ("status", {"regoin": "x"}, '(did you mean "region"?)'),
    ],
)
def test_u22_unknown_variables_are_named_with_the_nearest(
    tmp_path: Path, playbook: str, variables: dict[str, t.Any], says: str
) -> None:
    message = play(tmp_path, playbook, cluster="demo", **variables)
    assert says.lower() in message.lower()


def test_u22_unknown_variables_of_the_inventory_are_named(tmp_path: Path) -> None:
    """Those that look like ours; somebody's own that begins like ours is left alone."""
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text("deploy_wait_timout: 5\ndeploy_user: ubuntu\nstage: prod\n")
    message = play(tmp_path, "deploy", cluster="demo", stack="shop", files="stack.yml")
    assert message == 'There is no variable "deploy_wait_timout" (did you mean "deploy_wait_timeout"?).'


def test_a21_managers_that_a_limit_leaves_out_are_named(tmp_path: Path) -> None:
    """Nobody asks them then, so there is no answer to read."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory(tmp_path))]
    done = subprocess.run(
        [*command, "apiary.swarm.status", "-e", "cluster=demo", "--limit", "localhost,three"],
        env={**os.environ, "ANSIBLE_NOCOLOR": "true"}, cwd=tmp_path, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "No manager of demo answers. one: It was not asked (does --limit leave it out?)." in done.stdout
    assert "Finalization" not in done.stdout + done.stderr
