# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences and what they may show."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._diff import HIDDEN, Change, diff, dotted, show, show_tree


def test_leaves_that_differ_are_told_with_their_path() -> None:
    before = {"a": 1, "b": {"c": 2, "d": 3}, "gone": {"x": 1}, "none": None}
    after = {"a": 1, "b": {"c": 4, "d": 3}, "new": [1]}
    assert diff(before, after) == [
        Change(("b", "c"), 2, 4),
        Change(("gone", "x"), 1, None),
        Change(("new",), None, [1]),
    ]
    assert [change.kind for change in diff(before, after)] == ["change", "remove", "add"]


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        (("TaskTemplate", "ContainerSpec", "Env", "LEVEL"), "debug", HIDDEN),
        (("Labels", "api_key"), "k", HIDDEN),
        (("LogDriver", "Options", "splunk-token"), "x", HIDDEN),
        (("Secrets", "x", "SecretName"), "app_key_1", "app_key_1"),
        (("Args",), ["--password", "hunter2", "--port", "80"], ["--password", HIDDEN, "--port", "80"]),
        (("Args",), ["--password=hunter2", "-v"], [f"--password={HIDDEN}", "-v"]),
        (("Command",), ["sh", "-c", "DB_PASSWORD=hunter2 run"], ["sh", "-c", f"DB_PASSWORD={HIDDEN} run"]),
        (("Labels", "url"), "https://user:hunter2@host/x", f"https://{HIDDEN}@host/x"),
        (("Mode", "Replicas"), 3, 3),
        (("Labels", "x"), None, None),
    ],
)
def test_what_may_be_shown(path: tuple[str, ...], value: t.Any, shown: t.Any) -> None:
    assert show(path, value) == shown


def test_a_hidden_change_still_shows_that_it_changes() -> None:
    shown = Change(("Env", "A"), "one", "two").shown()
    assert shown["before"] != shown["after"] and "one" not in str(shown) and "two" not in str(shown)


def test_a_tree_is_shown_without_its_secrets() -> None:
    assert show_tree({"Env": {"A": "1"}, "Labels": {"a": "b"}}) == {"Env": {"A": HIDDEN}, "Labels": {"a": "b"}}


def test_paths_with_dots_are_readable() -> None:
    assert dotted(("Labels", "com.docker.x", "y")) == "Labels[com.docker.x].y"
