# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small values as Docker reads them: scalars, durations, sizes, CPUs, booleans, command lines, environment files. Pure.

The one reader of such values, for stack files and for modules' options. Functions raise BadValue with the rest of a
sentence, such as C(must be a duration like "30s" or "1m30s", not "3 apples"); who calls them adds the place.
"""

from __future__ import annotations

import ipaddress
import math
import re
import struct
import typing as t
from decimal import Decimal
from fractions import Fraction

from .problems import BadValue, kind

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_SPECIAL_FLOATS = {".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}

_UNITS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6,
    "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_DURATION = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_SIZE = re.compile(r"([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?) ?(?:b|([kmgtp])(?:b|ib)?)?", re.IGNORECASE)
_POWERS = "kmgtp"
_RATIONAL = re.compile(r"[+]?([0-9]+/[0-9]+|([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?)\Z")


def plain_scalar(text: str) -> t.Any:
    """Return the value of an unquoted YAML scalar: None, bool, int, float or str.

    Times and dates stay text, and so does everything that only YAML 1.1 gives a meaning (C(yes), C(22:22)).
    """
    if text in _NULLS:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    if _INTEGER.match(digits):
        number = _integer(digits)
        return number if -(2**63) <= number < 2**64 else float(number)
    if _FLOAT.match(digits):
        return float(digits)
    return _SPECIAL_FLOATS.get(text.lower(), text)


def _integer(text: str) -> int:
    sign = -1 if text[0] == "-" else 1
    body = text.lstrip("+-").lower()
    if len(body) > 1 and body[0] == "0":
        base = {"x": 16, "b": 2, "o": 8}.get(body[1])
        return sign * (int(body[2:], base) if base else int(body, 8))
    return sign * int(body)


def text(value: t.Any) -> str:
    """Return a scalar as Docker writes it where a text is wanted: C(1.10) is V("1.1"), None is V("")."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    return str(value)


def _float_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    scale = len(digits) + int(exponent) - 1
    prefix = "-" if sign else ""
    if value == 0:
        return prefix + "0"
    # Go's fmt package changes to an exponent at 1e+06, sooner than Python.
    if -4 <= scale < 6:
        return format(Decimal(repr(value)).normalize(), "f")
    mantissa = "".join(str(digit) for digit in digits)
    mantissa = mantissa if len(mantissa) == 1 else f"{mantissa[0]}.{mantissa[1:]}"
    return f"{prefix}{mantissa}e{'-' if scale < 0 else '+'}{abs(scale):02d}"


def single_precision(value: float) -> float:
    """Return the shortest number that a 32 bit float cannot tell from this one, as the engine stores ratios."""
    packed = struct.pack("f", value)
    for precision in range(1, 10):
        short = float(f"{value:.{precision}g}")
        if struct.pack("f", short) == packed:
            return short
    return value


def duration(value: t.Any) -> int:
    """Return nanoseconds of a text like V(1m30s), as Go's C(time.ParseDuration) reads it; negative ones are refused.

    Source: C(ParseDuration) and C(leadingFraction) in Go's src/time/format.go.
    """
    problem = f'must be a duration like "30s" or "1m30s", not {kind(value)}'
    if not isinstance(value, str) or not value:
        raise BadValue(problem)
    if value in {"0", "+0", "-0"}:
        return 0
    rest = value[1:] if value[0] in "+-" else value
    total = position = 0
    while position < len(rest):
        match = _DURATION.match(rest, position)
        whole, fraction, unit = match.groups() if match else ("", "", "")
        if not whole and not fraction:
            raise BadValue(problem)
        total += int(whole or "0") * _UNITS[unit] + _fraction(fraction or "", _UNITS[unit])
        position = match.end() if match else 0
    if not rest or total >= 2**63:
        raise BadValue(problem)
    if value[0] == "-" and total:
        raise BadValue(f"must not be negative; write {kind(rest)}")
    return total


def _fraction(digits: str, unit: int) -> int:
    """Return the nanoseconds of what stands behind the point: Go leaves out digits that overflow, and cuts off."""
    number, scale = 0, 1.0
    for digit in digits:
        if number > (2**63 - 1) // 10 or number * 10 + int(digit) > 2**63:
            break
        number, scale = number * 10 + int(digit), scale * 10
    return int(float(number) * (float(unit) / scale))


