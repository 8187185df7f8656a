# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where clusters' images are published: SSM parameters under a path that holds nothing secret.

Who may list a path with GetParametersByPath reads every value below it, whatever is allowed for the single names: "If a
user has access to a path, then the user can access all levels of that path" (Systems Manager User Guide, "Restricting
access to Parameter Store parameters using IAM policies"). Tokens and unlock keys lie under ``/swarm/``, images do not.
"""

from __future__ import annotations

import re
import typing as t

from ..errors import NotFound, api_call
from ..ssm import get_parameter, names_below

PATH = "/swarm-images/"
"""The path of published images of all clusters."""
EARLIER_PATH = "/swarm/"
"""Where they were published first, beside the tokens; read where the new name does not exist yet."""

_NEW = re.compile(rf"{PATH}([^/]+)/ami")
_EARLIER = re.compile(rf"{EARLIER_PATH}([^/]+)/ami")
_BATCH = 10  # GetParameters takes no more at once


def earlier_name(name: str) -> str:
    """Return the name that the published image *name* had before, or nothing when *name* is no published image."""
    found = _NEW.fullmatch(name)
    return f"{EARLIER_PATH}{found[1]}/ami" if found else ""


def in_force(names: t.Iterable[str]) -> list[str]:
    """Return which parameters of *names* publish an image; an earlier one counts until the cluster has a new one."""
    known = list(names)
    renewed = {found[1] for name in known if (found := _NEW.fullmatch(name))}
    return [
        name for name in known if _NEW.fullmatch(name) or ((old := _EARLIER.fullmatch(name)) and old[1] not in renewed)
    ]


def image_id_of(ssm: t.Any, reference: str) -> str:
    """Return the AMI id that *reference* means: the id itself, or what the SSM parameter of that name holds.

    :raises NotFound: if there is no such parameter, under the earlier name neither.
    """
    if not reference.startswith("/"):
        return reference
    for name in (reference, earlier_name(reference)):
        found = get_parameter(ssm, name) if name else None
        if found is not None:
            return found.value
    raise NotFound(f"The SSM parameter {reference} does not exist.", region=str(ssm.meta.region_name))


@api_call("read the published images", permission="ssm:GetParameters")
def _values(client: t.Any, names: t.Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(names), _BATCH):
        answer = client.get_parameters(Names=list(names[start : start + _BATCH]))
        found.update({parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]})
    return found


def published_images(client: t.Any) -> dict[str, list[str]]:
    """Return the parameters that publish images, of all clusters, by image id."""
    published: dict[str, list[str]] = {}
    for name, image_id in sorted(_values(client, in_force(names_below(client, PATH, EARLIER_PATH))).items()):
        published.setdefault(image_id, []).append(name)
    return published
