# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a caller may do what it asks for: what a call must be allowed, on which resources, by which policies.

One call may need several permissions, as in AWS: each resource that it names or makes is judged by itself, tags at
creation need the action that tags, and who gives a role to a machine must be allowed to pass it.
"""

from __future__ import annotations
