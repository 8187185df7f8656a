# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of C(docs/iam) held against all calls of the demo, both ways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from demo.people import DOCUMENTS
from handlers import NEEDED
from local_region import ROOT
from permissions import allowed
from region.emulator.authorization.services import IAM_PREFIXES
from road import CLUSTER, REGION, Road

OF_BAD_INPUT = "/no/such/parameter"
"""A test gives it as the place of a base image, where nobody may look."""
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@pytest.fixture(scope="module")
def calls(road: Road) -> list[dict[str, Any]]:
    """Let who operates a cluster look at it too, and return all calls so far."""
    for playbook in ("status", "images"):
        done = road.playbook(playbook)
        assert done.returncode == 0, done.stdout + done.stderr
    return road.calls()[0]


def _called(calls: list[dict[str, Any]], role: str) -> set[str]:
    own = [one for one in calls if one["role"] == f"{CLUSTER}-{REGION}-{role}"]
    return {f"{IAM_PREFIXES.get(one['service'], one['service'])}:{one['action']}" for one in own}


def _reasons() -> Iterator[tuple[str, str]]:
    """Yield role and action of each that the page says is not called."""
    for line in (ROOT / "docs/iam.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0] in DOCUMENTS:
            yield from ((cells[0], action) for action in re.findall(r"`([\w-]+:\w+)`", cells[1]))


def test_a14_every_role_has_done_its_work(calls: list[dict[str, Any]]) -> None:
    for role in DOCUMENTS:
        assert len(_called(calls, role)) > 5, role
    nodes = {one["role"] for one in calls if one["role"].startswith("swarm-")}
    assert nodes == {f"swarm-{CLUSTER}-{REGION}-{name}" for name in ("manager", "worker")}


def test_a14_nothing_is_missing(calls: list[dict[str, Any]]) -> None:
    refused = [one for one in calls if one["error"] in DENIED and one["parameters"].get("Name") != OF_BAD_INPUT]
    assert refused == []


@pytest.mark.parametrize("role", DOCUMENTS)
def test_a14_nothing_is_allowed_without_need(calls: list[dict[str, Any]], role: str) -> None:
    held = {action for document in DOCUMENTS[role] for action, _statement in allowed(document)}
    handlers = {permission.lower() for permission in NEEDED} if role == "cluster" else set()
    unused = {action for action in held - _called(calls, role) if action.lower() not in handlers}
    reasons = {action for name, action in _reasons() if name == role}
    assert unused <= reasons, f"allowed, never called, and no reason in docs/iam.md: {sorted(unused - reasons)}"
    assert reasons <= held, f"a reason for what is not allowed: {sorted(reasons - held)}"
