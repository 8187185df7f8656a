# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live progress over connections that carry one command at a time: none, said once, and the deploy goes on."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.plugin_utils import _follow


@pytest.mark.parametrize(
    ("transport", "followed"),
    [
        ("ssh", True),
        ("local", True),
        ("ansible.builtin.ssh", True),
        ("amazon.aws.aws_ssm", False),
        ("community.aws.aws_ssm", False),
        ("somebodys.own", False),
    ],
)
def test_d_ssm_has_one_session_so_nothing_else_is_sent_over_it(
    monkeypatch: pytest.MonkeyPatch, transport: str, followed: bool
) -> None:
    said: list[str] = []
    monkeypatch.setattr(_follow.display, "warning", said.append)
    monkeypatch.setattr(_follow, "FIRST_LOOK", 0.0)
    looked: list[str] = []
    given: dict[str, t.Any] = {}

    class Action(_follow.FollowingAction):
        def run(self, *arguments: t.Any, **more: t.Any) -> dict[str, t.Any]:
            raise NotImplementedError

        def _execute_module(self, *, module_args: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
            given.update(module_args)
            return {"changed": True}

        def _remote_text(self, command: str) -> str:
            looked.append(command)
            return ""

    action = object.__new__(Action)
    action._task = types.SimpleNamespace(async_val=0, check_mode=False, environment=[], _role=None, diff=True)
    action._connection = types.SimpleNamespace(transport=transport)
    assert action.follow("apiary.swarm.stack", {"name": "shop"}, {}) == {"changed": True}
    assert ("progress_token" in given) is followed
    assert len(said) == (not followed) and (followed or "one command at a time" in said[0])
    if not followed:
        assert looked == []
