# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Plans: what a deploy would change, field by field, and which tasks it would restart. Pure."""

from __future__ import annotations

from .objects import PREDEFINED
from .order import order
from .service import plan_create, plan_merged, plan_remove, plan_update, running
from .stack import PlanOptions, own_services, plan_absent, plan_stack
from .tree import fingerprint, from_tree, replicas, task_tree, to_tree
from .types import Json, LiveState, ObjectPlan, ServicePlan, StackPlan

__all__ = [
    "PREDEFINED",
    "Json",
    "LiveState",
    "ObjectPlan",
    "PlanOptions",
    "ServicePlan",
    "StackPlan",
    "fingerprint",
    "from_tree",
    "order",
    "own_services",
    "plan_absent",
    "plan_create",
    "plan_merged",
    "plan_remove",
    "plan_stack",
    "plan_update",
    "replicas",
    "running",
    "task_tree",
    "to_tree",
]
