# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be read and set from outside about a running region: the record, the faults, enforcement, lifetimes."""

from __future__ import annotations

from dataclasses import dataclass, field

from region.middleware.faults import Faults
from region.middleware.identity import Principals, principals
from region.middleware.record import Recorder

ENFORCE_NOTHING = "nothing"
ENFORCE_INSTANCE_PROFILES = "instance-profiles"
ENFORCE_ROLES = "roles"
"""Every role's, those of instances among them. The administrator, a user, and AWS's own services are free."""
ENFORCEMENTS = (ENFORCE_NOTHING, ENFORCE_INSTANCE_PROFILES, ENFORCE_ROLES)


@dataclass
class Control:
    """State of the middleware.

    :ivar enforce: whose IAM policies really decide.
    :ivar role_lifetime: seconds that instance credentials live.
    """

    recorder: Recorder
    faults: Faults = field(default_factory=Faults)
    principals: Principals = field(default_factory=lambda: principals)
    enforce: str = ENFORCE_NOTHING
    role_lifetime: float = 6 * 3600.0
