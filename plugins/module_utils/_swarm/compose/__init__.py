# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: may change in any release.
"""Compose files: reading, interpolation, validation, long syntax and merging. Pure; runs on the controller."""

from __future__ import annotations

from .errors import ComposeError
from .project import Project, load_project

__all__ = ["ComposeError", "Project", "load_project"]
