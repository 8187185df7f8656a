# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's order of versions, and what the security tracker knows of an image's packages."""

from __future__ import annotations

import shutil
import subprocess
import typing as t
from datetime import UTC, datetime

import pytest

from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.baking import Image
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.report import PackageList, image_report
from ansible_collections.apiary.swarm.plugins.module_utils._aws.image.vulnerabilities import (
    Flaw,
    compare_versions,
    known_flaws,
)
from ansible_collections.apiary.swarm.plugins.module_utils._errors import InvalidInput

ORDER = [
    "0~rc1",
    "0",
    "1.0~~",
    "1.0~~a",
    "1.0~",
    "1.0~beta1-1",
    "1.0",
    "1.0-0.1",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1+deb13u1",
    "1.0-1.1",
    "1.0-9",
    "1.0-10",
    "1.0a",
    "1.0a-1",
    "1.0+dfsg-1",
    "1.0-dfsg-2",
    "1.0.1",
    "1.9",
    "1.10",
    "2:0.1",
    "10:0.1",
]


def test_versions_are_ordered_as_by_dpkg() -> None:
    """Every pair, asked of dpkg itself where there is one."""
    dpkg = shutil.which("dpkg")
    assert dpkg, "this test needs dpkg, which every Debian and Ubuntu has"
    pairs = [(one, other) for one in ORDER for other in ORDER]
    script = "\n".join(
        f"{dpkg} --compare-versions '{one}' lt '{other}' && echo lt || "
        f"{{ {dpkg} --compare-versions '{one}' eq '{other}' && echo eq || echo gt; }}"
        for one, other in pairs
    )
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True, timeout=120)
    for (one, other), word in zip(pairs, done.stdout.split(), strict=True):
        found = compare_versions(one, other)
        assert (found > 0) - (found < 0) == {"lt": -1, "eq": 0, "gt": 1}[word], (one, other)


def entry(**state: str) -> dict[str, t.Any]:
    """Return what the tracker says of one issue."""
    return {"description": "x", "releases": {"trixie": {"repositories": {}, **state}}}


TRACKER = {
    "openssl": {
        "CVE-1": entry(status="open", urgency="low**"),
        "CVE-2": entry(status="resolved", fixed_version="3.5.1-1+deb13u2", urgency="high"),
        "CVE-3": entry(status="resolved", fixed_version="3.5.1-1", urgency="high"),
        "CVE-4": entry(status="resolved", fixed_version="0", urgency="not yet assigned"),
        "CVE-5": entry(status="open", urgency="unimportant"),
        "CVE-6": {"releases": {"bookworm": {"status": "open"}}},
    },
    "zlib": {"CVE-7": entry(status="open", urgency="not yet assigned")},
    "unused": {"CVE-8": entry(status="open")},
}
SOURCES = {"openssl": "3.5.1-1+deb13u1", "zlib": "1:1.3", "bash": "5.2"}


def test_open_flaws_and_those_that_an_update_repairs() -> None:
    """Fixed in an older version, never there, unimportant, or of another release: no flaw."""
    assert known_flaws(SOURCES, "trixie", TRACKER) == [
        Flaw("openssl", "3.5.1-1+deb13u1", "CVE-1", "low"),
        Flaw("zlib", "1:1.3", "CVE-7"),
        Flaw("openssl", "3.5.1-1+deb13u1", "CVE-2", "high", "3.5.1-1+deb13u2"),
    ]
    assert known_flaws(SOURCES, "bookworm", TRACKER) == [Flaw("openssl", "3.5.1-1+deb13u1", "CVE-6")]


@pytest.mark.parametrize("tracker", [[], {"openssl": []}, {"openssl": {"CVE-1": []}}, {"openssl": {"CVE-1": {}}}])
def test_other_data_are_refused(tracker: t.Any) -> None:
    with pytest.raises(InvalidInput, match="not those of Debian's security tracker"):
        known_flaws(SOURCES, "trixie", tracker)


# -- the report --------------------------------------------------------------------------------------------------------
LISTED = {
    "distribution": "Debian 13",
    "release": "trixie",
    "kernel": "6.12",
    "packages": [
        {
            "name": "libssl3",
            "version": "3.5.1-1+deb13u1",
            "source_package": "openssl",
            "source_version": "3.5.1-1+deb13u1",
        },
        {"name": "zlib1g", "version": "1:1.3+b1", "source_package": "zlib", "source_version": "1:1.3"},
        {"name": "docker.io", "version": "26.1.5", "source_package": "docker.io", "source_version": "26.1.5"},
    ],
}
NOW = datetime(2026, 7, 1, tzinfo=UTC)
IMAGE = Image("ami-1", created="2026-05-01T10:00:00.000Z", deprecated="2026-06-30T10:00:00.000Z")


def test_a_report() -> None:
    """Age, engine, packages, flaws by binary packages' sources, users."""
    report = image_report(IMAGE, NOW, PackageList.from_json(LISTED), TRACKER, ["instance i-1"])
    assert (report["age_days"], report["is_deprecated"]) == (60, True)
    assert (report["engine_version"], report["package_count"], report["kernel"]) == ("26.1.5", 3, "6.12")
    assert report["unfixed_packages"] == ["openssl", "zlib"]
    assert report["outdated_packages"] == ["openssl"]
    assert report["used_by"] == ["instance i-1"]


@pytest.mark.parametrize(
    ("listed", "tracker"),
    [
        (None, TRACKER),
        (LISTED, None),
        ({**LISTED, "release": ""}, TRACKER),
        ({**LISTED, "distribution": "Ubuntu 24.04"}, TRACKER),
    ],
)
def test_what_is_not_known_is_null_and_not_none_at_all(listed: t.Any, tracker: t.Any) -> None:
    """No list, no data, or another distribution: nobody may read that as an image without flaws."""
    report = image_report(IMAGE, NOW, PackageList.from_json(listed) if listed else None, tracker, [])
    assert report["flaws"] is report["unfixed_packages"] is report["outdated_packages"] is None


@pytest.mark.parametrize("data", [None, [], {}, {"packages": {}}, {"packages": ["bash"]}])
def test_a_list_that_no_bake_wrote(data: t.Any) -> None:
    with pytest.raises(InvalidInput, match="not a list of packages"):
        PackageList.from_json(data)
