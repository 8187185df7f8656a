# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A line chart as SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 230, 40, 50
COLOURS = ("#0b6e99", "#d1495b", "#6c757d", "#edae49", "#5b8c5a")

Points = Sequence[tuple[float, float]]


def step(largest: float, lines: int = 5) -> float:
    """Return a round distance (1, 2 or 5 times a power of ten) that divides 0 to *largest* into about *lines* parts."""
    rough = largest / lines
    power = 10.0 ** math.floor(math.log10(rough))
    return min((factor * power for factor in (1, 2, 5, 10)), key=lambda width: abs(width - rough))


def chart(title: str, across: str, up: str, lines: Mapping[str, Points]) -> str:
    """Return the picture; each line is a name and its points, sorted by their first number."""
    most_x = max(x for points in lines.values() for x, dummy in points)
    most_y = max(y for points in lines.values() for dummy, y in points)
    distance = step(most_y)
    top_y = distance * math.ceil(most_y / distance)

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + x / most_x * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - y / top_y * (HEIGHT - TOP - BOTTOM),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
    ]
    for number in range(round(top_y / distance) + 1):
        x, y = place(0, number * distance)
        parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{x - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{number * distance:g}</text>')
    for x in sorted({x for points in lines.values() for x, dummy in points}):
        place_x, place_y = place(x, 0)
        parts.append(f'<text x="{place_x:.1f}" y="{place_y + 18:.1f}" text-anchor="middle">{x:g}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" text-anchor="end">{escape(across)}</text>')
    parts.append(f'<text x="{LEFT}" y="{TOP - 4}" font-size="12">{escape(up)}</text>')
    for (name, points), colour, label in zip(lines.items(), COLOURS, _labels(lines, place), strict=False):
        path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in (place(*point) for point in points)
        ]
        parts.append(f'<text x="{WIDTH - RIGHT + 10}" y="{label:.1f}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _labels(lines: Mapping[str, Points], place: object) -> list[float]:
    """Return the height of each line's name: at its end, and at least a line of text away from the others."""
    assert callable(place)
    ends = {name: place(*points[-1])[1] + 4 for name, points in lines.items()}
    lowest = float("-inf")
    for name in sorted(ends, key=lambda name: ends[name]):
        ends[name] = lowest = max(ends[name], lowest + 16)
    return [ends[name] for name in lines]
