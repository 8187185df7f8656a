# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans are carried out step by step, and what is told afterwards is what is there."""

from __future__ import annotations

import typing as t

from ansible_collections.apiary.swarm.plugins.module_utils._aws.errors import AwsError
from ansible_collections.apiary.swarm.plugins.module_utils._aws.logs.groups import LogGroup
from ansible_collections.apiary.swarm.plugins.module_utils._aws.reconcile import (
    Draft,
    Plan,
    carry_out,
    reports,
    result,
)


def write(client: list[t.Any], *arguments: t.Any) -> str:
    client.append(arguments)
    return "answer"


def refuse(_client: t.Any, *_arguments: t.Any) -> None:
    raise AwsError("Cannot set the key.")


def plan(last: t.Callable[..., t.Any]) -> Plan[LogGroup]:
    draft: Draft[LogGroup] = Draft("/a", None)
    draft.make(LogGroup("/a"), write, "/a", {})
    draft.do("retention_in_days", write, "/a", 7, retention=7)
    draft.do("kms_key_id", last, "/a", "key", kms_key_id="key")
    return draft.plan()


def test_check_mode_tells_the_same_and_writes_nothing() -> None:
    calls: list[t.Any] = []
    checked = result(carry_out(calls, [plan(write)], check_mode=True), "failed")
    assert calls == []
    assert checked == result(carry_out(calls, [plan(write)], check_mode=False), "failed")
    assert calls == [("/a", {}), ("/a", 7), ("/a", "key")]


def test_a_plan_that_fails_halfway_tells_how_far_it_got() -> None:
    (outcome,) = carry_out([], [plan(refuse)], check_mode=False)
    assert (outcome.made, outcome.changes) == ("answer", ["created", "retention_in_days"])
    assert outcome.thing == LogGroup("/a", retention=7)
    answer = result([outcome], "failed")
    assert answer["changed"] is True and answer["failed"] == {"/a": "Cannot set the key."}
    assert answer["diff"]["before"] == {"/a": {}}
    assert answer["diff"]["after"]["/a"]["retention_in_days"] == 7
    (group,) = reports([outcome])
    assert group["log_group_name"] == "/a" and group["kms_key_id"] is None
