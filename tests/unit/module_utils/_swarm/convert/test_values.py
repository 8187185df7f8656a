# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small values: what Docker's own readers make of them."""

from __future__ import annotations

import re
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.apiary.swarm.plugins.module_utils._swarm import values
from ansible_collections.apiary.swarm.plugins.module_utils._swarm.convert.from_options import (
    InvalidOption,
    apply_options,
)

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
        (".99999999999999999999s", SECOND), ("1.s", SECOND), ("+5s", 5 * SECOND), ("0s", 0), ("-0s", 0),
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


# -- against Go's own rules, written down once more as Go has them ----------------------------------------------------
_GO_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def go_parse_duration(s: str) -> int | None:
    """Return what C(ParseDuration) of Go's src/time/format.go returns, None for an error."""
    negative, total = False, 0
    if s and s[0] in "-+":
        negative, s = s[0] == "-", s[1:]
    if s == "0":
        return 0
    if not s:
        return None
    while s:
        whole = re.match(r"[0-9]*", s)
        assert whole is not None
        number, rest, after, scale = int(whole[0] or 0), s[whole.end() :], "", 1.0
        if number > 2**63:
            return None
        if rest.startswith("."):
            fraction = re.match(r"[0-9]*", rest[1:])
            assert fraction is not None
            after, rest = fraction[0], rest[1 + fraction.end() :]
        if not whole[0] and not after:
            return None
        unit = re.match(r"[^0-9.]*", rest)
        assert unit is not None
        if unit[0] not in _GO_UNITS:
            return None
        scale = 10.0 ** len(after)
        number = number * _GO_UNITS[unit[0]] + int(float(int(after or 0)) * (float(_GO_UNITS[unit[0]]) / scale))
        total, s = total + number, rest[unit.end() :]
        if total > 2**63:
            return None
    total = -total if negative else total
    return total if total < 2**63 else None


def go_ram_in_bytes(text: str) -> int | None:
    """Return what C(RAMInBytes) of docker/go-units/size.go returns, None for an error."""
    sep = max(text.rfind(char) for char in "0123456789. ")
    if sep < 0:
        return None
    number, suffix = (text[:sep], text[sep + 1 :]) if text[sep] == " " else (text[: sep + 1], text[sep + 1 :])
    if not re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", number) or float(number) < 0:
        return None
    if float(number) == float("inf"):  # ParseFloat: value out of range
        return None
    suffix = suffix.lower()
    if suffix not in ("", "b") and (suffix[0] not in "kmgtp" or suffix[1:] not in ("", "b", "ib")):
        return None
    total = float(number) * (1024 ** ("kmgtp".index(suffix[0]) + 1) if suffix not in ("", "b") else 1)
    return int(total) if total < 2**63 else None  # ParseFloat refuses 1e309, and the conversion of 1e20 is undefined


def ours(reader: t.Callable[[t.Any], int], written: str) -> int | None:
    try:
        return reader(written)
    except ValueError:
        return None


DURATIONS = st.lists(
    st.tuples(
        st.sampled_from(["", "0", "1", "7", "90", "00", "12345", "+"]),
        st.sampled_from(["", ".", ".5", ".05", ".333333333333", ".1", ".7", ".29", ".000000001"]),
        st.sampled_from(["ns", "us", "µs", "μs", "ms", "s", "m", "h", "", "d", " s"]),
    ),
    min_size=1,
    max_size=3,
).map(lambda parts: "".join(part for parts_ in parts for part in parts_))  # fmt: skip


@given(DURATIONS | st.text(alphabet="0123456789.+-nuµmsh ", max_size=8))
def test_durations_are_those_of_go(written: str) -> None:
    expected = go_parse_duration(written)
    assert ours(values.duration, written) == (None if expected is not None and expected < 0 else expected)


SIZES = st.tuples(
    st.sampled_from(["", "-", "+", " "]),
    st.sampled_from(["0", "1", "1.5", ".5", "5.", "1e3", "12345", "1_0", "."]),
    st.sampled_from(["", " ", "  "]),
    st.sampled_from(["", "b", "B", "k", "Kb", "KiB", "m", "MIB", "g", "tb", "p", "e", "bb", "kk", "ib", "k b"]),
    st.sampled_from(["", " "]),
).map("".join)


@given(SIZES | st.text(alphabet="0123456789. kKmbBie-+", max_size=8))
def test_sizes_are_those_of_docker(written: str) -> None:
    expected = go_ram_in_bytes(written)
    assert ours(values.size, written) == (None if expected is not None and expected >= 2**63 else expected)


PLACES: list[tuple[str, str, t.Callable[[str], t.Any]]] = [
    ("interval", "Interval", lambda text: {"healthcheck": {"test": ["CMD", "a"], "interval": text}}),
    ("memory", "MemoryBytes", lambda text: {"limits": {"memory": text}}),
]


@given(DURATIONS | SIZES, st.sampled_from(PLACES))
def test_stack_files_and_the_module_service_read_values_alike(
    written: str, place: tuple[str, str, t.Callable[[str], t.Any]]
) -> None:
    """C(.5s), C(1.s), C(100ns), C(1µs) and C(+5s) passed in a stack file and failed in C(service)."""
    _name, field, option = place
    reader = values.duration if field == "Interval" else values.size
    try:
        spec = apply_options({}, {"name": "x", "image": "a", **option(written)})
        found = spec["TaskTemplate"]["ContainerSpec"].get("Healthcheck", {}).get(field)
        found = spec["TaskTemplate"].get("Resources", {}).get("Limits", {}).get(field) if found is None else found
    except InvalidOption:
        found = None
    assert found == ours(reader, written)


def test_capabilities_are_written_as_docker_writes_them() -> None:
    written = ["net_admin", " CAP_SYS_TIME ", "all", "Reset"]
    assert [values.capability(name) for name in written] == ["CAP_NET_ADMIN", "CAP_SYS_TIME", "ALL", "RESET"]
    spec = apply_options({}, {"name": "x", "cap_add": written})
    assert spec["TaskTemplate"]["ContainerSpec"]["CapabilityAdd"] == ["CAP_NET_ADMIN", "CAP_SYS_TIME", "ALL", "RESET"]


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
