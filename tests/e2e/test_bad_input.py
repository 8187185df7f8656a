# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users get wrong: one clear sentence each, and nothing half done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from road import Road

GOOD = "services:\n  web:\n    image: {registry}/shop/gate:1\n"


def deploy(road: Road, tmp_path: Path, text: str, stack: str = "bad", **variables: Any) -> str:
    """Deploy a stack file that must be refused; return the output."""
    file = tmp_path / "stack.yml"
    file.write_text(text.replace("{registry}", "123456789012.dkr.ecr.us-east-1.amazonaws.com"))
    done = road.playbook("deploy", variables={"stack": stack, "files": str(file), **variables})
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("services:\n  web:\n    image: [\n", "stack.yml"),
        ("services:\n  web:\n    command: ls\n", "image"),
        (GOOD + "    imagee: x\n", "imagee"),
        ("services:\n  web:\n    image: {registry}/shop/gate:none\n", "none"),
        ("services:\n  web:\n    image: {registry}/missing:1\n", "missing"),
    ],
    ids=["malformed YAML", "no image", "unknown key", "no such tag", "no such repository"],
)
def test_bad_stack_file(road: Road, tmp_path: Path, text: str, expected: str) -> None:
    assert expected in deploy(road, tmp_path, text)


@pytest.mark.parametrize(
    ("playbook", "variables", "expected"),
    [
        ("cluster", {"cluster": "Bad_Name"}, "Bad_Name"),
        ("cluster", {"region": "mars-north-1"}, "mars-north-1"),
        ("cluster", {"cluster_vpc_cidr": "10.128.0.0/16"}, "10.128.0.0"),
        ("cluster", {"cluster_managers": "many"}, "cluster_managers"),
        ("bake", {"bake_base_image": "/no/such/parameter", "bake_force": True}, "/no/such/parameter"),
        ("deploy", {"stack": "shop"}, "files"),
    ],
    ids=["cluster name", "region", "CIDR", "type of a variable", "base image", "missing variable"],
)
def test_bad_variables(road: Road, playbook: str, variables: dict[str, Any], expected: str) -> None:
    dummy, before = road.calls()
    done = road.playbook(playbook, variables=variables)
    output = done.stdout + done.stderr
    assert done.returncode != 0, output
    assert expected in output
    assert "Traceback" not in output
    left = [call["action"] for call in road.calls(before)[0] if call["write"] and not call["role"]]
    assert [action for action in left if action.startswith(("Create", "Run"))] == []


def test_no_manager_says_what_was_looked_for(road: Road) -> None:
    other = road.folder / "other.swarm_ec2.yml"
    other.write_text("plugin: apiary.swarm.ec2\nregions: [us-east-1]\nclusters: [nobody]\n")
    variables = ["-e", '{"cluster": "nobody", "region": "us-east-1", "stack": "x", "files": "x.yml"}']
    done = road.region.run(["ansible-playbook", "apiary.swarm.deploy", "-i", str(other), *variables])
    assert done.returncode != 0
    assert "swarm:cluster=nobody" in done.stdout
    assert "us-east-1" in done.stdout


def test_bake_again_changes_nothing(road: Road) -> None:
    done = road.playbook("bake")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing to bake" in done.stdout
    assert "changed=0" in done.stdout


def test_cluster_again_changes_nothing(road: Road) -> None:
    done = road.playbook("cluster", variables={"cluster_managers": 3, "cluster_workers": 2})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=0" in done.stdout


def test_check_mode_writes_nothing(road: Road) -> None:
    variables = {
        "stack": "shop",
        "files": "examples/shop/stack.yml",
        "deploy_env": {"REGISTRY": "123456789012.dkr.ecr.us-east-1.amazonaws.com", "VERSION": "1"},
    }
    dummy, before = road.calls()
    done = road.playbook("deploy", "--check", "--diff", variables=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "shop/gate:1" in done.stdout
    written = [call for call in road.calls(before)[0] if call["write"] and "user/" in call["principal"]]
    assert written == []
