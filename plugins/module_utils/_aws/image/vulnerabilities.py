# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which packages of an image have known flaws, by the data of Debian's security tracker; pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..._errors import InvalidInput

HARMLESS = "unimportant"
"""The tracker's urgency of flaws that cannot be used in Debian's build of a package."""


@dataclass(frozen=True)
class Flaw:
    """One known flaw of one source package.

    :ivar package: the source package.
    :ivar version: the version that the image has.
    :ivar issue: the CVE number.
    :ivar urgency: the tracker's word, ``""`` when it has none.
    :ivar fixed_version: the first version without it, ``""`` when there is none yet.
    """

    package: str
    version: str
    issue: str
    urgency: str = ""
    fixed_version: str = ""

    def report(self) -> dict[str, str]:
        """Return it as the modules return it."""
        return {
            "package": self.package,
            "version": self.version,
            "issue": self.issue,
            "urgency": self.urgency,
            "fixed_version": self.fixed_version,
        }


def known_flaws(sources: t.Mapping[str, str], release: str, tracker: t.Any) -> list[Flaw]:
    """Return the flaws of *sources*, those without a fix first, each group by package and number.

    :param sources: versions by source package.
    :param release: the code name of the Debian release (``trixie``).
    :param tracker: the tracker's data as it publishes them, by source package and issue.
    :raises InvalidInput: if *tracker* is something else.
    """
    found = []
    for package, version in sources.items():
        for issue, entry in _entries(tracker, package).items():
            state = _state(entry, package, issue).get(release)
            if not isinstance(state, dict) or state.get("urgency") == HARMLESS:
                continue
            fixed = "" if state.get("status") == "open" else str(state.get("fixed_version", ""))
            # "0" means that the release never had the flaw.
            if state.get("status") == "open" or (fixed not in ("", "0") and compare_versions(version, fixed) < 0):
                urgency = str(state.get("urgency", "")).rstrip("*")
                found.append(Flaw(package, version, issue, "" if urgency == "not yet assigned" else urgency, fixed))
    return sorted(found, key=lambda flaw: (bool(flaw.fixed_version), flaw.package, flaw.issue))


def _entries(tracker: t.Any, package: str) -> dict[str, t.Any]:
    entries = tracker.get(package, {}) if isinstance(tracker, dict) else None
    if not isinstance(entries, dict):
        raise InvalidInput("the data are not those of Debian's security tracker (JSON by package and CVE).")
    return entries


def _state(entry: t.Any, package: str, issue: str) -> dict[str, t.Any]:
    releases = entry.get("releases") if isinstance(entry, dict) else None
    if not isinstance(releases, dict):
        raise InvalidInput(f"the data are not those of Debian's security tracker ({package} {issue} has no releases).")
    return releases


def compare_versions(one: str, other: str) -> int:
    """Return a number below, equal to or above zero, as Debian orders two versions of a package."""
    epoch_one, rest_one = _epoch(one)
    epoch_other, rest_other = _epoch(other)
    if epoch_one != epoch_other:
        return epoch_one - epoch_other
    upstream_one, revision_one = _revision(rest_one)
    upstream_other, revision_other = _revision(rest_other)
    return _compare(upstream_one, upstream_other) or _compare(revision_one, revision_other)


def _epoch(version: str) -> tuple[int, str]:
    epoch, colon, rest = version.partition(":")
    return (int(epoch), rest) if colon and epoch.isdigit() else (0, version)


def _revision(version: str) -> tuple[str, str]:
    upstream, dash, revision = version.rpartition("-")
    return (upstream, revision) if dash else (version, "")


def _compare(one: str, other: str) -> int:
    """Compare text and numbers in turns; text by its letters, then other signs, and ``~`` before the end."""
    texts_one, numbers_one = _parts(one)
    texts_other, numbers_other = _parts(other)
    for index in range(max(len(texts_one), len(texts_other))):
        text_one = texts_one[index] if index < len(texts_one) else ""
        text_other = texts_other[index] if index < len(texts_other) else ""
        weights_one, weights_other = _weights(text_one), _weights(text_other)
        if weights_one != weights_other:
            return -1 if weights_one < weights_other else 1
        number_one = numbers_one[index] if index < len(numbers_one) else 0
        number_other = numbers_other[index] if index < len(numbers_other) else 0
        if number_one != number_other:
            return number_one - number_other
    return 0


def _parts(text: str) -> tuple[list[str], list[int]]:
    """Return the texts and the numbers of *text*, which follow one another, a text first (perhaps an empty one)."""
    pairs = re.findall(r"(\D*)(\d*)", text)
    return [pair[0] for pair in pairs], [int(pair[1] or 0) for pair in pairs]


def _weights(text: str) -> list[int]:
    return [*(-1 if sign == "~" else ord(sign) + (0 if sign.isalpha() else 256) for sign in text), 0]
