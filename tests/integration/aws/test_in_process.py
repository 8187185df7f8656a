# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS modules run in the controller's process: the same results, and the module itself where that matters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from moto_region import Region

ROOT = Path(__file__).resolve().parents[3]
Play = t.Callable[..., tuple[list[dict[str, t.Any]], str]]


@pytest.fixture
def play(region: Region, tmp_path: Path) -> Play:
    """Run tasks, whether or not one fails, and return their results and what was printed."""

    def run(*tasks: dict[str, t.Any], options: tuple[str, ...] = (), **keywords: t.Any) -> tuple[t.Any, str]:
        result = tmp_path / "result.json"
        result.unlink(missing_ok=True)
        registered = [f"done{number}" for number in range(len(tasks))]
        keep = {
            "ansible.builtin.copy": {
                "content": f"{{{{ [{', '.join(registered)}] | to_json }}}}",
                "dest": str(result),
                "mode": "0600",
            },
            "check_mode": False,
        }
        book = tmp_path / "play.json"
        steps = [
            {**task, "register": name, "ignore_errors": True} for task, name in zip(tasks, registered, strict=True)
        ]
        book.write_text(
            json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [*steps, keep], **keywords}]), "utf-8"
        )
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        done = subprocess.run(
            [program, "-i", "localhost,", "-c", "local", str(book), *options],
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/.cache/ac",
                "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.exists(), done.stdout + done.stderr
        return json.loads(result.read_text("utf-8")), done.stdout + done.stderr

    return run


def task(**options: t.Any) -> dict[str, t.Any]:
    """Return a task of log_group."""
    return {"apiary.swarm.log_group": options}


def test_it_does_what_the_module_does(region: Region, play: Play) -> None:
    """Check mode, diff, the change, no change."""
    options = {"groups": [{"log_group_name": "/a/one"}, {"name": "/a/two"}], "retention": 30, "tags": {"n": 1}}
    (checked,), shown = play(task(**options), options=("--check", "--diff"))
    assert checked["changed"] is True
    assert '"retention_in_days": 30' in shown
    assert region.writes() == []
    (done, again), dummy = play(task(**options), task(**options))
    assert [group["changes"] for group in done["log_groups"]] == [["created", "retention_in_days"]] * 2
    assert again["changed"] is False


def test_module_defaults_hold(region: Region, play: Play) -> None:
    """Defaults of the action group reach it."""
    defaults = {"module_defaults": {"group/apiary.swarm.swarm": {"region": "us-east-1"}}}
    (done,), shown = play(task(name="/a"), **defaults)
    assert done["changed"] is True, shown
    assert {call.region for call in region.calls} == {"us-east-1"}


BAD: list[tuple[dict[str, t.Any], str]] = [
    ({"name": "/a", "retention": 1000}, "retention 1000 is not a number of days that AWS takes"),
    ({"name": "/a", "retention": "many"}, "retention_in_days"),
    ({"name": "/a", "colour": "red"}, "colour"),
    ({"name": "/a", "groups": []}, "mutually exclusive: name|names|groups"),
    ({}, "one of the following is required: name, names, groups, prune"),
    ({"name": "/a", "profile": "p", "access_key": "x", "secret_key": "hush"}, "mutually exclusive: profile|access_key"),
]


def test_bad_input(region: Region, play: Play) -> None:
    """The same refusals, without a traceback and without a secret."""
    results, shown = play(*(task(**options) for options, dummy in BAD))
    for result, (options, message) in zip(results, BAD, strict=True):
        assert result["failed"] is True, options
        assert message in result["msg"], options
    assert "Traceback" not in shown and "hush" not in shown
    assert region.writes() == []


@pytest.mark.parametrize(
    "keyword",
    [
        {"environment": {"AWS_REGION": "us-east-1"}},
        {"vars": {"ansible_become": True, "ansible_become_method": "apiary.none.none"}},
        {"async": 30, "poll": 1},
    ],
    ids=["environment", "become", "async"],
)
def test_the_module_runs_where_it_matters(region: Region, play: Play, keyword: dict[str, t.Any]) -> None:
    """With an environment, another user or async, a process of its own is needed."""
    (done,), shown = play({**task(name="/a"), **keyword})
    if "environment" in keyword:
        assert {call.region for call in region.calls} == {"us-east-1"}, shown
    elif "async" in keyword:
        assert done["changed"] is True and "ansible_job_id" in done, shown
    else:
        # There is no such way to become another user: only the module's own process could have asked for it.
        assert done["failed"] is True and region.calls == [], shown
