# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that nothing reads, and how messages name options."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.plugin_utils._given import Hosts, Place, Variables, variables_of_roles
from ansible_collections.apiary.swarm.plugins.plugin_utils._level import at_level

DEPLOY = Variables(["cluster", "region", "stack", "files"], ["deploy"])
CLUSTER = Variables(["cluster", "region", "state"], ["cluster"])
CLOSE = Variables(["cluster", "region", "stack", "service", "close_log_groups"], ["deploy"])


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("deploy_wait_timout", "deploy_wait_timeout"),
        ("deploy_evn", "deploy_env"),
        ("depoy_env", "deploy_env"),
        ("clustr", "cluster"),
        ("cluster_workrs", "cluster_workers"),
        ("stak", "stack"),
        ("flies", "files"),
        ("file", "files"),
    ],
)
def test_u22_a_slip_is_named_with_what_was_meant(given: str, near: str) -> None:
    assert DEPLOY.mistakes([], [given]) == [f'there is no variable "{given}" (did you mean "{near}"?)']


@pytest.mark.parametrize("given", ["stage", "env", "tag", "ansible_user", "node_app_port", "cluster_owner", "my_stack"])
def test_u22_somebodys_own_variable_is_none_of_ours(given: str) -> None:
    assert DEPLOY.mistakes([given], [given]) == []


def test_u22_a_prefix_of_the_playbook_is_ours_only_on_the_command_line() -> None:
    assert DEPLOY.mistakes(["deploy_user"], []) == []
    assert DEPLOY.mistakes(["deploy_user"], ["deploy_user"]) == ['there is no variable "deploy_user"; remove it']
    assert CLOSE.mistakes([], ["close_all"]) == ['there is no variable "close_all"; remove it']
    assert CLOSE.mistakes([], ["servce"]) == ['there is no variable "servce" (did you mean "service"?)']
    assert CLUSTER.mistakes([], ["stat"]) == ['there is no variable "stat" (did you mean "state"?)']


def test_u22_every_variable_of_every_role_is_known() -> None:
    of_roles = variables_of_roles()
    assert {"deploy", "cluster", "bake", "node", "engine", "ecr", "agent", "edge", "local_region"} <= of_roles.keys()
    names = [name for names in of_roles.values() for name in names]
    assert len(names) > 100 and DEPLOY.mistakes(names, names) == []


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("TAG is not set; give it in env, or write", "TAG is not set; give it in deploy_env, or write"),
        ("Wait for it, or use force: true.", "Wait for it, or use deploy_force: true."),
        ("allow_recreate: true allows that", "deploy_allow_recreate: true allows that"),
        ("no env file in environment", "no env file in environment"),
        ("reinforce: truely", "reinforce: truely"),
    ],
)
def test_u12_messages_name_the_option_of_the_users_level(text: str, becomes: str) -> None:
    assert at_level({"msg": text, "summary": [text]}, "deploy") == {"msg": becomes, "summary": [becomes]}
    assert at_level({"msg": text}, "") == {"msg": text}


def test_u3_a_namesake_in_another_region_is_another_cluster() -> None:
    """Its managers are not asked."""
    places = {"a": "eu-west-1", "b": "us-east-1", "c": ""}
    hosts = Hosts("demo", places, ["demo"])
    assert hosts.place("us-east-1") == Place("us-east-1") and hosts.managers("us-east-1") == ["b", "c"]
    assert "say which one" in hosts.place("").problem and hosts.place("ap-south-1").problem.startswith("the hosts of")
    assert Hosts("demo", {"c": ""}, []).place("any") == Place("any")
    assert "say it" in Hosts("demo", {"c": ""}, []).place("").problem


def _known(**nodes: t.Mapping[str, object]) -> dict[str, object]:
    """Return the variables of a task: all hosts are managers, and in a group C(demo)."""
    return {"groups": {"managers": list(nodes), "demo": list(nodes)}, "hostvars": nodes}


def test_u3_a_group_of_the_clusters_name_makes_nobody_a_manager_of_it() -> None:
    """keyed_groups on a tag may put managers of another cluster into a group that is called like this one."""
    ours = {"swarm_node": {"cluster": "demo", "region": "eu-west-1"}}
    other = {"swarm_node": {"cluster": "other", "region": "us-east-1"}}
    hosts = Hosts.of(_known(a=other, b=ours, c={}), "demo")
    assert hosts.place("") == Place("eu-west-1") and hosts.managers("eu-west-1") == ["b", "c"]


def test_u3_p15_the_region_is_known_whatever_other_variables_are_called() -> None:
    """With hostvars_prefix there is no variable C(placement); a wrong region must not pass for that."""
    hosts = Hosts.of(_known(a={"swarm_node": {"cluster": "demo", "region": "eu-west-1"}, "aws_placement": {}}), "demo")
    assert hosts.place("us-east-1").problem.startswith("the hosts of cluster demo are in eu-west-1, not in us-east-1")


def test_u22_a_variable_that_is_no_text_is_no_error() -> None:
    assert DEPLOY.mistakes([1, "stage"], [1]) == []  # type: ignore[list-item]


@pytest.mark.parametrize("given", ["DEPLOY_FORCE", "deploy-force", "Deploy_Force", "deploy_force "])
def test_u22_a_variable_of_another_spelling_is_named(given: str) -> None:
    """Ansible takes any name; nothing would read it."""
    assert DEPLOY.mistakes([], [given]) == [f'there is no variable "{given}" (did you mean "deploy_force"?)']
    assert DEPLOY.mistakes([], ["REGION"]) == ['there is no variable "REGION" (did you mean "region"?)']
    assert DEPLOY.mistakes([], ["REGION", "region"]) == []
    assert DEPLOY.mistakes(["DEPLOY_FORCE"], []) == []
