# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status of a local region tells of its instances."""

from __future__ import annotations

from typing import Any

from region.world.environment import living


def instance(name: str, state: str, role: str = "") -> dict[str, Any]:
    tags = {"swarm:cluster": "demo", "swarm:role": role} if role else {}
    return {
        "id": name, "state": state, "image_id": "ami-1", "instance_type": "t3.small", "private_ip": None, "az": "a",
        "tags": tags,
    }  # fmt: skip


def test_u16_only_what_lives_is_told_a_clusters_machines_together() -> None:
    machines = [
        instance("i-1", "terminated", "manager"),
        instance("i-2", "running", "worker"),
        instance("i-3", "pending", "manager"),
        instance("i-4", "stopped"),
    ]
    rows = living(machines)
    assert [row["id"] for row in rows] == ["i-4", "i-3", "i-2"]
    assert rows[1] == {
        "id": "i-3", "state": "pending", "cluster": "demo", "role": "manager", "address": "", "zone": "a",
        "type": "t3.small", "image": "ami-1",
    }  # fmt: skip
