# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a node image: its age, its packages as the bake listed them, their flaws, its users; pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from datetime import datetime

from ..._errors import InvalidInput
from ..cluster.record import parse_time
from .baking import Image, parts_from_tag
from .vulnerabilities import known_flaws

ENGINES = ("docker.io", "docker-ce", "moby-engine", "docker")
"""Packages that are the engine, by distribution."""
DEBIAN = "Debian"


@dataclass(frozen=True)
class PackageList:
    """What a bake wrote about the packages of an image.

    :ivar packages: each with ``name`` and ``version``, on Debian also ``source_package`` and ``source_version``.
    :ivar release: the code name of the distribution's release, ``""`` when unknown.
    """

    distribution: str = ""
    release: str = ""
    kernel: str = ""
    packages: t.Sequence[t.Mapping[str, t.Any]] = field(default=())

    @classmethod
    def from_json(cls, data: t.Any) -> PackageList:
        """Read what the role C(bake) wrote.

        :raises InvalidInput: if it is something else.
        """
        packages = data.get("packages") if isinstance(data, dict) else None
        if not isinstance(packages, list) or not all(isinstance(one, dict) and "name" in one for one in packages):
            raise InvalidInput("it is not a list of packages that a bake wrote.")
        return cls(
            distribution=str(data.get("distribution") or ""),
            release=str(data.get("release") or ""),
            kernel=str(data.get("kernel") or ""),
            packages=tuple(packages),
        )

    @property
    def engine_version(self) -> str:
        """The version of the engine's package, ``""`` if there is none."""
        versions = {str(one["name"]): str(one.get("version", "")) for one in self.packages}
        return next((versions[name] for name in ENGINES if name in versions), "")

    def sources(self) -> dict[str, str]:
        """Return the versions by source package, as Debian's tracker names them."""
        return {
            str(one.get("source_package") or one["name"]): str(one.get("source_version") or one.get("version", ""))
            for one in self.packages
        }


def image_report(
    image: Image, now: datetime, listed: PackageList | None, tracker: t.Any, users: t.Sequence[str]
) -> dict[str, t.Any]:
    """Return what is known of *image*.

    :param listed: its packages; ``None`` when no list is at hand.
    :param tracker: the data of Debian's security tracker; ``None`` when they are not at hand.
    :param users: who uses it, in words.
    :raises InvalidInput: if *tracker* is something else.
    """
    born, ends = parse_time(image.created), parse_time(image.deprecated)
    flaws = None
    if listed is not None and tracker is not None and listed.release and listed.distribution.startswith(DEBIAN):
        flaws = known_flaws(listed.sources(), listed.release, tracker)
    return {
        "image_id": image.image_id,
        "name": image.name,
        "state": image.state,
        "validated": image.validated,
        "created": image.created,
        "age_days": (now - born).days if born else None,
        "deprecated": image.deprecated,
        "is_deprecated": bool(ends and ends <= now),
        "encrypted": image.encrypted,
        "imds_support": image.imds_support,
        "snapshot_ids": list(image.snapshot_ids),
        "baked_from": parts_from_tag(image.tags.get("swarm:bake-parts", "")),
        "tags": dict(image.tags),
        "used_by": list(users),
        "distribution": listed.distribution if listed else "",
        "kernel": listed.kernel if listed else "",
        "engine_version": listed.engine_version if listed else "",
        "packages": [dict(one) for one in listed.packages] if listed else None,
        "package_count": len(listed.packages) if listed else None,
        "flaws": None if flaws is None else [flaw.report() for flaw in flaws],
        "unfixed_packages": None
        if flaws is None
        else _packages(flaw.package for flaw in flaws if not flaw.fixed_version),
        "outdated_packages": None if flaws is None else _packages(flaw.package for flaw in flaws if flaw.fixed_version),
    }


def _packages(names: t.Iterable[str]) -> list[str]:
    return sorted(set(names))
