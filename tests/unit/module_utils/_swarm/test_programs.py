# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs in running tasks: which container is taken, and what is made of its output."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput, PlanRefused
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.programs import (
    Ended,
    choose,
    environment,
    not_started,
    split,
)
from ansible_collections.apiary.swarm.plugins.modules.exec import failure, spec_of
from ansible_collections.apiary.swarm.plugins.modules.task_info import listed

Json = dict[str, t.Any]


def _container(name: str, created: int, status: str = "Up 2 seconds") -> Json:
    labels = {"com.docker.swarm.task.id": f"t{created}", "com.docker.swarm.task.name": f"{name}.t{created}"}
    return {"Id": f"c{created}", "Created": created, "Status": status, "Labels": labels}


@pytest.mark.parametrize(
    ("slot", "expected"),
    [("", "c2"), ("1", "c1"), ("11", "c3"), ("2", "c2"), ("3", None)],
)
def test_a_slot_is_meant_exactly_and_healthy_ones_come_first(slot: str, expected: str | None) -> None:
    found = [
        _container("shop_web.1", 1),
        _container("shop_web.2", 2, "Up 1 minute (healthy)"),
        _container("shop_web.11", 3, "Up 1 second (health: starting)"),
    ]
    place = choose(found, "shop_web", slot)
    assert (place.container if place else None) == expected


def test_without_health_checks_the_newest_is_taken() -> None:
    place = choose([_container("a.1", 5), _container("a.2", 9)], "a")
    assert place is not None and (place.container, place.task_id, place.task) == ("c9", "t9", "a.2.t9")


def test_output_is_split_and_may_be_cut_off() -> None:
    raw = b"\x01\0\0\0\0\0\0\x03one" + b"\x02\0\0\0\0\0\0\x03bad" + b"\x01\0\0\0\0\0\0\x09two"
    assert split(raw) == ("onetwo", "bad")
    assert split(b"") == ("", "")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ('exec: "/www": permission denied: unknown', "permission denied"),  # Docker 20.10
        ('exec: "/www": is a directory: unknown: permission denied', "is a directory"),  # Docker 26
    ],
)
def test_u24_the_engines_own_words_around_the_reason_go(words: str, why: str) -> None:
    text = f"OCI runtime exec failed: exec failed: unable to start container process: {words}\r\n"
    assert not_started(text) == f"it cannot be started: {why}"


def test_environment() -> None:
    assert environment({"B": 2, "A": "x=y"}) == ["A=x=y", "B=2"]
    with pytest.raises(PlanRefused, match='env: "A B" cannot be the name of a variable'):
        environment({"A B": "x"})


def test_a_failure_repeats_the_last_words() -> None:
    assert failure("/app/migrate", Ended(3, "one\n", "two\n")) == "/app/migrate: exit code 3\n| one\n| two"
    assert failure("sleep", Ended(None, "", "", "not ended within 2 s; it was stopped")).startswith("sleep: not ended")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"command": []}, "command is empty"),
        ({"command": [""]}, "command is empty"),
        ({"timeout": 0}, "timeout must be at least 1 second"),
        ({"env": {"": "x"}}, 'env: "" cannot be the name'),
    ],
)
def test_bad_input(given: Json, says: str) -> None:
    params = {"command": ["true"], "timeout": 5, "env": {}, "user": None, "working_dir": None, **given}
    with pytest.raises((InvalidInput, PlanRefused), match=says):
        spec_of(params)


def _task(task_id: str, slot: int, created: str, state: str, **container: t.Any) -> Json:
    status = {"State": state, "Timestamp": created, "Err": " task:  bad ", "ContainerStatus": container}
    return {"ID": task_id, "Slot": slot, "NodeID": "n", "CreatedAt": created, "DesiredState": "running",
            "Status": status, "Spec": {"ContainerSpec": {"Image": "app"}}}  # fmt: skip


def test_tasks_are_listed_by_slot_newest_first() -> None:
    node = {"ID": "n", "Description": {"Hostname": "one"}, "Status": {"State": "ready", "Addr": "0.0.0.0"},
            "ManagerStatus": {"Addr": "10.0.0.7:2377"}}  # fmt: skip
    tasks = [
        _task("a", 10, "1", "running", ContainerID="x"),
        _task("b", 2, "1", "failed", ContainerID="y", ExitCode=7),
        _task("c", 2, "2", "running", ContainerID="z"),
    ]
    found = listed(tasks, [node], history=True)
    assert [item["id"] for item in found] == ["c", "b", "a"]
    assert [item["exit_code"] for item in found] == [None, 7, None]
    assert found[0]["node"] == {"id": "n", "hostname": "one", "address": "10.0.0.7", "state": "ready"}
    assert found[1]["error"] == "task: bad"
    assert [item["id"] for item in listed(tasks, [], history=False)] == ["c", "a"]
