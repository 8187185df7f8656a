# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module log_group against a loop over amazon.aws.cloudwatchlogs_log_group, for the same final state."""

from __future__ import annotations

import json
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

from measure import BIN, CACHE, ROOT, Result, Run, environment, run, side_by_side

sys.path.insert(0, str(ROOT / "tests" / "support"))

from moto_region import Region

GROUPS = 50
SETTINGS: dict[str, t.Any] = {"retention": 30, "tags": {"team": "shop", "swarm:cluster": "demo"}}
NAMES = [f"/swarm/demo/stack/service{number}" for number in range(GROUPS)]


@dataclass(frozen=True)
class Measured:
    """Times of creating the groups and of finding them unchanged, with those of an empty playbook, and calls."""

    create: dict[str, Result]
    unchanged: dict[str, Result]
    calls: dict[str, dict[str, int]]


def _playbook(name: str, tasks: list[dict[str, t.Any]], region: Region) -> t.Callable[[], Run]:
    """Return a function that runs a playbook of *tasks* on localhost."""
    path: Path = CACHE / f"{name}.yml"
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    path.write_text(json.dumps([play]), encoding="utf-8")
    env = environment(AWS_REGION="eu-west-1", AWS_DEFAULT_REGION="eu-west-1", AWS_ENDPOINT_URL=region.url)
    return lambda: run([str(BIN / "ansible-playbook"), "-i", "localhost,", str(path)], env)


def _state(region: Region) -> dict[str, t.Any]:
    """Return what is in the region: retention and tags by name."""
    logs = region.client("logs")
    pages = logs.get_paginator("describe_log_groups").paginate()
    groups = [group for page in pages for group in page["logGroups"]]
    return {
        group["logGroupName"]: (
            group.get("retentionInDays"),
            logs.list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))["tags"],
        )
        for group in groups
    }


def compare(pairs: int) -> Measured:
    """Measure both, *pairs* times each."""
    CACHE.mkdir(parents=True, exist_ok=True)
    region = Region()
    rivals: dict[str, t.Any] = {
        "ours": [{"apiary.swarm.log_group": {**SETTINGS, "groups": [{"name": name} for name in NAMES]}}],
        "peer": [
            {
                "amazon.aws.cloudwatchlogs_log_group": {**SETTINGS, "log_group_name": "{{ item }}"},
                "loop": NAMES,
                "loop_control": {"label": "{{ item }}"},
            }
        ],
    }
    try:
        go = {name: _playbook(name, tasks, region) for name, tasks in rivals.items()}
        calls: dict[str, dict[str, int]] = {name: {} for name in go}
        states = {}
        for name, play in go.items():
            region.reset()
            play()
            calls[name]["create"] = len(region.calls)
            region.forget()
            play()
            calls[name]["unchanged"] = len(region.calls)
            states[name] = _state(region)
        assert states["ours"] == states["peer"], "the rivals do not reach the same state"
        go["empty"] = _playbook("empty", [], region)
        create = side_by_side(go, pairs, before=region.reset)
        go["ours"]()  # the last round ended with nothing
        return Measured(create, side_by_side(go, pairs), calls)
    finally:
        region.close()