def size(value: t.Any) -> int:
    """Return bytes of a number or a text like V(512M); K, M, G, T and P are powers of 1024.

    Source: C(RAMInBytes) in github.com/docker/go-units/size.go, without the hexadecimal numbers of C(ParseFloat).
    """
    problem = f'must be a size like "512M" or "2g", not {kind(value)}'
    if isinstance(value, bool):
        raise BadValue(problem)
    if isinstance(value, int) and value >= 0:
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise BadValue(problem)
    power = _POWERS.index(match.group(2).lower()) + 1 if match.group(2) else 0
    number = float(match.group(1)) * 1024**power
    if not 0 <= number < 2**63:
        raise BadValue(problem)
    return int(number)


def capability(name: str) -> str:
    """Return a capability as the engine writes it, C(CAP_NET_ADMIN) for V(net_admin); V(ALL) and V(RESET) as they are.

    Source: C(NormalizeCapability) in docker/cli opts/capabilities.go.
    """
    upper = name.strip().upper()
    return upper if upper in {"ALL", "RESET"} or upper.startswith("CAP_") else f"CAP_{upper}"


def is_address(text: str) -> bool:
    """Say whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def variable_lines(text: str) -> t.Iterator[tuple[int, str, str | None]]:
    """Yield number, name and value of the lines of an environment file; the value is None without a sign of equality.

    Lines end with a line feed only, perhaps after a carriage return; blanks before the name, empty lines and those that
    begin with C(#) do not count. Nothing is unquoted. Source: docker/cli pkg/kvfile/kvfile.go (C(parseKeyValueFile)).

    Raises BadValue with the number of the line as its path, never with its text.
    """
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not name or " " in name or "\t" in name:
            raise BadValue('must be a line like "KEY=value"', (number,))
        yield number, name, value if equals else None


def nano_cpus(value: t.Any) -> int:
    """Return billionths of a CPU of a number or a text like V("0.5")."""
    problem = f'must be a number of CPUs like "0.5", not {kind(value)}'
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise BadValue(problem)
    written = text(value).strip()
    if not _RATIONAL.match(written):
        raise BadValue(problem)
    try:
        nano = Fraction(written) * 10**9
    except ZeroDivisionError:
        raise BadValue(problem) from None
    if nano.denominator != 1:
        raise BadValue(f"{kind(value)} is too precise; use at most nine decimals")
    if nano >= 2**63:
        raise BadValue(problem)
    return int(nano)


def boolean(value: str) -> bool:
    """Return the boolean that a text names, as interpolation needs it."""
    lower = value.lower()
    if lower in {"y", "yes", "true", "on"}:
        return True
    if lower in {"n", "no", "false", "off"}:
        return False
    raise BadValue(f"must be true or false, not {kind(value)}")


def file_mode(value: t.Any) -> int:
    """Return permission bits of a number, or of octal digits in a text."""
    problem = f"must be permission bits like 0440, not {kind(value)}"
    if isinstance(value, str):
        if not re.fullmatch(r"0?o?[0-7]{1,5}", value):
            raise BadValue(problem)
        value = int(value.replace("o", ""), 8)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise BadValue(problem)
    return value


def words(value: str) -> list[str]:
    """Split a command line as a POSIX shell does, without expanding anything; C(#) at a word's start is a comment."""
    result: list[str] = []
    word: str | None = None
    position = 0
    while position < len(value):
        char = value[position]
        position += 1
        if char in " \t\r\n":
            if word is not None:
                result.append(word)
            word = None
        elif char == "#" and word is None:
            end = value.find("\n", position)
            position = end + 1 if end >= 0 else len(value)
        elif char in "\"'":
            piece, position = _quoted(value, position, char)
            word = (word or "") + piece
        elif char == "\\":
            if position == len(value):
                raise BadValue("ends with a backslash; remove it or write the command as a list")
            word = (word or "") + value[position]
            position += 1
        else:
            word = (word or "") + char
    if word is not None:
        result.append(word)
    return result


def _quoted(value: str, position: int, quote: str) -> tuple[str, int]:
    """Return what stands until the closing quote, and the position after it."""
    piece = ""
    while position < len(value):
        char = value[position]
        position += 1
        if char == quote:
            return piece, position
        # Within double quotes a backslash takes any character literally: so Docker's splitter has it.
        if char == "\\" and quote == '"' and position < len(value):
            char = value[position]
            position += 1
        piece += char
    raise BadValue(f"has an opening {quote} without a closing one")
