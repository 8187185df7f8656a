# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys a node lets in that AWS was told of."""

from __future__ import annotations

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._agent import keys

NODE, NOW = "i-0123456789abcdef0", 1_790_000_000.0
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0kNLEbrBY7dEzu2VRuSXZqFqDCkQBTkZlSdAQBkXtR"


def entry(key: str = KEY, node: str = NODE, until: object = int(NOW) + 60) -> str:
    return f"#Timestamp={until}\n#Instance={node}\n#Caller=arn:aws:iam::1:user/a\n#Request=1\n{key}\nc2ln\n"


def test_a3_a_key_that_was_sent_is_let_in() -> None:
    assert keys.authorized(entry(), NODE, NOW) == [KEY]
    assert keys.authorized(f"{entry()}\n{entry(KEY.replace('kXtR', 'kXtS'))}", NODE, NOW) == [
        KEY,
        KEY.replace("kXtR", "kXtS"),
    ]


def test_a3_what_stands_behind_a_key_is_no_option_of_it() -> None:
    assert keys.authorized(entry(f"{KEY} somebody@laptop"), NODE, NOW) == [KEY]


@pytest.mark.parametrize(
    "text",
    [
        "",
        entry(until=int(NOW)),
        entry(until="soon"),
        entry(until=""),
        entry(node="i-0fedcba9876543210"),
        entry(key=f'command="/bin/sh" {KEY}'),
        entry(key="ssh-dss AAAAB3NzaC1kc3MAAACBAO0kNLEbrBY7dEzu2VRu"),
        entry().replace("#Instance", "#Machine"),
        KEY,
        "<html>",
    ],
)
def test_a3_nothing_else_is(text: str) -> None:
    assert keys.authorized(text, NODE, NOW) == []


@pytest.mark.parametrize("arguments", [[], ["../../iam"], ["Admin x"], ["a", "b"]])
def test_a3_no_user_that_could_be_a_path_is_asked_for(arguments: list[str]) -> None:
    assert keys.main(arguments) == 1
