# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of a module in the controller's process: the same options, and nothing secret in the result."""

from __future__ import annotations

import base64
import sys
import types
import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._errors import Refused
from ansible_collections.apiary.swarm.plugins.module_utils._module import Params, Result, Work
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.arguments.options import STACK_OPTIONS
from ansible_collections.apiary.swarm.plugins.modules import stack
from ansible_collections.apiary.swarm.plugins.plugin_utils._here import execute, is_here, result_of

SECRET = base64.b64encode(b"first line\nhunter2-hunter2\n").decode()


class Nothing(Work):
    """Work that is done with nothing."""

    def open(self, params: Params) -> None:
        """Return nothing."""


def result(run: t.Callable[[Params], Result], **arguments: t.Any) -> Result:
    work = Nothing(STACK_OPTIONS, lambda dummy, params, _check: run(params), secrets=stack.secrets)
    return result_of(work, {"name": "shop", **arguments}, check_mode=True)


def test_options_are_converted_and_have_their_defaults() -> None:
    params = result(lambda params: {"params": params}, wait="no", wait_timeout="30")["params"]
    assert params["wait"] is False and params["wait_timeout"] == 30 and params["prune"] is True


def test_bad_options_are_refused_before_any_work() -> None:
    def work(_params: Params) -> Result:
        raise AssertionError("worked")

    answer = result(work, wait_timeout="soon")
    assert answer["failed"] and "wait_timeout" in answer["msg"]


def test_secrets_and_passwords_are_hidden_wherever_they_are() -> None:
    def work(_params: Params) -> Result:
        warnings = ["it said hunter2-hunter2"]
        raise Refused(f"{SECRET} pa55word", lines=("hunter2-hunter2", "fine"), warnings=warnings)

    login = {"registry": "r", "username": "u", "password": "pa55word"}
    text = str(result(work, secret_data={"s": SECRET}, registry_auth=[login]))
    assert "hunter2" not in text and "pa55word" not in text and SECRET not in text and "fine" in text


def test_empty_secrets_hide_nothing() -> None:
    def work(_params: Params) -> Result:
        return {"msg": "all is well"}

    login = {"registry": "r", "username": "u", "password": ""}
    assert result(work, secret_data={"s": ""}, registry_auth=[login])["msg"] == "all is well"


def test_a_failure_is_a_result() -> None:
    given = {"name": "shop", "docker_host": "unix:///nowhere/docker.sock", "state": "absent"}
    answer = result_of(stack.WORK, given, check_mode=True)
    assert answer["failed"] and "no engine answers at unix:///nowhere/docker.sock" in answer["msg"]
    assert answer["invocation"]["module_args"]["name"] == "shop"


@pytest.mark.parametrize(
    ("transport", "become", "environment", "background", "expected"),
    [
        ("local", False, [], 0, True),
        ("ansible.builtin.local", False, [{}], 0, True),
        ("ssh", False, [], 0, False),
        ("local", True, [], 0, False),
        ("local", False, [{"A": "b"}], 0, False),
        ("local", False, [], 60, False),
    ],
)
def test_where_a_module_would_see_a_difference_it_runs_as_one(
    transport: str, become: bool, environment: list[t.Any], background: int, expected: bool
) -> None:
    action = types.SimpleNamespace(
        _connection=types.SimpleNamespace(transport=transport),
        _play_context=types.SimpleNamespace(become=become),
        _task=types.SimpleNamespace(environment=environment, async_val=background, delegate_to=None),
    )
    assert is_here(t.cast(t.Any, action)) is expected


@pytest.mark.parametrize(
    ("python", "expected"),
    [(None, True), ("auto_silent", True), (sys.executable, True), ("/usr/local/bin/python-in-a-container", False)],
)
def test_a_python_that_leads_elsewhere_is_not_here(python: str | None, expected: bool) -> None:
    action = types.SimpleNamespace(
        _connection=types.SimpleNamespace(transport="local"),
        _play_context=types.SimpleNamespace(become=False),
        _task=types.SimpleNamespace(environment=[], async_val=0, delegate_to=None),
    )
    variables: dict[str, t.Any] = {} if python is None else {"ansible_python_interpreter": python}
    assert is_here(t.cast(t.Any, action), variables) is expected
    # What a task is delegated to has a Python of its own.
    action._task.delegate_to = "n1"
    other = {"ansible_python_interpreter": "/elsewhere", "ansible_delegated_vars": {"n1": variables}}
    assert is_here(t.cast(t.Any, action), other) is expected


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("diff", [True, False])
def test_a_task_without_diff_shows_none_wherever_it_is_done(here: bool, diff: bool) -> None:
    answer = {"changed": True, "diff": {"before": "", "after": "x"}}
    work = Nothing({}, lambda *dummy: dict(answer))
    work.library = ("json", "", None)
    action = types.SimpleNamespace(
        _task=types.SimpleNamespace(check_mode=False, diff=diff, async_val=0),
        _execute_module=lambda **dummy: dict(answer),
    )
    result = execute(t.cast(t.Any, action), "log_group", {}, {}, work if here else None)
    assert result["changed"] is True and ("diff" in result) is diff
