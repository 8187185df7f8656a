# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small values: what Docker's own readers make of them."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.apiary.swarm.plugins.module_utils._swarm import values

SECOND = 10**9


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None), ("nULL", "nULL"),
        ("true", True), ("False", False), ("yes", "yes"), ("off", "off"), ("y", "y"),
        ("12", 12), ("-3", -3), ("+5", 5), ("0x1F", 31), ("0b101", 5), ("0o17", 15), ("017", 15), ("1_000", 1000),
        ("08", 8.0), ("1.50", 1.5), (".5", 0.5), ("1e3", 1000.0), ("-1.", -1.0), ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", float(2**64)), ("22:22", "22:22"), ("2024-01-01", "2024-01-01"), ("1.2.3", "1.2.3"),
        ("-", "-"), (".", "."), ("0x", "0x"), ("1a", "1a"), ("+", "+"), (".inf", float("inf")), ("text", "text"),
    ],
)  # fmt: skip
def test_plain_scalar(written: str, value: t.Any) -> None:
    found = values.plain_scalar(written)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""), (True, "true"), (False, "false"), (7, "7"), ("x", "x"), (1.1, "1.1"), (3.0, "3"),
        (1234567.0, "1.234567e+06"), (100000.0, "100000"), (1e20, "1e+20"), (0.0001, "0.0001"), (0.00001, "1e-05"),
        (-0.0, "-0"), (123456789.5, "1.234567895e+08"), (float("inf"), "+Inf"), (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)  # fmt: skip
def test_text(value: t.Any, written: str) -> None:
    assert values.text(value) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_text_of_a_float_reads_back(value: float) -> None:
    assert float(values.text(value)) == value


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("0", 0), ("10s", 10 * SECOND), ("1m30s", 90 * SECOND), ("1.5h", 5400 * SECOND), ("100ms", SECOND // 10),
        ("1us", 1000), ("1µs", 1000), ("3ns", 3), ("1h1m1s1ms", 3661 * SECOND + 10**6), (".5s", SECOND // 2),
        ("1.s", SECOND), ("+5s", 5 * SECOND), ("0s", 0), ("-0s", 0),
    ],
)  # fmt: skip
def test_duration(written: str, nanoseconds: int) -> None:
    assert values.duration(written) == nanoseconds


@pytest.mark.parametrize("value", ["", "5", "s", "1d", "1 s", "1s ", "--1s", "1s-1s", "1..5s", "9999999h", 5, None])
def test_no_duration(value: t.Any) -> None:
    with pytest.raises(ValueError, match="must be a duration like"):
        values.duration(value)


@given(st.integers(0, 2**40), st.sampled_from(["ns", "us", "ms", "s"]))
def test_duration_is_linear(amount: int, unit: str) -> None:
    scale = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}[unit]
    if amount * scale < 2**63:
        assert values.duration(f"{amount}{unit}") == amount * scale


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (0, 0), (5, 5), ("1024", 1024), ("1k", 1024), ("1K", 1024), ("1kb", 1024), ("1KiB", 1024), ("512M", 2**29),
        ("1.5g", 3 * 2**29), ("1 GB", 2**30), ("7b", 7), ("2t", 2 * 2**40), ("1p", 2**50), (".5m", 2**19),
    ],
)  # fmt: skip
def test_size(written: t.Any, size: int) -> None:
    assert values.size(written) == size


@pytest.mark.parametrize("value", ["", "m", "1 gig", "1mm", "-1", "1e", -5, 1.5, True, None, "1kib b", "9999999p"])
def test_no_size(value: t.Any) -> None:
    with pytest.raises(ValueError, match="must be a size like"):
        values.size(value)


@pytest.mark.parametrize(
    ("written", "nano"), [("1", 10**9), ("0.5", 5 * 10**8), (0.25, 25 * 10**7), (2, 2 * 10**9), ("1/4", 25 * 10**7)]
)
def test_cpus(written: t.Any, nano: int) -> None:
    assert values.nano_cpus(written) == nano


@pytest.mark.parametrize("value", ["half", "", "1/0", "-1", True, None, [], "0x1", "1e99", "99999999999"])
def test_no_cpus(value: t.Any) -> None:
    with pytest.raises(ValueError, match="must be a number of CPUs"):
        values.nano_cpus(value)


@pytest.mark.parametrize(
    ("written", "mode"), [(0o440, 0o440), ("0440", 0o440), ("440", 0o440), ("0o440", 0o440), (288.0, 288)]
)
def test_file_mode(written: t.Any, mode: int) -> None:
    assert values.file_mode(written) == mode


@pytest.mark.parametrize("value", ["rw", "0999", "", -1, 1.5, True, "0x1"])
def test_no_file_mode(value: t.Any) -> None:
    with pytest.raises(ValueError, match="must be permission bits"):
        values.file_mode(value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  ", []),
        ("a b", ["a", "b"]),
        ("sh -c 'echo \"x\"'", ["sh", "-c", 'echo "x"']),
        ('a"b c"d', ["ab cd"]),
        (r'"g\h" i\ j', ["gh", "i j"]),
        ("'' \"\"", ["", ""]),
        ("a #b c", ["a"]),
        ("a#b", ["a#b"]),
        ("a # b\nc", ["a", "c"]),
        (r"'e\f'", [r"e\f"]),
        ("a\tb\nc", ["a", "b", "c"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert values.words(line) == words


@pytest.mark.parametrize("line", ["'a", '"a', "a 'b\"", "a\\"])
def test_no_words(line: str) -> None:
    with pytest.raises(ValueError, match=r"closing one|backslash"):
        values.words(line)


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="'", exclude_categories=["Cs"]))))
def test_quoted_words_come_back(words: list[str]) -> None:
    assert values.words(" ".join(f"'{word}'" for word in words)) == words


@given(st.floats(0, 1, width=32))
def test_single_precision_is_short(value: float) -> None:
    short = values.single_precision(value)
    assert abs(short - value) <= 1e-6
    assert len(repr(short)) <= len(repr(value))
