# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instance metadata: what a path answers, and whom a token serves."""

from __future__ import annotations

import pytest
from region.machines import imds

TREE: imds.Tree = {
    "meta-data": {
        "instance-id": "i-1",
        "placement": {"region": "us-east-1"},
        "public-keys": {"0=deploy": {"openssh-key": "ssh-ed25519 AAAA"}},
        "tags": None,
    },
    "user-data": b"\x1f\x8b",
}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("meta-data/instance-id", b"i-1"),
        ("/meta-data//instance-id/", b"i-1"),
        ("meta-data/", b"instance-id\nplacement/\npublic-keys/"),
        ("meta-data/public-keys", b"0=deploy"),
        ("meta-data/public-keys/0/openssh-key", b"ssh-ed25519 AAAA"),
        ("meta-data/placement/region", b"us-east-1"),
        ("user-data", b"\x1f\x8b"),
        ("meta-data/tags", None),
        ("meta-data/missing", None),
        ("meta-data/instance-id/deeper", None),
    ],
)
def test_lookup(path: str, answer: bytes | None) -> None:
    assert imds.lookup(TREE, path) == answer


def test_token_serves_only_its_instance_and_only_for_its_time() -> None:
    now = [1000.0]
    tokens = imds.Tokens(clock=lambda: now[0])
    token = tokens.issue("10.0.0.4", 60)
    assert tokens.valid("10.0.0.4", token)
    assert not tokens.valid("10.0.0.5", token)
    assert not tokens.valid("10.0.0.4", "guessed")
    now[0] += 61
    assert not tokens.valid("10.0.0.4", token)
