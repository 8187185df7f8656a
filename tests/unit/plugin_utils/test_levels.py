# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks name a person and a job; messages name what the user can set; a lost manager says what to do."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.action.stack import _lost
from ansible_collections.apiary.swarm.plugins.plugin_utils._level import at_level, role_of
from ansible_collections.apiary.swarm.plugins.plugin_utils._who import who_deploys


@pytest.mark.parametrize(
    ("environment", "who"),
    [
        ({}, "deploy"),
        ({"BUILD_USER": "Ann Lee", "JOB_NAME": "shop/deploy", "BUILD_NUMBER": "42"}, "Ann Lee (shop/deploy #42)"),
        ({"JOB_NAME": "nightly", "BUILD_NUMBER": "7"}, "deploy (nightly #7)"),
        ({"GITLAB_USER_LOGIN": "ann", "CI_PROJECT_PATH": "a/shop", "CI_PIPELINE_ID": "9"}, "ann (a/shop #9)"),
        ({"GITHUB_ACTOR": "ann", "GITHUB_REPOSITORY": "a/shop", "GITHUB_RUN_NUMBER": "3"}, "ann (a/shop #3)"),
        ({"BUILD_USER": "", "BUILD_USER_ID": "ann"}, "ann"),
    ],
)
def test_u26_a_lock_names_a_person_and_a_job(environment: dict[str, str], who: str) -> None:
    assert who_deploys(environment, "deploy") == who


def test_u26_without_any_name_it_is_somebody() -> None:
    assert who_deploys({}, "") == "an unknown user"


def test_u26_messages_name_the_variable_of_the_role() -> None:
    answer = {
        "msg": "Wait for it, or take over with force: true; allow_recreate: true allows that; workforce: true",
        "plan": {"blockers": ["allow_recreate: true allows that"], "stack": "shop"},
        "summary": ["refused: use force: true"],
        "changed": False,
    }
    result = at_level(answer, "deploy")
    assert "take over with deploy_force: true; deploy_allow_recreate: true" in result["msg"]
    assert "workforce: true" in result["msg"] and result["summary"] == ["refused: use deploy_force: true"]
    assert result["plan"] == {"blockers": ["deploy_allow_recreate: true allows that"], "stack": "shop"}
    assert at_level(answer, "") == answer


def test_u26_only_our_own_roles_have_such_variables() -> None:
    def task(name: str) -> t.Any:
        return types.SimpleNamespace(_role=types.SimpleNamespace(get_name=lambda include_role_fqcn: name))

    assert role_of(task("apiary.swarm.deploy")) == "deploy"
    assert role_of(task("my_shop")) == "" and role_of(types.SimpleNamespace(_role=None)) == ""


def test_u11_a_lost_manager_says_what_is_known_and_what_to_do() -> None:
    said = _lost({"name": "shop", "state": "present"}, "Connection refused")
    assert "stack shop was being deployed (Connection refused)" in said
    assert "each service is either the new or the old one" in said
    assert said.endswith("Run it again: the next manager sees what is there and finishes it.")
