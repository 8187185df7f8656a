# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices of nodes that leave: believed only when a member of the swarm says it of itself, now."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent.imds import Imds
from ansible_collections.apiary.swarm.plugins.module_utils._agent.membership.departure import notice, sign, verify
from ansible_collections.apiary.swarm.plugins.module_utils._errors import SwarmError

TOKENS = ["SWMTKN-worker", "SWMTKN-manager"]
NOW = 1_800_000_000.0


def body(**changes: t.Any) -> bytes:
    return json.dumps({"node_id": "n4", "address": "10.20.0.4", "time": NOW, **changes}).encode()


def test_a_member_is_believed() -> None:
    for token in TOKENS:
        assert verify(TOKENS, body(), sign(token, body()), "10.20.0.4", NOW + 1) == "n4"


@pytest.mark.parametrize(
    ("content", "signature", "sender", "now", "words"),
    [
        (body(), sign("other", body()), "10.20.0.4", NOW, "not signed"),
        (body(), "", "10.20.0.4", NOW, "not signed"),
        (body(node_id="n1"), sign(TOKENS[0], body()), "10.20.0.4", NOW, "not signed"),
        (body(), sign(TOKENS[0], body()), "10.20.0.5", NOW, "comes from 10.20.0.5"),
        (body(), sign(TOKENS[0], body()), "10.20.0.4", NOW + 301, "too old"),
        (body(), sign(TOKENS[0], body()), "10.20.0.4", NOW - 301, "too old"),
        (b"{}", sign(TOKENS[0], b"{}"), "10.20.0.4", NOW, "wrong form"),
        (b"[]", sign(TOKENS[0], b"[]"), "10.20.0.4", NOW, "wrong form"),
        (b"\xff", sign(TOKENS[0], b"\xff"), "10.20.0.4", NOW, "wrong form"),
    ],
)
def test_nobody_else_is(content: bytes, signature: str, sender: str, now: float, words: str) -> None:
    with pytest.raises(SwarmError, match=words):
        verify(TOKENS, content, signature, sender, now)


class Metadata(Imds):
    """A metadata service with fixed answers."""

    def __init__(self, **answers: str) -> None:
        super().__init__()
        self.answers = answers

    def get(self, path: str) -> str | None:
        return self.answers.get(path.rpartition("/")[2].replace("-", "_"))


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (Metadata(), None),
        (Metadata(target_lifecycle_state="InService"), None),
        (Metadata(target_lifecycle_state="Terminated"), "Auto Scaling"),
        (Metadata(instance_action='{"action": "terminate"}'), "spot interruption"),
    ],
)
def test_notice(metadata: Imds, words: str | None) -> None:
    found = notice(metadata)
    assert (found is None) if words is None else (found is not None and words in found.reason)
