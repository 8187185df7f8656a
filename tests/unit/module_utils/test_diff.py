# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences and what they may show."""

from __future__ import annotations

import time
import typing as t

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._diff import Change, diff, dotted, show, show_tree
from ansible_collections.apiary.swarm.plugins.module_utils._errors import HIDDEN


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


S = "hunter2xyz"


@pytest.mark.parametrize(
    "text",
    [
        f"serve --password {S} --port 80", f"serve --password '{S} b'", f"serve --db-password={S}", f"PASSWORD={S}",
        f"curl -H 'Authorization: Bearer {S}' http://x", f'-H "Authorization: Basic {S}"', f"Authorization: {S}",
        f"Bearer {S}", f"curl -u me:{S} http://x", f"curl --user me:{S}", f"curl --user=me:{S}", f"curl -ume:{S}",
        f"postgres://u:{S}@h/db", f"postgres://u:a/{S}@h/db", f"redis://:{S}@h", f"x postgres://u:p@{S}@h/db",
        f"mysql -u root -p{S} db", f"sshpass -p {S} ssh x", f"redis-cli -h x -a {S}", f'{{"password": "{S} c"}}',
        f"X-Api-Key: {S}", f"aws_secret_access_key = {S}", f"--token\\n{S}".replace("\\n", "\n"),
    ],
)  # fmt: skip
def test_secrets_inside_one_text_are_hidden(text: str) -> None:
    shown = show(("TaskTemplate", "ContainerSpec", "Args"), text)
    assert S not in shown and HIDDEN in shown
    assert S not in str(show(("Args",), ["sh", "-c", text]))


@pytest.mark.parametrize(
    "text",
    ["serve --port 80", "curl http://h:8080/path", "ls -u", "mkdir -p /data", "docker run -u 1000", "a: b", "x@y"],
)
def test_texts_without_secrets_stay(text: str) -> None:
    assert show(("Args",), text) == text


@pytest.mark.parametrize(
    "words",
    [
        ["redis-cli", "-a", S], ["redis-cli", "-h", "x", "-a", S], ["sshpass", "-p", S, "ssh"],
        ["mysql", f"-p{S}", "db"],
        ["serve", "--jwt", S], ["serve", "--pwd", S], ["sh", "-c", f"a\nPASSWORD={S}"],
        ["a\nb", "sshpass", f"-p{S}", "c"],
    ],
)  # fmt: skip
def test_what_flags_mean_to_a_program_is_known_in_lists_of_words_too(words: list[str]) -> None:
    shown = show(("Args",), words)
    assert len(shown) == len(words) and S not in str(shown)


def test_logins_in_a_list_of_words_are_hidden() -> None:
    words = [
        "curl",
        "-u",
        f"me:{S}",
        "-H",
        f"Authorization: Bearer {S}",
        "--password",
        S,
        f"https://a:{S}@h/x",
        "-u",
        "7",
    ]
    shown = show(("Args",), words)
    assert S not in str(shown) and shown[0] == "curl" and shown[-1] == "7"


LONG = ["a" * 50_000, "a:" * 20_000, "mysql " * 10_000, "pass" * 10_000, "//u:" * 10_000]


@pytest.mark.parametrize("text", LONG, ids=["word", "colons", "programs", "names", "addresses"])
def test_long_texts_take_no_time(text: str) -> None:
    started = time.process_time()
    show(("Args",), text)
    assert time.process_time() - started < 20
