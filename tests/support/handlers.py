# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CloudFormation's handlers of the cluster's resources may call, as AWS publishes it in their schemas."""

from __future__ import annotations

from cfnlint.decode import decode
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from documents import ROOT

_HANDLERS = ("create", "read", "update", "delete")


def _needed() -> dict[str, set[str]]:
    """Return permission → the handlers that name it, over all types of the template."""
    template, errors = decode(str(ROOT / "roles/cluster/files/cluster.template"))
    assert template is not None and not errors
    needed: dict[str, set[str]] = {}
    for kind in {str(resource["Type"]) for resource in template["Resources"].values()}:
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
        for handler in _HANDLERS:
            for permission in handlers.get(handler, {}).get("permissions", ()):
                needed.setdefault(permission, set()).add(f"{kind} {handler}")
    return needed


NEEDED = _needed()
