# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When to bake, and which images may go."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.baking import (
    PARTS,
    Image,
    bake_hash,
    decide,
    parts_from_tag,
    parts_to_tag,
    plan_retirement,
)

WANTED = {"base": "ami-0base", "roles": "aaaa", "variables": "bbbb", "version": "1.0.0"}


def image(number: int, parts: dict[str, str] | None = None, validated: bool = True, **changes: t.Any) -> Image:
    """Return a baked image; a higher *number* is a newer one."""
    held = parts or WANTED
    tags = {"swarm:bake-hash": bake_hash(held), "swarm:bake-parts": parts_to_tag(held), "swarm:cluster": "demo"}
    if validated:
        tags["swarm:validated"] = "true"
    return replace(Image(f"ami-{number}", tags=tags), **changes)


def test_the_hash_needs_every_part() -> None:
    with pytest.raises(KeyError):
        bake_hash({"base": "ami-0base"})


@pytest.mark.parametrize("part", PARTS)
def test_every_part_counts(part: str) -> None:
    assert bake_hash({**WANTED, part: "other"}) != bake_hash(WANTED)


def test_parts_survive_their_tag() -> None:
    assert parts_from_tag(parts_to_tag(WANTED)) == WANTED


def test_parts_fit_into_a_tag() -> None:
    longest = {"base": "ami-" + "0" * 17, "roles": "a" * 12, "variables": "b" * 12, "version": "100.100.100-dev0"}
    assert len(parts_to_tag(longest)) <= 256


def test_the_first_bake() -> None:
    verdict = decide(WANTED, [])
    assert verdict.bake
    assert verdict.reason == "There is no validated image yet."


def test_nothing_to_bake() -> None:
    verdict = decide(WANTED, [image(2, {**WANTED, "roles": "newer"}), image(1)])
    assert not verdict.bake
    assert verdict.image is not None
    assert verdict.image.image_id == "ami-1"


@pytest.mark.parametrize(
    ("then", "changed", "words"),
    [
        ({"base": "ami-0old"}, ("base",), "the base image changed"),
        ({"roles": "old", "version": "0.9"}, ("roles", "version"), "the roles' files and the collection's version"),
        ({"variables": "old"}, ("variables",), "the variables changed"),
    ],
)
def test_what_changed_is_said(then: dict[str, str], changed: tuple[str, ...], words: str) -> None:
    verdict = decide(WANTED, [image(1, {**WANTED, **then})])
    assert verdict.bake
    assert verdict.changed_parts == changed
    assert words in verdict.reason


def test_an_image_that_never_passed_is_not_used() -> None:
    verdict = decide(WANTED, [image(1, validated=False)])
    assert verdict.bake
    assert "never passed its checks" in verdict.reason


def test_an_image_that_is_not_available_is_not_used() -> None:
    assert decide(WANTED, [image(1, state="pending")]).bake


def test_by_force() -> None:
    assert decide(WANTED, [image(1)], force=True).bake


def retired(images: list[Image], users: dict[str, list[str]], keep: int, unfinished: bool = False) -> list[str]:
    """Return the IDs of the images that would go."""
    return [item.image.image_id for item in plan_retirement(images, users, keep, "demo", unfinished) if item.retire]


def test_the_newest_stay() -> None:
    assert retired([image(4), image(3), image(2), image(1)], {}, 2) == ["ami-2", "ami-1"]


def test_a_used_one_stays() -> None:
    plan = plan_retirement([image(3), image(2), image(1)], {"ami-1": ["instance i-1"]}, 1, "demo")
    assert [(item.image.image_id, item.retire) for item in plan] == [
        ("ami-3", False),
        ("ami-2", True),
        ("ami-1", False),
    ]
    assert plan[2].reason == "used by instance i-1"


def test_one_that_never_passed_goes_first_and_counts_for_nothing() -> None:
    assert retired([image(3, validated=False), image(2), image(1)], {}, 2) == ["ami-3"]


@pytest.mark.parametrize(("unfinished", "gone"), [(False, []), (True, ["ami-2"])])
def test_one_that_is_being_made(unfinished: bool, gone: list[str]) -> None:
    assert retired([image(2, validated=False, state="pending"), image(1)], {}, 1, unfinished) == gone


def test_images_of_other_clusters_are_not_looked_at() -> None:
    other = image(1)
    other = replace(other, tags={**other.tags, "swarm:cluster": "other"})
    assert plan_retirement([other], {}, 0, "demo") == []
